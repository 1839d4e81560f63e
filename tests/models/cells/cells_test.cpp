#include <map>

#include <reel/models/cells/recurrent_cell.h>
#include <reel/models/parameter_set.h>
#include <reel/models/unroll.h>
#include <reel/ops/arithmetic.h>

#include "models/cells/cell_table.h"
#include "models/evaluated_twice.h"

using namespace reel;
using namespace reel::test;

namespace {

const Index kLengths[] = {1, 2, 7, 50};

}  // namespace

TEST_CASE("cells: gradients through time agree with the complex step") {
  for (const TestedCell& kind : every_cell())
    for (Index T : kLengths)
      for (Index rows : {1, 3}) {
        CAPTURE(kind.name);
        CAPTURE(T);
        CAPTURE(rows);
        CellOverTime c(kind, 2, 3, T, rows);
        const auto report =
            check_gradients(c.loss, c.leaves(), c.data.bindings<double>(), &c.values, {.most_elements = T < 50 ? 24 : 4});
        INFO(report.text());
        CHECK(report.ok());
        CHECK(report.checked >= 2 * c.set.size());
      }
}

TEST_CASE("cells: plan against interpreter, in float and double, for every number of threads") {
  for (const TestedCell& kind : every_cell())
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
  for (const TestedCell& kind : every_cell()) {
    CAPTURE(kind.name);
    const CellOverTime one(kind, 4, 6, 1, 1), many(kind, 4, 6, 40, 1);
    CHECK(one.set.elements() == many.set.elements());
    CHECK(one.set.size() == many.set.size());
  }
}

TEST_CASE("cells: numbers of parameters") {
  constexpr Index I = 4, H = 6, gate = I * H + H * H + H, lstm = 4 * gate;
  const std::map<std::string, Index> expected = {
      {"elman", gate},
      {"elman-concat", (I + H) * H + H},
      {"jordan", I * H + H * H + H + H * H + H},
      {"gru", 3 * gate},
      {"gru-reset-after", 3 * gate + H},
      {"lstm", lstm},
      {"first-lstm", lstm},
      {"peephole-lstm", lstm + 3 * H},
      {"Jordan, softmax", I * H + 3 * H + H + H * 3 + 3},
      {"Jordan, sigmoid", I * H + 2 * H + H + H * 2 + 2},
      {"Jordan, identity", I * H + 2 * H + H + H * 2 + 2},
      {"DeepJordan of 1", I * H + 3 * H + H + H * 3 + 3},
      {"DeepJordan of 3", (I * H + 4 * H + H) + (H * 4 + H * 4 + 4) + (4 * H + 2 * H + H) + H * 2 + 2},
      {"Gru with dropout, inference", 3 * gate},
      {"Deep of 1", lstm},
      {"Deep of 2", lstm + 3 * (H * 7 + 7 * 7 + 7)},
      {"Deep of 3", lstm + 3 * (H * 7 + 7 * 7 + 7) + (7 * H + H * H + H)},
  };
  for (const TestedCell& kind : every_cell()) {
    CAPTURE(kind.name);
    REQUIRE_MESSAGE(expected.contains(kind.name), "say here how many parameters the cell has");
    ParameterSet set;
    kind.make(set, I, H);
    CHECK(set.elements() == expected.at(kind.name));
  }
  CHECK(every_cell().size() == expected.size());
}

TEST_CASE("cells: a sequence without a batch equals a batch of one") {
  for (const TestedCell& kind : every_cell()) {
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
    std::vector<ExpectedVar> outputs;
    for (std::size_t t = 0; t < 5; ++t) {
      CHECK_FALSE(run.outputs[t].shape().batched());
      const auto h = expected.value(batch.run.outputs[t]);
      outputs.push_back({"output", run.outputs[t], {h.begin(), h.end()}});
    }
    check_twice(tape, outputs, data, &batch.values, 1e-14);
  }
}

TEST_CASE("cells: rows of a batch do not touch each other") {
  for (const TestedCell& kind : every_cell()) {
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
