#include <reel/ops/arithmetic.h>
#include <reel/ops/batch_sum.h>
#include <reel/ops/loss.h>
#include <reel/ops/reduction.h>

#include "ops/values.h"

using namespace reel;
using namespace reel::test;

namespace {

struct Rows {  // x: [B, 3] with two rows
  Tape tape;
  Var x = tape.input("x", {B, 3});
  Data data = Data().add("x", Tensor<double>(Shape{2, 3}, {1, 5, 3, -1, -8, -6}));
};

// The ids of one Var in the interpreter and both plans.
void check_ids(Var y, const Data& data, const std::vector<std::int32_t>& expected) {
  const auto check = [&](TensorView<const std::int32_t> given) { CHECK(std::vector(given.begin(), given.end()) == expected); };
  check(interpret<double>(y.tape(), data.bindings<double>()).ids(y));
  const auto check_plan_of = [&](const auto& plan, auto&& workspace, const auto& bindings) {
    plan.run(workspace, bindings);
    check(workspace.ids(y));
  };
  const auto wide = compile<double>(y.tape(), {y});
  const auto narrow = compile<float>(y.tape(), {y});
  check_plan_of(wide, Workspace<double>(wide), data.bindings<double>());
  check_plan_of(narrow, Workspace<float>(narrow), data.bindings<float>());
}

}  // namespace

TEST_CASE("sum: over the last axis: gradients and plan") {
  check_unary([](Var x) { return sum(x, -1); }, {.least_rank = 1});
  check_unary([](Var x) { return sum(x, -1, Keep::dimension); }, {.least_rank = 1});
}
TEST_CASE("mean: over the last axis: gradients and plan") {
  check_unary([](Var x) { return mean(x, -1); }, {.least_rank = 1});
  check_unary([](Var x) { return mean(x, -1, Keep::dimension); }, {.least_rank = 1});
}
TEST_CASE("max: over the last axis: gradients and plan") {
  check_unary([](Var x) { return max(x, -1); }, {.least_rank = 1, .skip_empty_rows = true});
  check_unary([](Var x) { return max(x, -1, Keep::dimension); }, {.least_rank = 1, .skip_empty_rows = true});
}
TEST_CASE("sum: gradients and plan") { check_unary(sum, {.low = 0.1}); }
TEST_CASE("mean: gradients and plan") { check_unary(mean); }
TEST_CASE("batch_mean: gradients and plan") { check_unary(batch_mean, {.batched_only = true}); }

TEST_CASE("reduction: values and shapes") {
  Rows r;
  check_values(sum(r.x, -1), r.data, {{9, -15}});
  check_values(mean(r.x, -1), r.data, {{3, -5}});
  check_values(max(r.x, -1), r.data, {{5, -1}});
  check_values(sum(r.x), r.data, {{-6}});
  check_values(mean(r.x), r.data, {{-1}});
  check_values(batch_mean(r.x), r.data, {{0, -1.5, -1.5}});
  CHECK(sum(r.x, -1).shape() == Shape{B});
  CHECK(sum(r.x, -1, Keep::dimension).shape() == Shape{B, 1});
  CHECK(mean(r.x, -1, Keep::dimension).shape() == Shape{B, 1});
  CHECK(max(r.x, -1, Keep::dimension).shape() == Shape{B, 1});
  CHECK(argmax(r.x).shape() == Shape{B});
  CHECK(sum(r.x).shape() == Shape{});
  CHECK(batch_mean(r.x).shape() == Shape{3});
}

TEST_CASE("reduction: an empty sum and an empty mean are 0") {
  Tape tape;
  const Var x = tape.input("x", {B, 0}), v = tape.input("v", {0});
  const Data data = Data().add("x", Tensor<double>(Shape{2, 0})).add("v", Tensor<double>(Shape{0}));
  check_values(sum(x, -1), data, {{0, 0}});
  check_values(mean(x, -1), data, {{0, 0}});
  check_values(sum(x), data, {{0}});
  check_values(mean(x), data, {{0}});
  check_values(mean(v), data, {{0}});
}

TEST_CASE("reduction: of an empty batch is 0, with zero gradients for what it was made from") {
  Tape tape;
  const Var x = tape.input("x", {B, 3}), w = tape.input("w", {3});
  const Data data = Data().add("x", Tensor<double>(Shape{0, 3})).add("w", Tensor<double>(Shape{3}, {1, 2, 3}));
  check_values(sum(x), data, {{0}});
  check_values(mean(x), data, {{0}});
  check_values(batch_mean(x), data, {{0, 0, 0}});
  check_values(gradient(mean(x * w), w), data, {{0, 0, 0}});
  check_values(gradient(sum(batch_mean(x * w)), w), data, {{0, 0, 0}});
}

TEST_CASE("mean: divides by rows times elements per row") {
  Tape tape;
  const Var x = tape.input("x", {B, 3}), v = tape.input("v", {4});
  const Data data = Data().add("x", Tensor<double>(Shape{5, 3})).add("v", Tensor<double>(Shape{4}));
  check_values(gradient(mean(x), x), data, {std::vector<double>(15, 1.0 / 15)});
  check_values(gradient(sum(batch_mean(x)), x), data, {std::vector<double>(15, 1.0 / 5)});
  check_values(gradient(mean(v), v), data, {std::vector<double>(4, 0.25)});
}

TEST_CASE("max: over the last axis: among equals, the first gets the whole gradient") {
  Tape tape;
  const Var x = tape.input("x", {B, 4});
  const Data data = Data().add("x", Tensor<double>(Shape{2, 4}, {1, 7, 7, 2, -kInfinity, -kInfinity, -kInfinity, -kInfinity}));
  check_values(max(x, -1), data, {{7, -kInfinity}});
  check_values(gradient(sum(max(x, -1)), x), data, {{0, 1, 0, 0, 1, 0, 0, 0}});
  check_ids(argmax(x), data, {1, 0});
}

TEST_CASE("max: over the last axis: NaN where a row has one; argmax names the first of them") {
  Tape tape;
  const Var x = tape.input("x", {B, 4});
  const Data data = Data().add("x", Tensor<double>(Shape{3, 4}, {1, kNaN, kInfinity, kNaN, kNaN, 1, 2, 3, 0, 1, 2, kInfinity}));
  check_values(max(x, -1), data, {{kNaN, kNaN, kInfinity}});
  check_ids(argmax(x), data, {1, 0, 3});
}

TEST_CASE("argmax: along the last of several dimensions, a single element, an empty batch") {
  Tape tape;
  const Var x = tape.input("x", {2, 3}), one = tape.input("one", {B, 1});
  const Data data =
      Data().add("x", Tensor<double>(Shape{2, 3}, {1, 3, 2, 9, 8, 7})).add("one", Tensor<double>(Shape{2, 1}, {-5, 5}));
  check_ids(argmax(x), data, {1, 0});
  check_ids(argmax(one), data, {0, 0});
  const Data empty = Data().add("x", Tensor<double>(Shape{2, 3})).add("one", Tensor<double>(Shape{0, 1}));
  check_ids(argmax(one), empty, {});
}

TEST_CASE("reduction: a scalar has no last dimension") {
  Tape tape;
  const Var s = tape.input("s", {}), b = tape.input("b", {B});
  check_throws<ShapeError>([&] { sum(s, -1); }, {"[sum]", "s []", "reduction_test.cpp:"});
  check_throws<ShapeError>([&] { mean(b, -1); }, {"b [B]", "reduction_test.cpp:"});
  check_throws<ShapeError>([&] { max(b, -1); }, {"[max]", "b [B]", "reduction_test.cpp:"});
  check_throws<ShapeError>([&] { argmax(s); }, {"[argmax]", "s []", "reduction_test.cpp:"});
}

TEST_CASE("max: over the last axis: refuses an empty dimension") {
  Tape tape;
  const Var x = tape.input("x", {B, 0});
  check_throws<ShapeError>([&] { max(x, -1); }, {"[max]", "x [B, 0]", "reduction_test.cpp:"});
  check_throws<ShapeError>([&] { argmax(x); }, {"[argmax]", "x [B, 0]", "reduction_test.cpp:"});
}

TEST_CASE("reduction: refuses ids and a missing batch") {
  Tape tape;
  const Var ids = tape.ids("words", {B, 3}), v = tape.input("v", {3});
  check_throws<ShapeError>([&] { sum(ids); }, {"ids words [B, 3]", "reduction_test.cpp:"});
  check_throws<ShapeError>([&] { max(ids, -1); }, {"[max]", "ids words [B, 3]", "reduction_test.cpp:"});
  check_throws<ShapeError>([&] { batch_mean(v); }, {"v [3]", "reduction_test.cpp:"});
}

TEST_CASE("max: along each axis; the first of equals gets the gradient") {
  Tape tape;
  const Var x = tape.input("x", {2, 3});
  const Data data = Data().add("x", Tensor<double>(Shape{2, 3}, {1, 5, 2, 4, 5, 0}));
  check_values(max(x, 0), data, {{4, 5, 2}});
  check_values(max(x, 1), data, {{5, 5}});
  check_values(max(x, -1), data, {{5, 5}});
  check_values(gradient(sum(max(x, 0)), x), data, {{0, 1, 1, 1, 0, 0}});
}

TEST_CASE("max: NaN is the largest, infinities are ordered") {
  Tape tape;
  const Var x = tape.input("x", {3, 2});
  const Data data = Data().add("x", Tensor<double>(Shape{3, 2}, {1, -kInfinity, kNaN, -kInfinity, 2, -kInfinity}));
  check_values(max(x, 0), data, {{kNaN, -kInfinity}});
}

TEST_CASE("max and mean: over each axis: gradients, and plan against interpreter") {
  for (const auto& [shape, rows, numeric] : shape_cases()) {
    for (int axis = 0; axis < shape.rank(); ++axis) {
      if (shape.dim(axis) == 0) continue;
      CAPTURE(shape.text());
      Tape tape;
      const Var x = tape.input("x", shape);
      const Data data = Data().add("x", random_tensor(shape.bind(rows), 5));
      if (numeric) {
        check_op(max(x, axis), {{x}}, data);
        check_op(mean(x, axis), {{x}}, data);
      } else {
        check_op_by_plan(max(x, axis), {x}, data);
        check_op_by_plan(mean(x, axis), {x}, data);
      }
    }
  }
}

TEST_CASE("max and mean: an axis that is not there") {
  Tape tape;
  const Var x = tape.input("x", {B, 4});
  for (const int axis : {1, -2}) {
    check_throws<ShapeError>([&] { mean(x, axis); }, {"[mean]", "no axis", "[B, 4]", "reduction_test.cpp"});
    check_throws<ShapeError>([&] { max(x, axis); }, {"[max]", "no axis", "[B, 4]", "reduction_test.cpp"});
  }
}

TEST_CASE("mean: an empty dimension gives 0") {
  Tape tape;
  const Var x = tape.input("x", {B, 0, 2});
  check_values(mean(x, 0), Data().add("x", Tensor<double>(Shape{1, 0, 2})), {{0, 0}});
}

TEST_CASE("sum and mean: millions of floats, along a row, over the batch and of several dimensions") {
  constexpr Index kMillions = 10000000;
  Tape tape;
  const Var row = tape.input("row", {B, kMillions}), rows = tape.input("rows", {B, 1}), both = tape.input("both", {B, 10, 5});
  const std::vector<Var> outputs{sum(row), mean(row), sum(row, -1), batch_sum(sum(row, -1))};
  const auto run = [](std::vector<Var> out, const char* name, Tensor<float> x, double exact) {
    const auto plan = compile<float>(out[0].tape(), out);
    Workspace<float> workspace(plan, nullptr, ThreadPool(2));
    plan.run(workspace, {{name, x}});
    for (const Var& y : out) CHECK(std::abs(static_cast<double>(workspace.value(y)[0]) / exact - 1) < 1e-6);
  };
  const auto full = [](Shape shape) {
    Tensor<float> x(shape);
    std::fill(x.begin(), x.end(), 0.1f);
    return x;
  };
  const double tenth = static_cast<double>(0.1f);
  run({sum(row), sum(row, -1), batch_sum(sum(row, -1))}, "row", full({1, kMillions}), tenth * kMillions);
  run({mean(row), mean(row, -1)}, "row", full({1, kMillions}), tenth);
  run({sum(rows), batch_sum(rows), sum(batch_sum(rows))}, "rows", full({kMillions, 1}), tenth * kMillions);
  run({mean(rows), batch_mean(rows)}, "rows", full({kMillions, 1}), tenth);
  run({mean(both), mean(batch_mean(both)), mean(batch_mean(mean(both, -2)))}, "both", full({kMillions / 50, 10, 5}), tenth);
}

TEST_CASE("mean: of cross-entropies of ln 2 over 10^5 rows") {
  Tape tape;
  const Var logits = tape.input("logits", {B, 2}), ids = tape.ids("ids", {B});
  const Var loss = cross_entropy(logits, ids);
  const auto plan = compile<float>(tape, {loss});
  Workspace<float> workspace(plan);
  const Tensor<float> x(Shape{100000, 2});
  const Tensor<std::int32_t> y(Shape{100000});
  plan.run(workspace, {{"logits", x}, {"ids", y}});
  CHECK(std::abs(static_cast<double>(workspace.value(loss)[0]) - std::numbers::ln2) < 1e-6);
}
