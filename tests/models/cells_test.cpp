#include <map>

#include "models/cell_table.h"
#include "models/evaluated_twice.h"

using namespace reel;
using namespace reel::test;

namespace {

const Index kLengths[] = {1, 2, 7, 50};

// ((37 i + offset) mod 19 - 9) / 10: small uneven numbers that are easy to make again elsewhere.
Tensor<double> pattern(Shape shape, int offset) {
  Tensor<double> t(shape);
  for (Index i = 0; i < t.size(); ++i) t[i] = static_cast<double>((37 * i + offset) % 19 - 9) / 10;
  return t;
}

// A cell of 2 inputs and 3 units over 3 steps, as it was run in PyTorch 1.13 in float64.
struct PyTorchCase {
  Tape tape;
  ParameterSet set;
  Sequence x = tape.input("x", 3, {B, 2}), weights = tape.input("weights", 3, {B, 3});
  Data data = Data().add("x", pattern(Shape{3, 2, 2}, 5)).add("weights", pattern(Shape{3, 2, 3}, 3));

  Var loss(const Sequence& h) {
    std::vector<Var> terms;
    for (std::size_t t = 0; t < 3; ++t) terms.push_back(sum(h[t] * weights[t]));
    return accumulate(terms);
  }
  Var all(const Sequence& h) { return stack(h); }  // [B, T, H]
};

// PyTorch's [T, B, H] as [B, T, H], for 3 steps, 2 rows and 3 units.
std::vector<double> batch_first(const std::vector<double>& x) {
  std::vector<double> y;
  for (std::size_t b = 0; b < 2; ++b)
    for (std::size_t t = 0; t < 3; ++t)
      for (std::size_t j = 0; j < 3; ++j) y.push_back(x[(t * 2 + b) * 3 + j]);
  return y;
}

}  // namespace

TEST_CASE("cells: gradients through time agree with the complex step") {
  for (const CellKind& kind : every_cell())
    for (Index T : kLengths)
      for (Index rows : {1, 3}) {
        CAPTURE(kind.name);
        CAPTURE(T);
        CAPTURE(rows);
        CellOverTime c(kind, 2, 3, T, rows);
        const auto report =
            check_gradients(c.loss, c.leaves(), c.data.bindings<double>(), &c.values, {.most_elements = T < 50 ? 24 : 4});
        INFO(report.text());
        CHECK(report.complex_step);
        CHECK(report.ok());
        CHECK(report.checked >= 2 * c.set.size());
      }
}

TEST_CASE("cells: plan against interpreter, in float and double, for every number of threads") {
  for (const CellKind& kind : every_cell())
    for (Index T : kLengths)
      for (Index rows : {1, 3}) {
        CAPTURE(kind.name);
        CAPTURE(T);
        CAPTURE(rows);
        CellOverTime c(kind, 3, 5, T, rows);
        std::vector<Var> outputs{c.loss, c.run.outputs.back()};
        for (const Var& g : gradients(c.loss, c.leaves())) outputs.push_back(g);
        check_plan(c.tape, outputs, c.data, &c.values, &c.set);
      }
}

TEST_CASE("cells: the number of parameters does not depend on the number of steps") {
  for (const CellKind& kind : every_cell()) {
    CAPTURE(kind.name);
    const CellOverTime one(kind, 4, 6, 1, 1), many(kind, 4, 6, 40, 1);
    CHECK(one.set.numbers() == many.set.numbers());
    CHECK(one.set.size() == many.set.size());
  }
}

TEST_CASE("cells: numbers of parameters") {
  const std::map<std::string, Index> expected = {
      {"Elman", 4 * 6 + 6 * 6 + 6},
      {"ElmanConcat", 10 * 6 + 6},
      {"Jordan, softmax", 4 * 6 + 3 * 6 + 6 + 6 * 3 + 3},
      {"Gru", 3 * (4 * 6 + 6 * 6 + 6)},
      {"GruResetAfter", 3 * (4 * 6 + 6 * 6 + 6) + 6},
      {"Lstm", 4 * (4 * 6 + 6 * 6 + 6)},
      {"FirstGenerationLstm", 4 * (4 * 6 + 6 * 6 + 6)},
      {"PeepholeLstm", 4 * (4 * 6 + 6 * 6 + 6) + 3 * 6},
      {"DeepJordan of 1", 4 * 6 + 3 * 6 + 6 + 6 * 3 + 3},
      {"DeepJordan of 3", (4 * 6 + 4 * 6 + 6) + (6 * 4 + 6 * 4 + 4) + (4 * 6 + 2 * 6 + 6) + 6 * 2 + 2},
      {"Deep of 2", 4 * (4 * 6 + 6 * 6 + 6) + 3 * (6 * 7 + 7 * 7 + 7)},
  };
  std::size_t compared = 0;
  for (const CellKind& kind : every_cell()) {
    if (!expected.contains(kind.name)) continue;
    CAPTURE(kind.name);
    ParameterSet set;
    kind.make(set, 4, 6);
    CHECK(set.numbers() == expected.at(kind.name));
    ++compared;
  }
  CHECK(compared == expected.size());
}

TEST_CASE("cells: a sequence without a batch equals a batch of one") {
  for (const CellKind& kind : every_cell()) {
    CAPTURE(kind.name);
    CellOverTime batch(kind, 3, 4, 5, 1);
    Tape tape;
    std::vector<Var> kept;
    for (const StatePart& part : batch.cell.state_layout()) kept.push_back(tape.input("initial." + part.name, part.shape.row()));
    const auto run = unroll(batch.cell, tape.input("x", 5, {3}), batch.cell.make_state(kept));
    Data data;
    data.add("x", random_tensor(Shape{5, 3}, 5, 0.8));
    for (const StatePart& part : batch.cell.state_layout())
      data.add("initial." + part.name, random_tensor(part.shape.row(), 6, 0.5));
    const auto expected = interpret<double>(batch.tape, batch.data.bindings<double>(), &batch.values);
    std::vector<Expected> outputs;
    for (std::size_t t = 0; t < 5; ++t) {
      CHECK_FALSE(run.outputs[t].shape().batched());
      const auto h = expected.value(batch.run.outputs[t]);
      outputs.push_back({"output", run.outputs[t], {h.begin(), h.end()}});
    }
    check_twice(tape, outputs, data, &batch.values, 1e-14);
  }
}

TEST_CASE("cells: rows of a batch do not touch each other") {
  for (const CellKind& kind : every_cell()) {
    CAPTURE(kind.name);
    CellOverTime c(kind, 2, 3, 4, 2);
    const auto run = interpret<double>(c.tape, c.data.bindings<double>(), &c.values);
    // The same sequences with the rows exchanged.
    const auto exchanged = [](Tensor<double> t, Index outer) {
      const Index row = t.size() / outer / 2;
      for (Index o = 0; o < outer; ++o)
        std::swap_ranges(t.begin() + 2 * o * row, t.begin() + (2 * o + 1) * row, t.begin() + (2 * o + 1) * row);
      return t;
    };
    Data data;
    data.add("x", exchanged(random_tensor(Shape{4, 2, 2}, 5, 0.8), 4));
    for (const StatePart& part : c.cell.state_layout())
      data.add("initial." + part.name, exchanged(random_tensor(part.shape.bind(2), 6, 0.5), 1));
    const auto other = interpret<double>(c.tape, data.bindings<double>(), &c.values);
    const auto a = run.value(c.run.outputs.back()), b = other.value(c.run.outputs.back());
    const Index n = a.size() / 2;
    for (Index i = 0; i < n; ++i) {
      CHECK(a[i] == b[n + i]);
      CHECK(a[n + i] == b[i]);
    }
  }
}

TEST_CASE("elman: the concatenated form with A = [U; W] is the same function") {
  Tape tape;
  ParameterSet set;
  const Elman split(set, "split", 3, 4, drawn());
  const ElmanConcat joined(set, "joined", 3, 4, drawn());
  auto values = set.initial<double>(5);
  std::vector<double> A(values[split.U].begin(), values[split.U].end());
  A.insert(A.end(), values[split.W].begin(), values[split.W].end());
  set_values<double>(set, values, "joined.A", Tensor<double>(Shape{7, 4}, A));
  set_values<double>(set, values, "joined.b", values[split.b]);
  const Sequence x = tape.input("x", 6, {B, 3});
  const auto a = unroll(split, x, zero_state(tape, split)), b = unroll(joined, x, zero_state(tape, joined));
  const Var difference = sum(abs(stack(a.outputs) - stack(b.outputs)));
  const Var loss_a = sum(square(a.final)), loss_b = sum(square(b.final));
  const std::vector<Var> ga = gradients(loss_a, {{split.U, split.W, split.b}}), gb = gradients(loss_b, {{joined.A, joined.b}});
  const Var gradient_difference = sum(abs(concat({ga[0], ga[1]}, 0) - gb[0])) + sum(abs(ga[2] - gb[1]));
  check_twice(
      tape, {{"outputs", difference, {0}}, {"gradients", gradient_difference, {0}}, {"not all zero", step(sum(abs(gb[0]))), {1}}},
      Data().add("x", random_tensor(Shape{6, 2, 3}, 9)), &values, 1e-13);
}

TEST_CASE("elman: phi can be chosen") {
  Tape tape;
  ParameterSet set;
  const Elman cell(set, "cell", 2, 2, {.weights = init::values({1, -1, 0.5, 2}), .activation = relu});
  const auto run = unroll(cell, tape.input("x", 2, {2}), tape.zeros({2}));
  const auto values = set.initial<double>(1);
  // x(1) U = (2, .5) = h(1). x(2) U = (-1.2, .2), h(1) W = (2.25, -1): h(2) = relu(1.05, -.8).
  check_twice(tape, {{"h(1)", run.outputs[0], {2, .5}}, {"h(2)", run.outputs[1], {1.05, 0}}},
              Data().add("x", Tensor<double>(Shape{2, 2}, {1.5, 1, -1, -.4})), &values, 1e-14);
}

TEST_CASE("elman: values and gradients equal PyTorch's RNN") {
  PyTorchCase c;
  const Elman cell(c.set, "cell", 2, 3);
  auto values = c.set.initial<double>(1);
  set_values<double>(c.set, values, "cell.U", pattern(Shape{2, 3}, 0));
  set_values<double>(c.set, values, "cell.W", pattern(Shape{3, 3}, 4));
  set_values<double>(c.set, values, "cell.b", pattern(Shape{3}, 8));
  const auto run = unroll(cell, c.x, zero_state(c.tape, cell));
  const Var loss = c.loss(run.outputs);
  const std::vector<Var> g = gradients(loss, {{cell.U, cell.W, cell.b}});
  check_twice(
      c.tape,
      {{"h", c.all(run.outputs),
        batch_first({-0.08975778474716, -0.696257672686681, -0.701374130938313, -0.0499583749578799, -0.821039881332877,
                     -0.811019262099681, 0.0307760036221302, -0.853926425411481, -0.982832300418227, -0.306795702702349,
                     0.859439825825288, -0.354495945175154, -0.404077602997721, 0.692157450099811, -0.674948136613112,
                     -0.796055734157151, -0.334214813093829, 0.791545013373487})},
       {"loss", loss, {-1.18852410545479}},
       {"dU",
        g[0],
        {1.17225489945565, 0.11636803498762, -0.476314622049703, 1.26170488035722, 0.181994781742506, -0.484065302475058}},
       {"dW",
        g[1],
        {-0.0691149314137409, 0.0639331642767333, 0.0484091527647884, -1.14018350471002, -0.419874211694149, 0.0021968076928244,
         -1.05923251908221, -0.0958277747703754, 0.189281994329119}},
       {"db", g[2], {-0.894499809015743, -0.65626746754886, 0.0775068042535479}}},
      c.data, &values, 1e-12);
}

TEST_CASE("lstm: values and gradients equal PyTorch's LSTM") {
  PyTorchCase c;
  const Lstm cell(c.set, "cell", 2, 3);
  auto values = c.set.initial<double>(1);
  int offset = 0;
  for (const char* k : {"i", "f", "o", "g"}) {
    set_values<double>(c.set, values, std::string("cell.U_") + k, pattern(Shape{2, 3}, offset));
    set_values<double>(c.set, values, std::string("cell.W_") + k, pattern(Shape{3, 3}, offset + 4));
    set_values<double>(c.set, values, std::string("cell.b_") + k, pattern(Shape{3}, offset + 8));
    ++offset;
  }
  const auto run = unroll(cell, c.x, zero_state(c.tape, cell));
  const Var loss = c.loss(run.outputs);
  const std::vector<Var> g = gradients(loss, {{cell.U_i, cell.W_f, cell.U_o, cell.W_g, cell.b_f}});
  check_twice(
      c.tape,
      {{"h", c.all(run.outputs),
        batch_first({0.157881501715237, -0.0099731020361359, -0.0112529884135684, 0.181517614651471, -0.012548469861056,
                     -0.00950086821440473, 0.240097057454417, -0.0190946490447862, -0.0144474793133294, -0.0665309109780539,
                     0.04573702215037, -0.0446733837221848, 0.00447395001484517, 0.0231776646629191, -0.0481816841564283,
                     -0.121680532017436, 0.0600600020424901, -0.0604201395933883})},
       {"c",
        run.final.c,
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

namespace {

// One step of Cho et al.'s unit with plain loops.
std::vector<double> naive_gru(const ParameterValues<double>& v, const Gru& cell, const double* x, Index I,
                              const std::vector<double>& h) {
  const auto H = static_cast<Index>(h.size());
  const auto logistic = [](double s) { return 1 / (1 + std::exp(-s)); };
  const auto product = [&](const Parameter& w, const double* row, Index n, Index j) {
    double s = 0;
    for (Index k = 0; k < n; ++k) s += row[k] * v[w][k * H + j];
    return s;
  };
  std::vector<double> reset_h(h.size()), next(h.size());
  for (Index j = 0; j < H; ++j)
    reset_h[static_cast<std::size_t>(j)] =
        h[static_cast<std::size_t>(j)] *
        logistic(product(cell.U_r, x, I, j) + product(cell.W_r, h.data(), H, j) + v[cell.b_r][j]);
  for (Index j = 0; j < H; ++j) {
    const double z = logistic(product(cell.U_z, x, I, j) + product(cell.W_z, h.data(), H, j) + v[cell.b_z][j]);
    const double n = std::tanh(product(cell.U_n, x, I, j) + product(cell.W_n, reset_h.data(), H, j) + v[cell.b_n][j]);
    next[static_cast<std::size_t>(j)] = z * h[static_cast<std::size_t>(j)] + (1 - z) * n;
  }
  return next;
}

}  // namespace

TEST_CASE("gru: equals plain loops over the equations") {
  Tape tape;
  ParameterSet set;
  const Gru cell(set, "cell", 2, 4, drawn());
  const auto values = set.initial<double>(2);
  const auto run = unroll(cell, tape.input("x", 5, {2}), tape.constant(Tensor<double>(Shape{4}, {0.3, -0.9, 0.1, 0.5})));
  const Tensor<double> x = random_tensor(Shape{5, 2}, 8);
  std::vector<double> h = {0.3, -0.9, 0.1, 0.5};
  std::vector<Expected> expected;
  for (Index t = 0; t < 5; ++t) {
    h = naive_gru(values, cell, x.data() + 2 * t, 2, h);
    expected.push_back({"h", run.outputs[static_cast<std::size_t>(t)], h});
  }
  check_twice(tape, expected, Data().add("x", x), &values, 1e-14);
}

TEST_CASE("gru: an update gate of 1 keeps the past") {
  Tape tape;
  ParameterSet set;
  const Gru cell(set, "cell", 2, 3);
  auto values = set.initial<double>(2);
  std::ranges::fill(values.edit(cell.b_z), 800.0);
  const std::vector<double> h0 = {0.3, -0.9, 0.1};
  const auto run = unroll(cell, tape.input("x", 9, {2}), tape.constant(Tensor<double>(Shape{3}, h0)));
  check_twice(tape, {{"h", run.final, h0}}, Data().add("x", random_tensor(Shape{9, 2}, 8)), &values, 1e-15);
}
