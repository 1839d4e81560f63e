#include <reel/graph/structural.h>
#include <reel/models/cells/any_cell.h>
#include <reel/models/cells/recurrent_cell.h>
#include <reel/models/initializers.h>
#include <reel/models/lengths.h>
#include <reel/models/parameter_set.h>
#include <reel/models/unroll.h>
#include <reel/ops/activation.h>
#include <reel/ops/arithmetic.h>
#include <reel/ops/elementary.h>
#include <reel/ops/operand.h>
#include <reel/ops/reduction.h>
#include <reel/ops/selection.h>

#include "models/cells/cell_table.h"

using namespace reel;
using namespace reel::test;

namespace {

constexpr Index T = 6, rows = 5, I = 3, H = 4;
const std::vector<std::int32_t> lengths{6, 4, 4, 1, 0};

// Every sequence of the batch, run by a cell as padded, as packed, and one by one without padding.
struct ThreeWays {
  Tape tape;
  ParameterSet set;
  AnyCell cell;
  Sequence x = tape.input("x", T, {B, I}), mask = tape.input("mask", T, {B});
  std::vector<RowCount> counts = tape.row_counts("counts", T);
  ParameterValues<double> values;
  Data data;

  explicit ThreeWays(const TestedCell& kind) : cell(kind.make(set, I, H)), values(set.initial<double>(3)) {
    Tensor<double> m(Shape{T, rows});
    Tensor<std::int32_t> n(Shape{T});
    for (Index t = 0; t < T; ++t)
      for (Index r = 0; r < rows; ++r)
        if (t < lengths[static_cast<std::size_t>(r)]) m[t * rows + r] = 1, ++n[t];
    data.add("x", random_tensor(Shape{T, rows, I}, 5, 0.8)).add("mask", m).add("counts", n);
    for (const StatePart& part : cell.state_layout())
      data.add("initial." + part.name, random_tensor(part.shape.bind(rows), 6, 0.5));
  }

  // Uneven sums over every output that counts and over the final state.
  Var loss(const Unrolled<AnyCell::State>& run, bool masked) {
    std::vector<Var> terms;
    for (std::size_t t = 0; t < run.outputs.size(); ++t) {
      Var y = square(run.outputs[t] - 0.1 * static_cast<double>(t));
      if (masked) y = mask_rows(y, t);
      terms.push_back(sum(y));
    }
    AnyCell::State final = run.last;
    for (Var* part : final.parts()) terms.push_back(0.7 * sum(tanh(*part)));
    return accumulate(terms);
  }
  Var mask_rows(Var y, std::size_t t) { return reel::mask(y, Operand(mask[t])); }
};

std::vector<double> numbers(TensorView<const double> x) { return {x.begin(), x.end()}; }

}  // namespace

TEST_CASE("lengths: padded and packed batches have equal losses and gradients") {
  for (const TestedCell& kind : every_cell()) {
    for (const Direction direction : {Direction::forward, Direction::backward}) {
      CAPTURE(kind.name);
      CAPTURE(static_cast<int>(direction));
      ThreeWays w(kind);
      const AnyCell::State initial = input_state(w.tape, w.cell, "initial");
      const Var padded = w.loss(unroll(w.cell, w.x, initial, Lengths::padded(w.mask), direction), true);
      const Var packed = w.loss(unroll(w.cell, w.x, initial, Lengths::packed(w.counts), direction), false);
      std::vector<Var> wrt{w.x[0], w.x[2], w.x[5], initial.vars[0]};
      for (const Parameter& p : w.set.all()) wrt.push_back(w.tape.parameter(p));
      const std::vector<Var> g = gradients(padded, wrt), h = gradients(packed, wrt);
      std::vector<Var> outputs{padded, packed};
      outputs.insert(outputs.end(), g.begin(), g.end());
      outputs.insert(outputs.end(), h.begin(), h.end());
      check_plan(w.tape, outputs, w.data, &w.values, &w.set);
      const auto run = interpret<double>(w.tape, w.data.bindings<double>(), &w.values);
      CHECK(run.value(packed)[0] == doctest::Approx(run.value(padded)[0]).epsilon(1e-13));
      for (std::size_t i = 0; i < wrt.size(); ++i) {
        CAPTURE(w.tape.describe(wrt[i].id()));
        check_close(run.value(h[i]), numbers(run.value(g[i])), 1e-12);
      }
    }
  }
}

TEST_CASE("lengths: packed gradients agree with the complex step") {
  for (const TestedCell& kind : every_cell())
    for (const Direction direction : {Direction::forward, Direction::backward}) {
      CAPTURE(kind.name);
      ThreeWays w(kind);
      const AnyCell::State initial = input_state(w.tape, w.cell, "initial");
      const Var loss = w.loss(unroll(w.cell, w.x, initial, Lengths::packed(w.counts), direction), false);
      std::vector<Var> wrt{w.x[0], w.x[3], initial.vars[0]};
      for (const Parameter& p : w.set.all()) wrt.push_back(w.tape.parameter(p));
      const auto report = check_gradients(loss, wrt, w.data.bindings<double>(), &w.values, {.most_elements = 6});
      INFO(report.text());
      CHECK(report.ok());
    }
}

TEST_CASE("lengths: each sequence ends as it does alone") {
  for (const TestedCell& kind : every_cell()) {
    for (const Direction direction : {Direction::forward, Direction::backward}) {
      CAPTURE(kind.name);
      ThreeWays w(kind);
      const AnyCell::State initial = zero_state(w.tape, w.cell);
      const auto packed = unroll(w.cell, w.x, initial, Lengths::packed(w.counts), direction);
      const auto run = interpret<double>(w.tape, w.data.bindings<double>(), &w.values);
      for (Index r = 0; r < rows; ++r) {
        const Index n = lengths[static_cast<std::size_t>(r)];
        Tape tape;
        const auto alone = unroll(w.cell, tape.input("x", n, {1, I}), w.cell.make_state([&] {
          std::vector<Var> zeros;
          for (const StatePart& part : w.cell.state_layout()) zeros.push_back(tape.zeros({1, part.shape.last()}));
          return zeros;
        }()),
                                  {}, direction);
        Tensor<double> x(Shape{n, 1, I});
        const Tensor<double> all = random_tensor(Shape{T, rows, I}, 5, 0.8);
        for (Index t = 0; t < n; ++t)
          for (Index i = 0; i < I; ++i) x[t * I + i] = all[(t * rows + r) * I + i];
        const auto expected = interpret<double>(tape, Data().add("x", x).bindings<double>(), &w.values);
        for (std::size_t p = 0; p < packed.last.vars.size(); ++p) {
          const auto of_batch = numbers(run.value(packed.last.vars[p]));
          const auto row = expected.value(alone.last.vars[p]);
          check_close(row, {of_batch.begin() + r * row.size(), of_batch.begin() + (r + 1) * row.size()}, 1e-14);
        }
      }
    }
  }
}

TEST_CASE("lengths: padding gets no gradient and has no effect") {
  for (const bool pack : {false, true}) {
    CAPTURE(pack);
    ThreeWays w(cell_called("gru"));
    const auto run = unroll(w.cell, w.x, zero_state(w.tape, w.cell), pack ? Lengths::packed(w.counts) : Lengths::padded(w.mask));
    const Var loss = w.loss(run, !pack);
    std::vector<Var> outputs{loss};
    for (const Var& g : gradients(loss, w.x)) outputs.push_back(g);
    for (const Parameter& p : w.set.all()) outputs.push_back(gradients(loss, {{w.tape.parameter(p)}})[0]);
    const auto plan = compile<double>(w.tape, outputs);
    std::vector<std::vector<double>> first;
    for (const double padding : {0.25, -3.0, pack ? std::nan("") : 1e6}) {
      CAPTURE(padding);
      Tensor<double> x = random_tensor(Shape{T, rows, I}, 5, 0.8);
      for (Index t = 0; t < T; ++t)
        for (Index r = 0; r < rows; ++r)
          if (t >= lengths[static_cast<std::size_t>(r)]) std::fill_n(x.data() + (t * rows + r) * I, I, padding);
      std::vector<Binding> bindings = w.data.bindings<double>();
      for (Binding& b : bindings)
        if (b.name == "x") b = Binding{"x", x};
      Workspace<double> workspace(plan, &w.values);
      plan.run(workspace, bindings);
      for (std::size_t i = 0; i < outputs.size(); ++i) {
        const auto now = numbers(workspace.value(outputs[i]));
        if (first.size() < outputs.size()) first.push_back(now);
        CHECK(first[i] == now);
      }
      for (Index t = 0; t < T; ++t)
        for (Index r = 0; r < rows; ++r)
          for (Index i = 0; i < I && t >= lengths[static_cast<std::size_t>(r)]; ++i)
            CHECK(workspace.value(outputs[1 + static_cast<std::size_t>(t)])[r * I + i] == 0);
    }
  }
}

TEST_CASE("lengths: of another number of steps are refused") {
  ThreeWays w(cell_called("elman"));
  const Sequence shorter(w.x.begin(), w.x.begin() + 3);
  check_throws<InputError>([&] { unroll(w.cell, shorter, zero_state(w.tape, w.cell), Lengths::packed(w.counts)); }, {"3", "6"});
  check_throws<InputError>([&] { unroll(w.cell, shorter, zero_state(w.tape, w.cell), Lengths::padded(w.mask)); }, {"3", "6"});
}

TEST_CASE("lengths: the final state of a packed batch may be carried") {
  ThreeWays w(cell_called("elman"));
  const auto run = unroll(w.cell, w.x, carried_state(w.tape, w.cell, "state"), Lengths::packed(w.counts));
  const auto plan = compile<double>(w.tape, {run.last.vars[0]});
  Workspace<double> workspace(plan, &w.values);
  plan.run(workspace, w.data.bindings<double>());
  CHECK(numbers(workspace.carried("state.h")) == numbers(workspace.value(run.last.vars[0])));
}
