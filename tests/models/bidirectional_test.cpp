#include <reel/graph/structural.h>
#include <reel/models/bidirectional.h>
#include <reel/models/cells/any_cell.h>
#include <reel/models/cells/elman.h>
#include <reel/models/cells/lstm.h>
#include <reel/models/lengths.h>
#include <reel/models/parameter_set.h>
#include <reel/models/unroll.h>
#include <reel/ops/arithmetic.h>
#include <reel/ops/elementary.h>
#include <reel/ops/joining.h>
#include <reel/ops/reduction.h>
#include <reel/ops/reshape.h>
#include <reel/ops/selection.h>

#include "models/cells/cell_table.h"
#include "models/cells/pytorch_case.h"

using namespace reel;
using namespace reel::test;

namespace {

// PyTorch's bidirectional LSTM.
struct BothWays : PyTorchCase {
  Lstm forward{set, "forward", 2, 3}, backward{set, "backward", 2, 3};
  ParameterValues<double> values = set.initial<double>(1);

  BothWays(Index T, Index rows) : PyTorchCase(T, rows, 6) {
    set_gates(values, "forward", {"i", "f", "o", "g"});
    set_gates(values, "backward", {"i", "f", "o", "g"}, 5);
  }

  // What the run shows and the gradients of its loss, in the order of `names`.
  std::vector<ExpectedVar> expect(const Bidirectional::Run& run, const std::vector<std::vector<double>>& numbers) const {
    const Var total = loss(run.outputs) + 0.5 * sum(square(run.last));
    const std::vector<Var> g = gradients(total, {{forward.i.U, forward.f.W, backward.g.W, backward.o.U, backward.f.b}}),
                           dx = gradients(total, x);
    const char* const names[] = {"final",         "loss",          "forward dU_i",  "forward dW_f",
                                 "backward dW_g", "backward dU_o", "backward db_f", "dx"};
    const Var found[] = {run.last, total, g[0], g[1], g[2], g[3], g[4], stack(dx)};
    std::vector<ExpectedVar> expected;
    for (std::size_t i = 0; i < std::size(names); ++i) expected.push_back({names[i], found[i], numbers.at(i)});
    return expected;
  }
};

// Of the batch of lengths 4, 2 and 1.
std::vector<std::vector<double>> packed_numbers() {
  return {
      {0.116323948899535, 0.020708624560269, -0.0393135503495474, 0.468494713006971, 0.391730731825354, 0.331242616527677,
       -0.0398850281544877, 0.0292601898786349, -0.0416543865334748, 0.458918170331394, 0.428991743081558, 0.403240496726007,
       0.194931241893492, -0.0134655479599445, -0.00791887235717357, 0.438668510475052, 0.459674062662881, 0.47942115967269},
      {-0.0928873570476321},
      {-0.0335168539903307, -0.00233654392953516, 0.00520473291820252, -0.0376747726712503, -0.00150454466671532,
       0.0021021862683863},
      {0.0022665605960271, 0.000708520610583742, -0.00109818764901156, 0.000310938621132626, -0.000542347759681052,
       0.000782366782677794, -0.000619515094152688, 0.000555686708983047, -0.000801323175016533},
      {-0.0987858221356147, -0.000266402687613264, 0.0517236068629121, -0.0835040891077624, -0.0262518742531324,
       0.0147053760823997, -0.0710122670503583, -0.0399702149407887, -0.00855756348863599},
      {-0.10187403652869, -0.149492372582597, -0.0874907567823786, -0.0893314844944862, -0.15809107173887, -0.0966978531813517},
      {-0.127504706075656, -0.0215464496415211, 0.00433303758006753},
      batch_first({0.0896224547422279,
                   -0.72432501937764,
                   -0.481731063869125,
                   -0.252284508350671,
                   -0.0787340695029553,
                   -0.0527651019754336,
                   0.383508189261954,
                   -0.214027179178885,
                   -0.38016826093956,
                   -0.072065609377314,
                   0,
                   0,
                   0.494578656147917,
                   0.310889501783151,
                   0,
                   0,
                   0,
                   0,
                   0.389496518575457,
                   0.41211443240348,
                   0,
                   0,
                   0,
                   0},
                  4, 3)};
}

}  // namespace

TEST_CASE("bidirectional: values and gradients equal PyTorch's bidirectional LSTM") {
  BothWays c(3, 2);
  const auto run = Bidirectional(c.forward, c.backward)(c.x);
  std::vector<ExpectedVar> expected = c.expect(
      run,
      {{0.00447395001484517, 0.0231776646629191, -0.0481816841564283, 0.514659208282657, 0.445768911473651, 0.374177433659495,
        -0.121680532017436, 0.0600600020424901, -0.0604201395933883, 0.478651940578617, 0.429879102297296, 0.394061354973242},
       {0.770660113667905},
       {-0.052152949527367, 0.00147507670866044, 0.00152206862213534, -0.0552094435648501, 0.00134147966650169,
        0.00078805039168911},
       {0.0127521192604422, -0.000617671007883065, -0.000189207047036187, -0.00107108089468291, 0.000124335068958879,
        4.46815398182753e-05, -0.000771367567351473, -4.7558224455441e-05, -1.99696096673318e-05},
       {-0.010835408199324, 0.0827546238033567, 0.103992609118423, -0.0156796140925848, 0.0741872177759225, 0.0902796646556044,
        -0.0173826650000654, 0.0695647809315885, 0.0808429283943116},
       {-0.0449589311984561, -0.0948052407809188, -0.0403517997287625, -0.0448080324045124, -0.11627246679676,
        -0.0529282466724749},
       {-0.0128409831507672, 0.07964725720808, 0.0779117797932112},
       batch_first({-0.0748522847194766, -0.784406336510362, -0.376208426394748, -0.289192857128819, 0.0271699390833791,
                    0.212246838623692, 0.280708706543621, -0.229777679079139, -0.327184871555436, 0.106253343117818,
                    0.00547681543656975, 0.0864067041984702},
                   3, 2)});
  expected.push_back(
      {"outputs", c.all(run.outputs),
       batch_first({0.157881501715237,   -0.0099731020361359, -0.0112529884135684, 0.514659208282657,    0.445768911473651,
                    0.374177433659495,   0.181517614651471,   -0.012548469861056,  -0.00950086821440474, 0.478651940578617,
                    0.429879102297296,   0.394061354973242,   0.240097057454417,   -0.0190946490447862,  -0.0144474793133294,
                    0.503769524148563,   0.484931551150533,   0.469288357829405,   -0.0665309109780539,  0.04573702215037,
                    -0.0446733837221849, 0.104178985754381,   0.023939230589475,   -0.0180311081187266,  0.00447395001484517,
                    0.0231776646629191,  -0.0481816841564283, 0.0846222032048592,  0.0283300884608077,   -0.00947512148438121,
                    -0.121680532017436,  0.0600600020424901,  -0.0604201395933883, 0.123297425298419,    0.0661697982356544,
                    0.0203391024622986})});
  check_twice(c.tape, expected, c.data, &c.values, 1e-12);
}

TEST_CASE("bidirectional: a packed batch equals PyTorch's packed sequence") {
  BothWays c(4, 3);
  const std::vector<RowCount> counts = c.tape.row_counts("counts", 4);
  c.data.add("counts", Tensor<std::int32_t>(Shape{4}, {3, 2, 1, 1}));  // lengths 4, 2, 1
  const auto run = Bidirectional(c.forward, c.backward)(c.x, Lengths::packed(counts));
  std::vector<ExpectedVar> expected = c.expect(run, packed_numbers());
  const std::vector<double> outputs = {
      0.157881501715237,   -0.0099731020361359, -0.0112529884135684, 0.468494713006971,     0.391730731825354,
      0.331242616527677,   0.181517614651471,   -0.012548469861056,  -0.00950086821440474,  0.458918170331394,
      0.428991743081558,   0.403240496726007,   0.194931241893492,   -0.0134655479599445,   -0.00791887235717357,
      0.438668510475052,   0.459674062662881,   0.47942115967269,    -0.0828833416728751,   0.0493068965458095,
      -0.0447675726944046, 0.159987752722784,   0.0542759857787273,  -0.000838641536494154, -0.0398850281544877,
      0.0292601898786349,  -0.0416543865334748, 0.0846222032048592,  0.0283300884608077,    -0.00947512148438121,
      -0.0679598785955711, 0.0483330710130733,  -0.0543325920500651, 0.275710451405995,     0.182744669521672,
      0.104235461806771,   0.116323948899535,   0.020708624560269,   -0.0393135503495474,   0.319630261213203,
      0.308456972709142,   0.297129098786069};  // the data of the packed sequence: rows of step 0, of step 1, ..
  auto next = outputs.begin();
  for (std::size_t t = 0; t < 4; ++t) {
    const auto end = next + 6 * (t == 0 ? 3 : t == 1 ? 2 : 1);
    expected.push_back({fmt::format("outputs of step {}", t), run.outputs[t], {next, end}});
    next = end;
  }
  check_twice(c.tape, expected, c.data, &c.values, 1e-12);
}

TEST_CASE("bidirectional: a padded batch ends as PyTorch's packed sequence") {
  BothWays c(4, 3);
  const Sequence mask = c.tape.input("mask", 4, {B});
  c.data.add("mask", Tensor<double>(Shape{4, 3}, {1, 1, 1, 1, 1, 0, 1, 0, 0, 1, 0, 0}));
  auto run = Bidirectional(c.forward, c.backward)(c.x, Lengths::padded(mask));
  for (std::size_t t = 0; t < 4; ++t) run.outputs[t] = reel::mask(run.outputs[t], reshape(mask[t], {B, 1}));
  check_twice(c.tape, c.expect(run, packed_numbers()), c.data, &c.values, 1e-12);
}

TEST_CASE("bidirectional: is one cell forward and one over the reversed sequence") {
  for (const TestedCell& kind : every_cell()) {
    CAPTURE(kind.name);
    ParameterSet set;
    const AnyCell ahead = kind.make(set, 2, 3);
    Tape tape;
    const Sequence x = tape.input("x", 4, {B, 2}), reversed(x.rbegin(), x.rend());
    const auto both = Bidirectional(ahead, ahead)(x);  // one set of weights for both directions
    const auto a = unroll(ahead, x, zero_state(tape, ahead)), b = unroll(ahead, reversed, zero_state(tape, ahead));
    std::vector<Var> differences{sum(abs(both.last - concat({a.outputs[3], b.outputs[3]})))};
    for (std::size_t t = 0; t < 4; ++t)
      differences.push_back(sum(abs(both.outputs[t] - concat({a.outputs[t], b.outputs[3 - t]}))));
    const auto values = set.initial<double>(3);
    check_twice(tape, {{"difference", accumulate(differences), {0}}, {"not all zero", step(sum(abs(both.last))), {1}}},
                Data().add("x", random_tensor(Shape{4, 3, 2}, 5)), &values, 1e-13);
  }
}

TEST_CASE("bidirectional: an empty sequence is refused") {
  ParameterSet set;
  const Elman cell(set, "cell", 2, 3);
  check_throws<InputError>([&] { Bidirectional(cell, cell)({}); }, {"Bidirectional", "T = 0"});
}
