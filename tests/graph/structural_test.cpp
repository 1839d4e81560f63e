#include <reel/graph/structural.h>
#include <reel/ops/activation.h>
#include <reel/ops/arithmetic.h>
#include <reel/ops/broadcast.h>
#include <reel/ops/joining.h>
#include <reel/ops/reduction.h>

#include "network.h"

using namespace reel;
using namespace reel::test;

TEST_CASE("accumulate: adds in order, and one Var is returned as it is") {
  Tape tape;
  const Var x = tape.input("x", {B, 2});
  CHECK(accumulate({{x}}) == x);
  const Var y = accumulate({{x, x, 10.0 * x}});
  const Data data = Data().add("x", Tensor<double>({2, 2}, {1, 2, 3, 4}));
  check_close(interpret<double>(tape, data.bindings<double>()).value(y), {12, 24, 36, 48});
  check_plan(tape, {{y}}, data);
  // (1e16 + 1) - 1e16 is 0 in this order only.
  const Var large = tape.constant(1e16), one = tape.constant(1.0), back = tape.constant(-1e16);
  const Var ordered = accumulate({{large, one, back}}), otherwise = accumulate({{large, back, one}});
  const auto run = interpret<double>(tape, data.bindings<double>());
  CHECK(run.value(ordered)[0] == 0);
  CHECK(run.value(otherwise)[0] == 1);
}

TEST_CASE("accumulate: gradient and plan") {
  Tape tape;
  const Var x = tape.input("x", {B, 3});
  check_op(accumulate({{tanh(x), x * x, x}}), {{x}}, Data().add("x", random_tensor({5, 3}, 1)));
}

TEST_CASE("accumulate: refuses nothing, unequal shapes and ids") {
  Tape tape;
  const Var x = tape.input("x", {B, 3}), y = tape.input("y", {B, 4}), ids = tape.ids("ids", {B, 3});
  check_throws<InputError>([] { accumulate({}); }, {"at least one"});
  check_throws<ShapeError>([&] { accumulate({{x, y}}); }, {"[accumulate]", "x [B, 3]", "y [B, 4]", "structural_test.cpp:"});
  check_throws<ShapeError>([&] { accumulate({{x, ids}}); }, {"[accumulate]", "ids [B, 3]"});
}

TEST_CASE("accumulate: of views, repeated rows and constants") {
  Tape tape;
  const Var x = tape.input("x", {B, 6}), row = tape.input("row", {3});
  const Var y = accumulate({{slice(x, -1, 0, 3), slice(x, -1, 3, 6), broadcast(row, {B, 3}), tape.fill({B, 3}, 0.5)}});
  check_op(y, {{x, row}}, Data().add("x", random_tensor({4, 6}, 1)).add("row", random_tensor({3}, 2)));
}

TEST_CASE("stop_gradient: passes the value and no gradient") {
  Tape tape;
  const Var x = tape.input("x", {B, 3});
  const Var y = stop_gradient(x);
  const Var g = gradient(sum(y * y), x);
  const Data data = Data().add("x", random_tensor({4, 3}, 1));
  const auto run = interpret<double>(tape, data.bindings<double>());
  check_close(run.value(y), std::vector<double>(run.value(x).begin(), run.value(x).end()), 0);
  for (double d : run.value(g)) CHECK(d == 0);
  check_plan(tape, {{y, y * y, g}}, data);
  check_throws<ShapeError>([&] { stop_gradient(tape.ids("ids", {B})); }, {"[stop_gradient]", "ids [B]"});
}

TEST_CASE("batch_size: is the number of rows, in the interpreter and in plans") {
  Tape tape;
  const Var x = tape.input("x", {B, 2});
  const Var n = tape.batch_size();
  CHECK(n.shape() == Shape{});
  const Var y = sum(x) / n;
  const auto plan = compile<double>(tape, {n, y});
  Workspace<double> workspace(plan);
  for (Index rows : {1, 7, 3}) {
    const Tensor<double> ones = uniform_tensor({rows, 2}, 1, 1, 1);
    plan.run(workspace, {{"x", ones}});
    CHECK(workspace.value(n)[0] == static_cast<double>(rows));
    CHECK(workspace.value(y)[0] == doctest::Approx(2));
    CHECK(interpret<double>(tape, {{"x", ones}}).value(n)[0] == static_cast<double>(rows));
  }
}

TEST_CASE("constant: numbers, tensors and fills with B") {
  Tape tape;
  const Var x = tape.input("x", {B, 2});
  const Var tensor = tape.constant(Tensor<double>({2}, {10, 20}));
  const Var filled = tape.fill({B, 2}, 0.5), zeros = tape.zeros({B, 2});
  const Var y = x + tensor + filled + zeros + 100.0;
  const Data data = Data().add("x", Tensor<double>({2, 2}, {1, 2, 3, 4}));
  check_close(interpret<double>(tape, data.bindings<double>()).value(y), {111.5, 122.5, 113.5, 124.5});
  check_plan(tape, {{y, tensor, filled, zeros}}, data);
}

TEST_CASE("constant: a tensor is copied when recorded, and an empty one is allowed") {
  Tape tape;
  Tensor<double> numbers({2}, {1, 2});
  const Var c = tape.constant(numbers);
  numbers[0] = 99;
  const Var none = tape.constant(Tensor<double>({0}));
  const Var total = sum(none) + sum(c);
  const auto run = interpret<double>(tape, {});
  check_close(run.value(c), {1, 2}, 0);
  CHECK(run.value(total)[0] == 3);
  check_plan(tape, {{c, none, total}}, Data());
}
