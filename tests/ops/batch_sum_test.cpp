// Sums over the batch.
#include <reel/ops/batch_sum.h>

#include <reel/graph/structural.h>
#include <reel/ops/arithmetic.h>

#include "ops/values.h"

using namespace reel;
using namespace reel::test;

TEST_CASE("batch_sum: gradients and plan") { check_unary(batch_sum, {.batched_only = true}); }

TEST_CASE("batch_sum: of an empty batch is 0") {
  Tape tape;
  const Var x = tape.input("x", {B, 3});
  check_values(batch_sum(x), Data().add("x", Tensor<double>(Shape{0, 3})), {{0, 0, 0}});
}

TEST_CASE("batch_sum: adds rows in order") {
  Tape tape;
  const Var x = tape.input("x", {B, 2});
  // In float, 1e8 + 1 is 1e8: the order decides what is left.
  const Data data = Data().add("x", Tensor<double>(Shape{3, 2}, {1e8, 1e8, 1, -1e8, -1e8, 1}));
  check_values(batch_sum(x), data, {{1, 1}, {0, 1}});
}

TEST_CASE("batch_sum: several blocks of columns, and one node for a sum of sums") {
  Tape tape;
  const Var x = tape.input("x", {B, 600}), y = tape.input("y", {B, 600});
  const Data data = Data().add("x", random_tensor(Shape{9, 600}, 1)).add("y", random_tensor(Shape{9, 600}, 2));
  const Var total = batch_sum(x) + batch_sum(y), merged = accumulate(std::vector<Var>{batch_sum(x), batch_sum(y)});
  check_plan(tape, std::vector<Var>{total, merged}, data);
}

TEST_CASE("batch_sum: refuses a Var without B") {
  Tape tape;
  const Var v = tape.input("v", {3});
  check_throws<ShapeError>([&] { batch_sum(v); }, {"[batch_sum]", "v [3]", "batch_sum_test.cpp:"});
}
