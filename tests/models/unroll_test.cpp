#include <reel/models/cells/any_cell.h>
#include <reel/models/cells/elman.h>
#include <reel/models/cells/jordan.h>
#include <reel/models/cells/lstm.h>
#include <reel/models/lengths.h>
#include <reel/models/parameter_set.h>
#include <reel/models/unroll.h>
#include <reel/ops/arithmetic.h>
#include <reel/ops/elementary.h>
#include <reel/ops/joining.h>
#include <reel/ops/reduction.h>
#include <reel/ops/selection.h>
#include <reel/ops/softmax.h>

#include "models/cells/cell_table.h"
#include "models/evaluated_twice.h"

using namespace reel;
using namespace reel::test;

namespace {

// Elman of 2 inputs and 3 units, with drawn weights.
struct Net {
  Tape tape;
  ParameterSet set;
  Elman cell{set, "cell", 2, 3, drawn()};
  ParameterValues<double> values = set.initial<double>(1);
};

std::vector<double> numbers(TensorView<const double> x) { return {x.begin(), x.end()}; }

}  // namespace

TEST_CASE("unroll: outputs and states of every step") {
  Net net;
  const Sequence x = net.tape.input("x", 3, {B, 2});
  const Var h0 = zero_state(net.tape, net.cell);
  CHECK(h0.shape() == Shape{B, 3});
  const auto run = unroll(net.cell, x, h0);
  CHECK(run.outputs.size() == 3);
  CHECK(run.states == run.outputs);
  CHECK(run.last == run.outputs.back());
  const Var by_hand = net.cell.step(x[2], net.cell.step(x[1], net.cell.step(x[0], h0)));
  check_twice(net.tape, {{"difference", sum(abs(run.last - by_hand)), {0}}}, Data().add("x", random_tensor(Shape{3, 2, 2}, 3)),
              &net.values);
}

TEST_CASE("unroll: an empty sequence gives the initial state") {
  Net net;
  const Var h0 = net.tape.carried("h", {B, 3});
  const auto run = unroll(net.cell, {}, h0);
  CHECK(run.outputs.empty());
  CHECK(run.last == h0);
  REQUIRE(net.tape.carries().size() == 1);  // on to itself
  CHECK(net.tape.carries()[0] == std::pair(h0.id(), h0.id()));
}

TEST_CASE("unroll: a state that grows is refused") {
  struct Growing {
    using State = std::vector<Var>;
    State step(Var x, State seen) const {
      seen.push_back(x);
      return seen;
    }
    Var output(const State& seen) const { return seen.back(); }
  };
  Tape tape;
  const Sequence x = tape.input("x", 3, {B, 2});
  check_throws<InputError>([&] { unroll(Growing(), x, Growing::State{x[0]}); }, {"1 parts", "2", "step 0"});
}

TEST_CASE("unroll: with lengths, the final state has what each row ended with and nothing else") {
  Tape tape;
  ParameterSet set;
  const Jordan cell(set, "cell", 2, 3, 2, softmax, drawn());
  const Sequence x = tape.input("x", 3, {B, 2}), mask = tape.input("mask", 3, {B});
  CHECK(unroll(cell, x, zero_state(tape, cell)).last.logits);
  const auto padded = unroll(cell, x, zero_state(tape, cell), Lengths::padded(mask));
  CHECK_FALSE(padded.last.logits);
  CHECK(padded.states[0].logits);
  const auto packed = unroll(cell, x, zero_state(tape, cell), Lengths::packed(tape.row_counts("n", 3)));
  CHECK_FALSE(packed.last.logits);
  CHECK(packed.last.y.shape() == Shape{B, 2});
}

TEST_CASE("unroll: steps are labelled") {
  Net net;
  const auto run = unroll(net.cell, net.tape.input("x", 2, {B, 2}), zero_state(net.tape, net.cell));
  CHECK(net.tape.scope_label(run.outputs[1].id()) == "step 1/cell");
  const Sequence y = map_steps(run.outputs, [](Var h) { return square(h); });
  CHECK(net.tape.scope_label(y[1].id()) == "step 1");
}

TEST_CASE("unroll: two windows with carried state equal one long sequence") {
  for (const TestedCell& kind : every_cell()) {
    CAPTURE(kind.name);
    const Tensor<double> x = random_tensor(Shape{6, 2, 2}, 4);
    Tape tape, whole_tape;
    ParameterSet set;
    const AnyCell cell = kind.make(set, 2, 3);
    const auto values = set.initial<double>(1);
    const auto whole = unroll(cell, whole_tape.input("x", 6, {B, 2}), zero_state(whole_tape, cell));
    const auto expected = interpret<double>(whole_tape, Data().add("x", x).bindings<double>(), &values);

    const auto run = unroll(cell, tape.input("x", 3, {B, 2}), carried_state(tape, cell, "state"));
    const Var y = stack(run.outputs), last = cell.output(run.last);
    const auto plan = compile<double>(tape, {y, last});
    Workspace<double> workspace(plan, &values);
    for (Index window = 0; window < 2; ++window) {
      plan.run(workspace, {{"x", TensorView<const double>(x.data() + window * 12, Shape{3, 2, 2})}});
      const auto end = static_cast<std::size_t>(3 * window + 2);
      check_close(workspace.value(last), numbers(expected.value(whole.outputs[end])), 1e-14);
    }
    workspace.reset();
    plan.run(workspace, {{"x", TensorView<const double>(x.data(), Shape{3, 2, 2})}});
    check_close(workspace.value(last), numbers(expected.value(whole.outputs[2])), 1e-14);
  }
}

TEST_CASE("unroll: the carried state is detached") {
  // The gradient of the second window alone: the same as from a bound initial state of that value.
  Net net;
  const Tensor<double> x = random_tensor(Shape{4, 1, 2}, 4);
  const auto carried = unroll(net.cell, net.tape.input("x", 2, {B, 2}), carried_state(net.tape, net.cell, "state"));
  const Var gradient = gradients(sum(square(carried.last)), {{net.cell.a.W}})[0];
  const auto plan = compile<double>(net.tape, {gradient, carried.last});
  Workspace<double> workspace(plan, &net.values);
  plan.run(workspace, {{"x", TensorView<const double>(x.data(), Shape{2, 1, 2})}});
  const Tensor<double> middle(Shape{1, 3}, numbers(workspace.value(carried.last)));
  plan.run(workspace, {{"x", TensorView<const double>(x.data() + 4, Shape{2, 1, 2})}});

  Tape tape;
  const auto bound = unroll(net.cell, tape.input("x", 2, {B, 2}), input_state(tape, net.cell, "state"));
  const Var expected = gradients(sum(square(bound.last)), {{net.cell.a.W}})[0];
  const Data data = Data().add("x", Tensor<double>(Shape{2, 1, 2}, std::span(x.data() + 4, 4))).add("state.h", middle);
  check_twice(tape, {{"dW", expected, numbers(workspace.value(gradient))}}, data, &net.values, 1e-14);
}

TEST_CASE("unroll: states by name") {
  Tape tape;
  ParameterSet set;
  const Lstm cell(set, "cell", 2, 3);
  const Lstm::State kept = carried_state(tape, cell, "lstm"), bound = input_state(tape, cell, "first");
  CHECK(tape.name(kept.h.id()) == "lstm.h");
  CHECK(tape.name(kept.c.id()) == "lstm.c");
  CHECK(tape.name(bound.c.id()) == "first.c");
  CHECK(bound.c.shape() == Shape{B, 3});
}

TEST_CASE("unroll: a wrong input is refused naming the weight and the step") {
  Net net;
  const Sequence x = net.tape.input("x", 2, {B, 5});
  check_throws<ShapeError>([&] { unroll(net.cell, x, zero_state(net.tape, net.cell)); }, {"[B, 5]", "cell.U [2, 3]"});
}
