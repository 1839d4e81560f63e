#include <reel/models/parameter_set.h>
#include <reel/ops/arithmetic.h>
#include <reel/ops/elementary.h>
#include <reel/ops/joining.h>
#include <reel/ops/reduction.h>

#include "ops/values.h"

using namespace reel;
using namespace reel::test;

namespace {

struct Join {
  std::vector<Shape> pieces;
  int axis;
  Shape result;
  Index rows;
};

const std::vector<Join>& joins() {
  static const std::vector<Join> all{
      {{{3}, {1}, {4}}, -1, {8}, 1},
      {{{B, 3}, {B, 2}}, -1, {B, 5}, 3},
      {{{B, 1}, {B, 1}}, 0, {B, 2}, 1},
      {{{B, 2, 3}, {B, 2, 1}}, 1, {B, 2, 4}, 3},
      {{{B, 2, 3}, {B, 1, 3}}, 0, {B, 3, 3}, 3},
      {{{2, 3, 2}, {2, 1, 2}, {2, 2, 2}}, -2, {2, 6, 2}, 1},
      {{{B, 3}, {B, 0}, {B, 2}}, -1, {B, 5}, 3},
      {{{B, 0}, {B, 0}}, -1, {B, 0}, 3},
      {{{B, 3}, {B, 2}}, -1, {B, 5}, 0},
      {{{B, 257}, {B, 65}}, -1, {B, 322}, 130},
  };
  return all;
}

struct Cut {
  Shape shape;
  int axis;
  Index begin, end, rows;
};

const std::vector<Cut>& cuts() {
  static const std::vector<Cut> all{{{7}, 0, 2, 5, 1},       {{B, 7}, 0, 0, 7, 3},         {{B, 7}, -1, 6, 7, 3},
                                    {{B, 2, 3}, 1, 1, 3, 3}, {{B, 2, 3}, 0, 1, 2, 3},      {{2, 3, 4}, -2, 1, 2, 1},
                                    {{B, 1}, 0, 0, 1, 1},    {{B, 7}, 0, 3, 3, 3},         {{B, 7}, 0, 7, 7, 3},
                                    {{B, 7}, 0, 2, 5, 0},    {{B, 257}, 0, 100, 250, 130}, {{B, 3, 65}, 1, 16, 50, 130}};
  return all;
}

template <class F>
void check_cuts(F f) {
  for (const Cut& c : cuts()) {
    INFO(c.shape.text(), " axis ", c.axis, " ", c.begin, ":", c.end, " with ", c.rows, " rows");
    Tape tape;
    const Var x = tape.input("x", c.shape);
    const Data data = Data().add("x", random_tensor(c.shape.bind(c.rows), 1));
    const Var y = square(f(x, c));
    if (c.rows > 0 && c.rows < 100)
      check_op(y, {{x}}, data);
    else
      check_op_by_plan(y, {x}, data);
  }
}

}  // namespace

TEST_CASE("concat: gradients, second gradients and plan") {
  for (const Join& j : joins()) {
    INFO(j.result.text(), " with ", j.rows, " rows");
    Tape tape;
    std::vector<Var> pieces;
    Data data;
    for (const Shape& s : j.pieces) {
      const std::string name = "x" + std::to_string(pieces.size());
      pieces.push_back(tape.input(name, s));
      data.add(name, random_tensor(s.bind(j.rows), pieces.size()));
    }
    const Var y = square(concat(pieces, j.axis));
    CHECK(y.shape() == j.result);
    if (j.result.elements(j.rows) > 0 && j.rows < 100)
      check_op(y, pieces, data);
    else
      check_op_by_plan(y, pieces, data);
  }
}

TEST_CASE("slice: gradients, second gradients and plan") {
  check_cuts([](Var x, const Cut& c) { return slice(x, c.axis, c.begin, c.end); });
}

TEST_CASE("pad: gradients, second gradients and plan") {
  check_cuts([](Var x, const Cut& c) { return pad(x, c.axis, c.begin % 4, c.end % 3); });
}

TEST_CASE("stack: gradients, second gradients and plan") {
  for (const auto& [shape, rows, numeric] : shape_cases()) {
    INFO(shape.text(), " with ", rows, " rows");
    Tape tape;
    const std::vector<Var> steps = tape.input("x", 3, shape);
    const Data data = Data().add("x", random_tensor(shape.bind(rows).with_leading(3), 1));
    const Var y = square(stack(steps));
    CHECK(y.shape() == shape.with_leading(3));
    if (numeric)
      check_op(y, steps, data);
    else
      check_op_by_plan(y, steps, data);
  }
}

TEST_CASE("joining: values in order") {
  Tape tape;
  const Var x = tape.input("x", {B, 2, 2}), y = tape.input("y", {B, 2, 1});
  const Data data = Data()
                        .add("x", Tensor<double>(Shape{2, 2, 2}, {1, 2, 3, 4, 5, 6, 7, 8}))
                        .add("y", Tensor<double>(Shape{2, 2, 1}, {10, 20, 30, 40}));
  check_values(concat({x, y}), data, {{1, 2, 10, 3, 4, 20, 5, 6, 30, 7, 8, 40}});
  check_values(concat({x, x}, 0), data, {{1, 2, 3, 4, 1, 2, 3, 4, 5, 6, 7, 8, 5, 6, 7, 8}});
  check_values(slice(x, 0, 1, 2), data, {{3, 4, 7, 8}});
  check_values(slice(x, -1, 0, 1), data, {{1, 3, 5, 7}});
  check_values(pad(y, 1, 1, 0), data, {{0, 10, 0, 20, 0, 30, 0, 40}});
  check_values(pad(y, 0, 0, 1), data, {{10, 20, 0, 30, 40, 0}});
  check_values(stack(std::vector<Var>{y, -y}), data, {{10, 20, -10, -20, 30, 40, -30, -40}});
}

TEST_CASE("concat: slices of the whole give the pieces back") {
  Tape tape;
  const Var x = tape.input("x", {B, 3}), y = tape.input("y", {B, 5}), whole = concat({x, y});
  const Data data = Data().add("x", random_tensor(Shape{4, 3}, 1)).add("y", random_tensor(Shape{4, 5}, 2));
  check_values(slice(whole, -1, 0, 3) - x, data, {std::vector<double>(12, 0.0)});
  check_values(slice(whole, -1, 3, 8) - y, data, {std::vector<double>(20, 0.0)});
}

TEST_CASE("concat: one piece used twice gets both gradients") {
  Tape tape;
  const Var x = tape.input("x", {2}), weights = tape.constant(Tensor<double>(Shape{4}, {1, 2, 10, 20}));
  check_values(gradient(sum(concat({x, x}) * weights), x), Data().add("x", Tensor<double>(Shape{2})), {{11, 22}});
}

TEST_CASE("concat: a Parameter takes the tape of the Var beside it") {
  ParameterSet set;
  const Parameter w = set.add("w", {2});
  const auto values = set.initial<double>(1);
  Tape tape;
  const Var x = tape.input("x", {1}), y = concat({w, x}, 0);
  CHECK(y.shape() == Shape{3});
  check_plan(tape, std::vector<Var>{y}, Data().add("x", Tensor<double>(Shape{1}, {5})), &values, &set);
  check_throws<InputError>([&] { concat({w, w}, 0); }, {"[concat]", "joining_test.cpp:"});
}

TEST_CASE("concat: a single piece is the Var itself") {
  Tape tape;
  const Var x = tape.input("x", {B, 3});
  CHECK(concat(std::vector<Var>{x}) == x);
}

TEST_CASE("concat: rejects a rank mismatch, other dimensions that differ, a B on one side, and ids") {
  Tape tape;
  const Var x = tape.input("x", {B, 2, 3}), y = tape.input("y", {B, 3}), z = tape.input("z", {B, 4, 3}),
            v = tape.input("v", {2, 3});
  const Var ids = tape.ids("words", {B, 3});
  check_throws<ShapeError>([&] { concat({x, y}); }, {"[concat]", "x [B, 2, 3]", "y [B, 3]", "joining_test.cpp:"});
  check_throws<ShapeError>([&] { concat({x, z}); }, {"[concat]", "x [B, 2, 3]", "z [B, 4, 3]", "joining_test.cpp:"});
  check_throws<ShapeError>([&] { concat({x, v}); }, {"[concat]", "x [B, 2, 3]", "v [2, 3]", "joining_test.cpp:"});
  check_throws<ShapeError>([&] { concat({y, ids}); }, {"[concat]", "ids words [B, 3]", "joining_test.cpp:"});
  check_throws<ShapeError>([&] { concat({x, x}, 2); }, {"[concat]", "axis 2", "[B, 2, 3]", "joining_test.cpp:"});
  check_throws<ShapeError>([&] { concat({x, x}, -3); }, {"[concat]", "axis -3", "[B, 2, 3]", "joining_test.cpp:"});
  check_throws<InputError>([&] { concat(std::vector<Var>{}); }, {"[concat]", "joining_test.cpp:"});
  check_throws<InputError>([&] { concat(std::vector<Var>{x, Var()}); }, {"[concat]", "empty", "joining_test.cpp:"});
}

TEST_CASE("slice: rejects bounds outside the dimension, a missing axis, and ids") {
  Tape tape;
  const Var x = tape.input("x", {B, 3}), ids = tape.ids("words", {B, 3});
  check_throws<ShapeError>([&] { slice(x, 0, 1, 4); }, {"[slice]", "[1, 4)", "x [B, 3]", "joining_test.cpp:"});
  check_throws<ShapeError>([&] { slice(x, 0, -1, 2); }, {"[slice]", "[-1, 2)", "x [B, 3]", "joining_test.cpp:"});
  check_throws<ShapeError>([&] { slice(x, 0, 2, 1); }, {"[slice]", "[2, 1)", "x [B, 3]", "joining_test.cpp:"});
  check_throws<ShapeError>([&] { slice(x, 1, 0, 1); }, {"[slice]", "axis 1", "joining_test.cpp:"});
  check_throws<ShapeError>([&] { slice(ids, 0, 0, 1); }, {"[slice]", "ids words [B, 3]", "joining_test.cpp:"});
}

TEST_CASE("pad: rejects negative and overflowing sizes, a missing axis, and ids") {
  Tape tape;
  const Var x = tape.input("x", {B, 3}), ids = tape.ids("words", {B, 3});
  constexpr Index huge = std::numeric_limits<Index>::max();
  check_throws<ShapeError>([&] { pad(x, 0, -1, 0); }, {"[pad]", "-1", "x [B, 3]", "joining_test.cpp:"});
  check_throws<ShapeError>([&] { pad(x, 0, Index{1} << 61, 0); }, {"[pad]", "overflow", "joining_test.cpp:"});
  check_throws<ShapeError>([&] { pad(x, 0, huge, huge); }, {"[pad]", "overflow", "joining_test.cpp:"});
  check_throws<ShapeError>([&] { pad(x, 1, 1, 1); }, {"[pad]", "axis 1", "joining_test.cpp:"});
  check_throws<ShapeError>([&] { pad(ids, 0, 1, 1); }, {"[pad]", "ids words [B, 3]", "joining_test.cpp:"});
}

TEST_CASE("stack: rejects shapes that differ, empty Vars and nothing at all") {
  Tape tape;
  const Var x = tape.input("x", {B, 3}), y = tape.input("y", {B, 4});
  check_throws<ShapeError>([&] { stack(std::vector<Var>{x, y}); }, {"[B, 1, 3]", "[B, 1, 4]", "joining_test.cpp:"});
  check_throws<InputError>([&] { stack(std::vector<Var>{x, Var()}); }, {"[stack]", "empty", "joining_test.cpp:"});
  check_throws<InputError>([&] { stack(std::vector<Var>{}); }, {"at least one", "joining_test.cpp:"});
}
