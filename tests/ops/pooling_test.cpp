#include <reel/ops/arithmetic.h>
#include <reel/ops/pooling.h>
#include <reel/ops/reduction.h>

#include "ops/values.h"

using namespace reel;
using namespace reel::test;

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

TEST_CASE("pooling: errors") {
  Tape tape;
  const Var x = tape.input("x", {B, 2, 3}), empty = tape.input("empty", {B, 0, 3}), image = tape.input("image", {B, 2, 3, 1});
  check_throws<ShapeError>([&] { max(x, 2); }, {"[max]", "axis 2", "[B, 2, 3]"});
  check_throws<ShapeError>([&] { max(empty, 0); }, {"[max]", "empty [B, 0, 3]"});
  check_throws<ShapeError>([&] { max_pool(image, 3); }, {"[unfold]", "3x3", "image [B, 2, 3, 1]"});
  check_throws<ShapeError>([&] { spread_to_largest(x, x, 0); }, {"[spread_to_largest]", "x [B, 2, 3]"});
}
