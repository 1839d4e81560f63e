#include <reel/graph/gradients.h>
#include <reel/models/parameter_set.h>
#include <reel/ops/activation.h>
#include <reel/ops/arithmetic.h>
#include <reel/ops/elementary.h>
#include <reel/ops/joining.h>
#include <reel/ops/matmul.h>
#include <reel/ops/reduction.h>

#include "network.h"

using namespace reel;
using namespace reel::test;

TEST_CASE("tape: inputs come before their users, and shapes are inferred at the append") {
  Tape tape;
  const Var x = tape.input("x", {B, 3});
  const Var y = matmul(x, tape.constant(random_tensor({3, 4}, 1)));
  CHECK(y.shape() == Shape{B, 4});
  CHECK(y.type() == Type::real);
  for (NodeId id = 0; id < tape.size(); ++id)
    for (NodeId input : tape.inputs(id)) CHECK(input < id);
}

TEST_CASE("tape: a refused op names itself, every shape, the scope and the caller's line, and records nothing") {
  Tape tape;
  const Var x = tape.input("x", {B, 3});
  const Var w = tape.constant(Tensor<double>({4, 2}));
  const NodeId size = tape.size();
  const auto scope = tape.scope("lstm");
  const auto inner = tape.scope("step 3");
  check_throws<ShapeError>([&] { matmul(x, w); }, {"[matmul]", "x [B, 3]", "[4, 2]", "lstm/step 3", "tape_test.cpp:"});
  CHECK(tape.size() == size);
  CHECK(tanh(x).shape() == Shape{B, 3});  // the tape still records
}

TEST_CASE("tape: empty Vars and Vars of another tape are refused") {
  Tape tape, other;
  const Var x = tape.input("x", {B, 3}), elsewhere = other.input("x", {B, 3});
  check_throws<InputError>([&] { x + elsewhere; }, {"[add]", "different tapes", "tape_test.cpp:"});
  check_throws<InputError>([&] { tanh(Var()); }, {"[tanh]"});
  check_throws<InputError>([&] { x + Var(); }, {"[add]", "empty"});
}

TEST_CASE("tape: a name is taken once, whatever its kind or shape") {
  Tape tape;
  tape.input("x", {B, 3});
  check_throws<InputError>([&] { tape.input("x", {B, 4}); }, {"\"x\"", "[B, 3]"});
  check_throws<InputError>([&] { tape.input("x", {B, 3}); }, {"\"x\"", "taken"});
  check_throws<InputError>([&] { tape.ids("x", {B}); }, {"\"x\""});
  check_throws<InputError>([&] { tape.carried("x", {B, 3}); }, {"\"x\""});
  check_throws<InputError>([&] { tape.input("x", 4, {B, 3}); }, {"\"x\""});
}

TEST_CASE("tape: a sequence is one Var per step, and may be empty but not negative") {
  Tape tape;
  const Sequence x = tape.input("x", 3, {B, 2});
  REQUIRE(x.size() == 3);
  CHECK(tape.describe(x[2].id()) == "x[2] [B, 2]");
  CHECK(tape.ids("none", 0, {B}).empty());
  check_throws<InputError>([&] { tape.input("y", -1, {B, 2}); }, {"\"y\"", "-1 steps"});
}

TEST_CASE("tape: parameters, constants and the batch size are one node each") {
  ParameterSet set;
  const Parameter w = set.add("w", {2});
  Tape tape;
  CHECK(tape.parameter(w) == tape.parameter(w));
  CHECK(tape.constant(2.5) == tape.constant(2.5));
  CHECK(tape.fill({B, 3}, 1) == tape.fill({B, 3}, 1));
  CHECK(!(tape.fill({B, 3}, 1) == tape.fill({B, 4}, 1)));
  CHECK(tape.batch_size() == tape.batch_size());
  CHECK(!(tape.constant(0.0) == tape.constant(-0.0)));  // different bits
  const NodeId size = tape.size();
  tape.constant(2.5);
  CHECK(tape.size() == size);
}

// Regression: after zeros({}) a constant 0 was remembered under the id of whatever came next.
TEST_CASE("tape: a number recorded by fill and then by constant stays that number") {
  Tape tape;
  const Var zero = tape.zeros({});
  CHECK(tape.constant(0.0) == zero);
  const Var x = tape.input("x", {B, 3});
  CHECK(tape.constant(0.0) == zero);
  const Var y = 0.0 + x;
  const auto run = interpret<double>(tape, {{"x", Tensor<double>({1, 3}, {1, 2, 3})}});
  check_close(run.value(y), {1, 2, 3}, 0);
}

TEST_CASE("tape: scopes nest, end with their object, and label nodes") {
  Tape tape;
  const Var x = tape.input("x", {B, 3});
  Var a, b;
  {
    const auto outer = tape.scope("layer 1");
    {
      const auto inner = tape.scope("step 0");
      a = tanh(x);
    }
    b = tanh(a);
  }
  const Var c = tanh(b);
  CHECK(tape.scope_label(a.id()) == "layer 1/step 0");
  CHECK(tape.scope_label(b.id()) == "layer 1");
  CHECK(tape.scope_label(c.id()) == "");
  CHECK(tape.place(a.id()).find("layer 1/step 0, tape_test.cpp:") == 0);
  const auto again = tape.scope_of(a.id());
  CHECK(tape.scope_label(exp(c).id()) == "layer 1/step 0");
}

TEST_CASE("tape: names and descriptions") {
  ParameterSet set;
  const Parameter w = set.add("cell.W", {3, 4});
  Tape tape;
  const Var x = tape.input("x", {B, 3}), ids = tape.ids("y", {B});
  const Var z = tanh(matmul(x, w));
  CHECK(tape.describe(tape.parameter(w).id()) == "cell.W [3, 4]");
  CHECK(tape.describe(ids.id()) == "ids y [B]");
  CHECK(tape.describe(z.id()) == "tanh [B, 4]");
  tape.name(z, "hidden");
  CHECK(tape.describe(z.id()) == "hidden [B, 4]");
}

TEST_CASE("tape: only carried states are carried, to values of their shape") {
  Tape tape;
  const Var h = tape.carried("h", {B, 3}), x = tape.input("x", {B, 3}), ids = tape.ids("ids", {B, 3});
  check_throws<InputError>([&] { tape.carry(x, h); }, {"x [B, 3]", "carried()"});
  check_throws<ShapeError>([&] { tape.carry(h, sum(x, -1)); }, {"h [B, 3]", "[B]"});
  check_throws<ShapeError>([&] { tape.carry(h, ids); }, {"h [B, 3]", "ids"});
  tape.carry(h, x);
  tape.carry(h, tanh(x));  // the last word counts
  REQUIRE(tape.carries().size() == 1);
  CHECK(tape.node(tape.carries()[0].second).op->name() == "tanh");
}

TEST_CASE("tape: equal ops are shared among nodes") {
  Tape tape;
  const Var x = tape.input("x", {B, 4});
  const Var a = slice(x, -1, 0, 2), b = slice(tanh(x), -1, 0, 2), c = slice(x, -1, 0, 3);
  CHECK(tape.node(a.id()).op == tape.node(b.id()).op);
  CHECK(tape.node(a.id()).op != tape.node(c.id()).op);
}

TEST_CASE("tape: its nodes live as long as any of its Vars") {
  Var x;
  {
    Tape tape;
    x = tape.input("x", {B, 2});
  }
  const Var y = tanh(x) * 2.0;  // recorded on what is left of it
  CHECK(y.tape() == x.tape());
  const Data data = Data().add("x", Tensor<double>(Shape{1, 2}, {0, 0.5}));
  check_close(interpret<double>(y.tape(), data.bindings<double>()).value(y), {0, 2 * std::tanh(0.5)}, 1e-15);
  const Var g = gradient(sum(y), x);
  x = Var();
  CHECK(g.tape().size() > 3);
}
