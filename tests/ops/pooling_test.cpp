#include <reel/ops/arithmetic.h>
#include <reel/ops/pooling.h>
#include <reel/ops/reduction.h>

#include "ops/values.h"

using namespace reel;
using namespace reel::test;

TEST_CASE("max_over: along each axis; the first of equals gets the gradient") {
  Tape tape;
  const Var x = tape.input("x", {2, 3});
  const Data data = Data().add("x", Tensor<double>(Shape{2, 3}, {1, 5, 2, 4, 5, 0}));
  check_values(max_over(x, 0), data, {{4, 5, 2}});
  check_values(max_over(x, 1), data, {{5, 5}});
  check_values(max_over(x, -1), data, {{5, 5}});
  check_values(gradient(sum(max_over(x, 0)), x), data, {{0, 1, 1, 1, 0, 0}});
}

TEST_CASE("max_over: NaN is the largest, infinities are ordered") {
  Tape tape;
  const Var x = tape.input("x", {3, 2});
  const Data data = Data().add("x", Tensor<double>(Shape{3, 2}, {1, -kInfinity, kNaN, -kInfinity, 2, -kInfinity}));
  check_values(max_over(x, 0), data, {{kNaN, -kInfinity}});
}

TEST_CASE("max_over and mean_over: gradients, and plan against interpreter") {
  for (const auto& [shape, rows, numeric] : shape_cases()) {
    for (int axis = 0; axis < shape.rank(); ++axis) {
      if (shape.dim(axis) == 0) continue;
      CAPTURE(shape.text());
      Tape tape;
      const Var x = tape.input("x", shape);
      const Data data = Data().add("x", random_tensor(shape.bind(rows), 5));
      if (numeric) {
        check_op(max_over(x, axis), {{x}}, data);
        check_op(mean_over(x, axis), {{x}}, data);
      } else {
        check_op_by_plan(max_over(x, axis), {x}, data);
        check_op_by_plan(mean_over(x, axis), {x}, data);
      }
    }
  }
}

TEST_CASE("max_pool and mean_pool: windows side by side and overlapping") {
  Tape tape;
  const Var x = tape.input("x", {B, 2, 4, 1});
  const Data data = Data().add("x", Tensor<double>(Shape{1, 2, 4, 1}, {1, 7, 2, 3, 5, 0, 8, 4}));
  check_values(max_pool(x, 2), data, {{7, 8}});
  check_values(mean_pool(x, 2), data, {{3.25, 4.25}});
  check_values(max_pool(x, 2, 1), data, {{7, 8, 8}});
  check_values(max_pool(x, 1), data, {{1, 7, 2, 3, 5, 0, 8, 4}});
}

TEST_CASE("max_pool and mean_pool: gradients, and plan against interpreter") {
  for (Index size : {1, 2, 3})
    for (Index stride : {0, 1, 2}) {
      CAPTURE(size);
      CAPTURE(stride);
      Tape tape;
      const Var x = tape.input("x", {B, 5, 6, 3});
      const Data data = Data().add("x", random_tensor({2, 5, 6, 3}, 7));
      check_op(max_pool(x, size, stride), {{x}}, data);
      check_op(mean_pool(x, size, stride), {{x}}, data);
    }
}

TEST_CASE("max_over and mean_over: an axis that is not there") {
  Tape tape;
  const Var x = tape.input("x", {B, 4});
  for (const int axis : {1, -2}) {
    check_throws<ShapeError>([&] { mean_over(x, axis); }, {"[mean_over]", "no axis", "[B, 4]", "pooling_test.cpp"});
    check_throws<ShapeError>([&] { max_over(x, axis); }, {"[max_over]", "no axis", "[B, 4]", "pooling_test.cpp"});
  }
}

TEST_CASE("mean_over: an empty dimension gives 0") {
  Tape tape;
  const Var x = tape.input("x", {B, 0, 2});
  check_values(mean_over(x, 0), Data().add("x", Tensor<double>(Shape{1, 0, 2})), {{0, 0}});
}

TEST_CASE("pooling: errors") {
  Tape tape;
  const Var x = tape.input("x", {B, 2, 3}), empty = tape.input("empty", {B, 0, 3}), image = tape.input("image", {B, 2, 3, 1});
  check_throws<ShapeError>([&] { max_over(x, 2); }, {"[max_over]", "axis 2", "[B, 2, 3]"});
  check_throws<ShapeError>([&] { max_over(empty, 0); }, {"[max_over]", "empty [B, 0, 3]"});
  check_throws<ShapeError>([&] { max_pool(image, 3); }, {"[unfold]", "3x3", "image [B, 2, 3, 1]"});
  check_throws<ShapeError>([&] { spread_to_largest(x, x, 0); }, {"[spread_to_largest]", "x [B, 2, 3]"});
}
