#include <reel/models/cells/lstm.h>
#include <reel/models/parameter_set.h>
#include <reel/models/unroll.h>
#include <reel/ops/arithmetic.h>
#include <reel/ops/elementary.h>
#include <reel/ops/reduction.h>
#include <reel/train/optimizers.h>

#include "models/cells/cell_table.h"
#include "models/cells/pytorch_case.h"
#include "models/plain_loops.h"

using namespace reel;
using namespace reel::test;

namespace {

const std::vector<double> kBegin = {0.3, -0.9, 0.1, 0.5}, kMemory = {-0.4, 1.2, 0.2, -0.7};

// 5 steps of a cell of 2 inputs and 4 units, whose biases are drawn too.
template <class Cell>
struct FiveSteps {
  Tape tape;
  ParameterSet set;
  Cell cell{set, "cell", 2, 4, drawn()};
  ParameterValues<double> values = set.initial<double>(2);
  plain::Numbers numbers{values};
  Sequence x = tape.input("x", 5, {2});
  Tensor<double> drawn_x = random_tensor(Shape{5, 2}, 8);
  Data data = Data().add("x", drawn_x);
  Var constant(const std::vector<double>& v) { return tape.constant(Tensor<double>(Shape{4}, v)); }
};

// h and c of every step.
template <class Cell>
void check_equations() {
  FiveSteps<Cell> f;
  const auto run = unroll(f.cell, f.x, {f.constant(kBegin), f.constant(kMemory)});
  plain::Memory s{{kBegin}, {kMemory}};
  std::vector<ExpectedVar> expected;
  for (Index t = 0; t < 5; ++t) {
    s = plain::step(f.numbers, f.cell, plain::row_of(f.drawn_x, t, 2), s);
    const auto& state = run.states[static_cast<std::size_t>(t)];
    expected.insert(expected.end(), {{"h", state.h, s.h.v}, {"c", state.c, s.c.v}});
  }
  check_twice(f.tape, expected, f.data, &f.values, 1e-14);
}

}  // namespace

TEST_CASE("lstm: equals plain loops over the equations") { check_equations<Lstm>(); }

TEST_CASE("peephole lstm: equals plain loops over the equations") { check_equations<PeepholeLstm>(); }

TEST_CASE("peephole lstm: without its peepholes it is an LSTM") {
  Tape tape;
  ParameterSet set;
  const Lstm plain_cell(set, "plain", 2, 3, drawn());
  const PeepholeLstm cell(set, "cell", 2, 3, drawn());
  auto values = set.initial<double>(2);
  for (const Parameter& p : set.all())
    if (p.name().starts_with("plain.")) set_values<double>(set, values, "cell" + p.name().substr(5), values[p]);
  const Sequence x = tape.input("x", 4, {B, 2});
  const auto a = unroll(plain_cell, x, zero_state(tape, plain_cell));
  const auto b = unroll(cell, x, zero_state(tape, cell));
  const Var apart = sum(abs(a.last.h - b.last.h)) + sum(abs(a.last.c - b.last.c));
  const Data data = Data().add("x", random_tensor(Shape{4, 2, 2}, 8));
  CHECK(interpret<double>(tape, data.bindings<double>(), &values).value(apart)[0] > 0.01);
  for (const Parameter& p : {cell.p_i, cell.p_f, cell.p_o}) std::ranges::fill(values.edit(p), 0.0);
  check_twice(tape, {{"difference", apart, {0}}}, data, &values, 1e-14);
}

TEST_CASE("first-generation lstm: equals plain loops over the equations") {
  FiveSteps<FirstGenerationLstm> f;
  const auto run = unroll(f.cell, f.x, f.constant(kBegin));
  plain::Row s{kBegin};
  std::vector<ExpectedVar> expected;
  for (Index t = 0; t < 5; ++t) {
    s = plain::step(f.numbers, f.cell, plain::row_of(f.drawn_x, t, 2), s);
    expected.push_back({"s", run.outputs[static_cast<std::size_t>(t)], s.v});
  }
  check_twice(f.tape, expected, f.data, &f.values, 1e-14);
}

TEST_CASE("first-generation lstm: the output gate acts within the candidate alone") {
  FiveSteps<FirstGenerationLstm> f;
  std::ranges::fill(f.values.edit(f.cell.n.W), 0.0);
  const auto run = unroll(f.cell, f.x, f.constant(kBegin));
  std::vector<ExpectedVar> expected;
  const Var loss = sum(run.last);
  expected.push_back({"dU_o", gradient(loss, f.tape.parameter(f.cell.o.U)), std::vector<double>(8)});
  expected.push_back({"db_o", gradient(loss, f.tape.parameter(f.cell.o.b)), std::vector<double>(4)});
  check_twice(f.tape, expected, f.data, &f.values, 0);
}

TEST_CASE("lstm: values and gradients equal PyTorch's LSTM") {
  PyTorchCase c;
  const Lstm cell(c.set, "cell", 2, 3);
  auto values = c.set.initial<double>(1);
  c.set_gates(values, "cell", {"i", "f", "o", "g"});
  const auto run = unroll(cell, c.x, zero_state(c.tape, cell));
  const Var loss = c.loss(run.outputs);
  const std::vector<Var> g = gradients(loss, {{cell.i.U, cell.f.W, cell.o.U, cell.g.W, cell.f.b}});
  check_twice(
      c.tape,
      {{"h", c.all(run.outputs),
        batch_first({0.157881501715237, -0.0099731020361359, -0.0112529884135684, 0.181517614651471, -0.012548469861056,
                     -0.00950086821440473, 0.240097057454417, -0.0190946490447862, -0.0144474793133294, -0.0665309109780539,
                     0.04573702215037, -0.0446733837221848, 0.00447395001484517, 0.0231776646629191, -0.0481816841564283,
                     -0.121680532017436, 0.0600600020424901, -0.0604201395933883})},
       {"c",
        run.last.c,
        {0.00851252619644155, 0.0508504052987538, -0.122588483967307, -0.231210648731569, 0.12886704619572, -0.143702378510228}},
       {"loss", loss, {-0.0976923078165591}},
       {"dU_i",
        g[0],
        {-0.0320855813786947, 0.0109733382621941, 0.00794794304077247, -0.0253729579862701, 0.0122773902641985,
         0.0075077008274569}},
       {"dW_f",
        g[1],
        {0.00857387650469677, -0.000159416620798364, -0.000332204344094064, -0.000462136814698418, -0.000128295152566827,
         0.000206999624734229, -0.000679083477698884, 0.000174187212417864, -0.000198029591067844}},
       {"dU_o",
        g[2],
        {-0.0054474446763378, 0.0110754605499876, 0.00646963635603181, -2.69907637775058e-05, 0.0117290367029426,
         0.00556778971201719}},
       {"dW_g",
        g[3],
        {0.0139707319688955, 0.0303562101947472, 0.00471201347047685, -0.00244755391308941, -0.0054674783753615,
         -0.00419535057094237, 0.000902888082747483, 0.00226482230334367, 0.00432343387710043}},
       {"db_f", g[4], {0.0518690974169685, -0.00565079726757336, 0.00415217629289747}}},
      c.data, &values, 1e-12);
}
