#include <reel/ops/row_scale.h>

#include <reel/ops/arithmetic.h>
#include <reel/ops/reduction.h>

#include "ops/values.h"

using namespace reel;
using namespace reel::test;

TEST_CASE("row_scale: the power of two below the largest size of a row") {
  Tape tape;
  const Var x = tape.input("x", {B, 3});
  const Data data =
      Data().add("x", Tensor<double>(Shape{5, 3}, {0.7, -5, 4, 8, 0, 1, 1e-3, 0, -1e-4, 0, 0, 0, 1, kNaN, kInfinity}));
  check_values(row_scale(x), data, {{4, 8, 0x1p-10, 1, 1}});
  check_values(row_scale(x, 0.3), data, {{4, 8, 0.25, 0.25, 1}});
}

TEST_CASE("row_scale: rows of every length, of which one element is the largest") {
  for (Index n : {1, 2, 15, 16, 17, 33})
    for (Index largest : {Index{0}, n / 2, n - 1}) {
      Tape tape;
      Tensor<double> x(Shape{1, n});
      for (Index i = 0; i < n; ++i) x[i] = i == largest ? -9 : 0.5;
      check_values(row_scale(tape.input("x", {B, n})), Data().add("x", x), {{8}});
    }
  Tape tape;
  check_values(row_scale(tape.input("x", {B, 0})), Data().add("x", Tensor<double>(Shape{2, 0})), {{1, 1}});
}

TEST_CASE("row_scale: no gradient, and what it refuses") {
  Tape tape;
  const Var x = tape.input("x", {2});
  check_values(gradient(sum(row_scale(x) * 3.0), x), Data().add("x", Tensor<double>(Shape{2}, {1, 2})), {{0, 0}});
  check_throws<ShapeError>([&] { row_scale(tape.input("scalar", {})); }, {"row_scale", "last dimension"});
  check_throws<InputError>([&] { row_scale(x, -1); }, {"row_scale", "-1"});
}
