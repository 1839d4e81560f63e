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
    CHECK(one.set.elements() == many.set.elements());
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
    CHECK(set.elements() == expected.at(kind.name));
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
