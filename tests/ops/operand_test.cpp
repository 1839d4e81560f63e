#include <reel/models/parameter_set.h>
#include <reel/ops/activation.h>
#include <reel/ops/arithmetic.h>
#include <reel/ops/broadcast.h>
#include <reel/ops/elementary.h>
#include <reel/ops/embedding.h>
#include <reel/ops/joining.h>
#include <reel/ops/loss.h>
#include <reel/ops/matmul.h>
#include <reel/ops/reduction.h>
#include <reel/ops/selection.h>
#include <reel/ops/softmax.h>

#include "ops/values.h"

using namespace reel;
using namespace reel::test;

namespace {

// "operand_test.cpp:<line>"
std::string here(unsigned line = __builtin_LINE()) { return CallSite{__FILE__, line}.text(); }

}  // namespace

TEST_CASE("operand: takes a Var, a Parameter and a number") {
  ParameterSet set;
  const Parameter w = set.add("w", {2});
  ParameterValues<double> values = set.initial<double>(1);
  values.edit(w)[0] = 10, values.edit(w)[1] = 20;
  Tape tape;
  const Var x = tape.input("x", {B, 2});
  const Var y = w * x + 0.5 - w;
  const Tensor<double> data(Shape{1, 2}, {3, 4});
  check_close(interpret<double>(tape, {{"x", data}}, &values).value(y), {20.5, 60.5});
  check_plan(tape, std::vector<Var>{y}, Data().add("x", data), &values, &set);
}

TEST_CASE("operand: equal numbers and a Parameter used again are one node each") {
  ParameterSet set;
  const Parameter w = set.add("w", {2});
  Tape tape;
  const Var x = tape.input("x", {2});
  add(x, w), add(x, 2.5);
  const auto leaves = [&] {
    int n = 0;
    for (NodeId id = 0; id < tape.size(); ++id) n += tape.node(id).op->leaf() != nullptr;
    return n;
  };
  const int before = leaves();
  add(x, w), add(x, 2.5);
  CHECK(leaves() == before);
  add(x, 3.5);
  CHECK(leaves() == before + 1);
}

TEST_CASE("operand: messages name the very line of the call") {
  Tape tape;
  const Var x = tape.input("x", {B, 3}), v = tape.input("v", {4}), ids = tape.ids("words", {B});
  check_throws<ShapeError>([&] { add(x, v); }, {here().c_str()});
  check_throws<ShapeError>([&] { x* v; }, {here().c_str()});
  check_throws<ShapeError>([&] { matmul(x, v); }, {here().c_str()});
  check_throws<ShapeError>([&] { softmax(ids); }, {here().c_str()});
  check_throws<ShapeError>([&] { broadcast(x, {B, 4}); }, {here().c_str()});
  check_throws<ShapeError>([&] { select(x, v, 0.0); }, {here().c_str()});
  check_throws<ShapeError>([&] { half_squared_error(x, v); }, {here().c_str()});
  check_throws<ShapeError>([&] { mean(ids); }, {here().c_str()});
  check_throws<ShapeError>([&] { concat({x, v}); }, {here().c_str()});
  check_throws<ShapeError>([&] { one_hot(x, 3); }, {here().c_str()});
}

TEST_CASE("operand: messages name the scope of the tape") {
  Tape tape;
  const Var x = tape.input("x", {B, 3}), w = tape.input("w", {4, 2});
  const auto scope = tape.scope("lstm");
  check_throws<ShapeError>([&] { matmul(x, w); }, {"[matmul]", "lstm", "operand_test.cpp:"});
}

TEST_CASE("operand: without any Var there is no tape to record on") {
  ParameterSet set;
  const Parameter w = set.add("w", {2});
  check_throws<InputError>([&] { tanh(w); }, {"[tanh]", "tape", here().c_str()});
  check_throws<InputError>([&] { w * 2.0; }, {"[multiply]", "tape", here().c_str()});
  check_throws<InputError>([&] { add(1.0, 2.0); }, {"[add]", "tape", here().c_str()});
  check_throws<InputError>([&] { sum(w); }, {"tape", here().c_str()});
  check_throws<InputError>([&] { exp(Var()); }, {"[exp]", here().c_str()});
}

TEST_CASE("operand: an empty Parameter and Vars of two tapes are refused") {
  Tape tape, other;
  const Var x = tape.input("x", {2}), y = other.input("y", {2}), m = other.input("m", {2, 2});
  check_throws<InputError>([&] { x + Parameter(); }, {});
  check_throws<InputError>([&] { matmul(x, m); }, {"[matmul]", "tape", here().c_str()});
  check_throws<InputError>([&] { x + y; }, {"[add]", "tape", here().c_str()});
  check_throws<InputError>([&] { concat(std::vector<Var>{x, y}); }, {"[concat]", "tape", here().c_str()});
  check_throws<InputError>([&] { select(x, x, y); }, {"[select]", "tape", here().c_str()});
  check_throws<InputError>([&] { cross_entropy_rows(m, tape.ids("ids", {2})); }, {"[cross_entropy]", "tape", here().c_str()});
}

TEST_CASE("an empty Var among the operands is named, and not mistaken for a parameter") {
  Tape tape;
  const Var x = tape.input("x", {B, 2});
  check_throws<InputError>([&] { Var() + 1.0; }, {"add", "empty Var", "state"});
  check_throws<InputError>([&] { Var() + x; }, {"add", "empty"});
  check_throws<InputError>([&] { tanh(Var()); }, {"tanh", "empty Var"});
}
