#include <reel/graph/structural.h>
#include <reel/ops/activation.h>
#include <reel/ops/arithmetic.h>
#include <reel/ops/batch_sum.h>
#include <reel/ops/broadcast.h>
#include <reel/ops/elementary.h>
#include <reel/ops/embedding.h>
#include <reel/ops/matmul.h>
#include <reel/ops/reduction.h>

#include "network.h"

using namespace reel;
using namespace reel::test;

namespace {

struct Inputs {
  Tape tape;
  Var x, w, ids, y;
  Sequence steps;
  Inputs() {
    x = tape.input("x", {B, 3});
    w = tape.input("w", {3});
    ids = tape.ids("ids", {B});
    steps = tape.input("steps", 2, {B, 3});
    y = (x * w + steps[0] + 2.0 * steps[1]) * one_hot(ids, 3);
  }
};

const Tensor<double>& x24() {
  static const Tensor<double> x = random_tensor({4, 3}, 1);
  return x;
}

struct Bound {
  Tensor<double> x = random_tensor({4, 3}, 1), w = random_tensor({3}, 2), steps = random_tensor({2, 4, 3}, 3);
  Tensor<std::int32_t> ids = random_ids({4}, 4, 3);
};

// The plan refuses the bindings with an InputError that contains every part; so does the interpreter.
void check_refused(std::vector<Binding> bindings, std::initializer_list<const char*> parts, RunOptions options = {}) {
  const Inputs in;
  const auto plan = compile<double>(in.tape, {in.y});
  Workspace<double> workspace(plan);
  check_throws<InputError>([&] { plan.run(workspace, bindings, options); }, parts);
  check_throws<InputError>([&] { Interpreter<double>(in.tape, bindings, nullptr, {}, options.rows); }, parts);
}

}  // namespace

TEST_CASE("bindings: what fits is accepted in any order, and B is what the inputs say") {
  const Inputs in;
  const Bound b;
  const auto plan = compile<double>(in.tape, {in.y});
  Workspace<double> workspace(plan);
  plan.run(workspace, {{"steps", b.steps}, {"w", b.w}, {"ids", b.ids}, {"x", b.x}});
  CHECK(workspace.value(in.y).shape() == Shape{4, 3});
  const Index id = b.ids[2], at = 2 * 3 + id;
  CHECK(workspace.value(in.y)[at] == doctest::Approx(b.x[at] * b.w[id] + b.steps[at] + 2 * b.steps[12 + at]));
  CHECK(workspace.value(in.y)[2 * 3 + (id + 1) % 3] == 0);
  CHECK_NOTHROW(plan.run(workspace, {{"steps", b.steps}, {"w", b.w}, {"ids", b.ids}, {"x", b.x}}, {.rows = 4}));
}

TEST_CASE("bindings: every mistake is an InputError naming the input and what was given") {
  const Bound b;
  const Tensor<double> five = random_tensor({5, 3}, 1), wide = random_tensor({4, 2}, 1), flat = random_tensor({12}, 1);
  const Tensor<double> late = random_tensor({3, 4, 3}, 1), swapped = random_tensor({4, 2, 3}, 1), scalar(Shape{});
  const Tensor<std::int32_t> integers({4, 3});
  const Tensor<std::complex<double>> complex({4, 3});
  const auto with = [&](std::string_view name, InputView view) {
    std::vector<Binding> all{{"x", b.x}, {"w", b.w}, {"ids", b.ids}, {"steps", b.steps}};
    for (Binding& binding : all)
      if (binding.name == name) binding.view = view;
    return all;
  };
  check_refused({{"w", b.w}, {"ids", b.ids}, {"steps", b.steps}}, {"x [B, 3]", "not bound"});
  check_refused({{"x", b.x}, {"x", b.x}, {"w", b.w}, {"ids", b.ids}, {"steps", b.steps}}, {"x [B, 3]", "twice"});
  check_refused(with("x", five), {"B = 4", "B = 5", "x [B, 3]"});
  check_refused(with("x", wide), {"x [B, 3]", "[4, 2]"});
  check_refused(with("x", flat), {"x [B, 3]", "[12]"});
  check_refused(with("x", scalar), {"x [B, 3]", "[]"});
  check_refused(with("w", b.x), {"w [3]", "[4, 3]"});
  check_refused(with("steps", late), {"steps [T=2, B, 3]", "[3, 4, 3]"});
  check_refused(with("steps", swapped), {"steps [T=2, B, 3]", "[4, 2, 3]"});
  check_refused(with("steps", b.x), {"steps [T=2, B, 3]", "[4, 3]"});
  check_refused(with("x", integers), {"x [B, 3]", "int32"});
  check_refused(with("x", complex), {"x [B, 3]", "complex"});
  check_refused(with("ids", flat), {"ids [B]", "int32", "double"});
  check_refused(with("", b.x), {"B = 4", "5 rows"}, {.rows = 5});
}

TEST_CASE("bindings: a plan takes its own element type, the interpreter float and double") {
  Tape tape;
  const Var x = tape.input("x", {B, 3});
  const Var y = tanh(x);
  const auto plan = compile<float>(tape, {y});
  Workspace<float> workspace(plan);
  check_throws<InputError>([&] { plan.run(workspace, {{"x", x24()}}); }, {"x [B, 3]", "expects float", "given double"});
  const Tensor<float> rounded = cast<float>(x24());
  CHECK_NOTHROW(plan.run(workspace, {{"x", rounded}}));
  CHECK_NOTHROW(interpret<double>(tape, {{"x", rounded}}));
  check_throws<InputError>([&] { interpret<double>(tape, {{"x", Tensor<std::int32_t>({4, 3})}}); }, {"float or double", "int32"});
}

TEST_CASE("bindings: names that no input has are ignored, so that one set of bindings serves plans of fewer outputs") {
  Tape tape;
  const Var x = tape.input("x", {B, 3}), target = tape.input("target", {B, 3});
  const Var y = tanh(x), loss = sum(square(y - target));
  const auto forward = compile<double>(tape, {y}), full = compile<double>(tape, {loss});
  CHECK(forward.inputs().size() == 1);
  CHECK(full.inputs().size() == 2);
  Workspace<double> workspace(forward);
  CHECK_NOTHROW(forward.run(workspace, {{"x", x24()}, {"target", x24()}}));
}

TEST_CASE("bindings: an input that a pass folds away must still be bound, and must fit") {
  Tape tape;
  const Var x = tape.input("x", {B, 3});
  const Var y = tape.constant(1.0) + tape.constant(2.0), z = sum(stop_gradient(x)) * y;
  const auto plan = compile<double>(tape, {z});
  Workspace<double> workspace(plan);
  check_throws<InputError>([&] { plan.run(workspace, {}); }, {"x [B, 3]", "not bound"});
}

TEST_CASE("bindings: rows are told by options where no input has B") {
  Tape tape;
  const Var w = tape.input("w", {3});
  const Var y = broadcast(w, {B, 3}), n = tape.batch_size();
  const auto plan = compile<double>(tape, {y, n});
  Workspace<double> workspace(plan);
  const Tensor<double> three({3}, {1, 2, 3});
  plan.run(workspace, {{"w", three}});
  CHECK(workspace.value(y).shape() == Shape{1, 3});  // 1 row by default
  plan.run(workspace, {{"w", three}}, {.rows = 2});
  check_close(workspace.value(y), {1, 2, 3, 1, 2, 3}, 0);
  plan.run(workspace, {{"w", three}}, {.rows = 0});
  CHECK(workspace.value(y).size() == 0);
  CHECK(workspace.value(n)[0] == 0);
  check_throws<InputError>([&] { plan.run(workspace, {{"w", three}}, {.rows = -2}); }, {"-2"});
}

TEST_CASE("bindings: an empty batch gives empty rows and sums of 0") {
  Tape tape;
  const Var x = tape.input("x", {B, 3});
  const Var y = tanh(x), loss = sum(y), average = mean(y), g = gradient(average, x);
  check_plan(tape, {{y, loss, average, g}}, Data().add("x", Tensor<double>({0, 3})));
}

TEST_CASE("bindings: borrowed memory needs no alignment") {
  Tape tape;
  const Var x = tape.input("x", {B, 5});
  const Var w = tape.constant(random_tensor({5, 7}, 1));
  const Var y = matmul(tanh(x), w), z = x * 3.0, total = batch_sum(x);
  const auto plan = compile<float>(tape, {y, z, total});
  Workspace<float> aligned(plan), borrowed(plan);
  const Tensor<float> data = cast<float>(random_tensor({13, 5}, 2));
  // Exactly as long as needed, and 4 bytes off any alignment.
  std::vector<float> memory(1 + 13 * 5);
  std::copy(data.begin(), data.end(), memory.begin() + 1);
  plan.run(aligned, {{"x", data}});
  plan.run(borrowed, {{"x", TensorView<const float>(memory.data() + 1, {13, 5})}});
  const std::vector<Var> outputs{y, z, total};
  CHECK(bits_of(aligned, outputs) == bits_of(borrowed, outputs));
}

TEST_CASE("bindings: an input of every dimension that a shape may have can be bound") {
  Tape tape;
  const Var x = tape.input("x", {1, 2, 1, 2, 1, 2});
  const Var y = sum(x);
  CHECK(interpret<double>(tape, {{"x", uniform_tensor({1, 2, 1, 2, 1, 2}, 1, 1, 1)}}).value(y)[0] == doctest::Approx(8));
}
