#include <reel/models/parameter_set.h>
#include <reel/ops/arithmetic.h>
#include <reel/ops/elementary.h>
#include <reel/ops/matmul.h>
#include <reel/ops/reduction.h>
#include <reel/ops/transpose.h>
#include <reel/ops/weight_gradient.h>

#include "ops/values.h"

using namespace reel;
using namespace reel::test;

namespace {

struct Product {
  Shape x;
  Index N, rows;
};

const std::vector<Product>& products() {
  static const std::vector<Product> all{{{3}, 2, 1},      {{1}, 1, 1},       {{B, 1}, 1, 1},      {{B, 7}, 5, 3},
                                        {{4, 3}, 2, 1},   {{B, 2, 3}, 5, 3}, {{2, 2, 3}, 17, 1},  {{B, 3}, 0, 2},
                                        {{B, 0}, 4, 2},   {{0}, 3, 1},       {{0, 3}, 2, 1},      {{B, 0, 3}, 2, 3},
                                        {{B, 3}, 4, 0},   {{B, 2, 3}, 4, 0}, {{B, 257}, 65, 130}, {{B, 3, 33}, 130, 101},
                                        {{300, 7}, 19, 1}};
  return all;
}

bool small(const Product& p) { return p.x.elements(p.rows) > 0 && p.N > 0 && p.x.elements(p.rows) < 200; }

}  // namespace

TEST_CASE("matmul: gradients, second gradients and plan") {
  for (const Product& p : products()) {
    INFO(p.x.text(), " by N = ", p.N, " with ", p.rows, " rows");
    const Shape w_shape{p.x.last(), p.N};
    Tape tape;
    const Var x = tape.input("x", p.x), w = tape.input("w", w_shape);
    const Data data = Data().add("x", random_tensor(p.x.bind(p.rows), 1)).add("w", random_tensor(w_shape, 2));
    const Var y = matmul(x, w);
    CHECK(y.shape() == p.x.with_dim(-1, p.N));
    if (small(p))
      check_op(y, {{x, w}}, data);
    else
      check_op_by_plan(y, {x, w}, data);
  }
}

TEST_CASE("weight_gradient: gradients, second gradients and plan") {
  for (const Product& p : products()) {
    INFO(p.x.text(), " with N = ", p.N, " and ", p.rows, " rows");
    const Shape y_shape = p.x.with_dim(-1, p.N);
    Tape tape;
    const Var x = tape.input("x", p.x), y = tape.input("y", y_shape);
    const Data data = Data().add("x", random_tensor(p.x.bind(p.rows), 1)).add("y", random_tensor(y_shape.bind(p.rows), 2));
    const Var z = weight_gradient(x, y);
    CHECK(z.shape() == Shape{p.x.last(), p.N});
    if (small(p))
      check_op(z, {{x, y}}, data);
    else
      check_op_by_plan(z, {x, y}, data);
  }
}

TEST_CASE("matmul: values, transposed weights, and the gradient of the weight") {
  Tape tape;
  const Var x = tape.input("x", {B, 2}), w = tape.input("w", {2, 3});
  const Data data =
      Data().add("x", Tensor<double>(Shape{2, 2}, {1, 2, 3, 4})).add("w", Tensor<double>(Shape{2, 3}, {1, 0, -1, 2, 5, 1}));
  check_values(matmul(x, w), data, {{5, 10, 1, 11, 20, 1}});
  check_values(transpose(w), data, {{1, 2, 0, 5, -1, 1}});
  check_values(matmul(matmul(x, w), transpose(w)), data, {{4, 61, 10, 123}});
  check_values(weight_gradient(x, matmul(x, w)), data, {{38, 70, 4, 54, 100, 6}});
  check_values(gradient(sum(matmul(x, w)), w), data, {{4, 4, 4, 6, 6, 6}});
}

TEST_CASE("matmul: an empty inner dimension and an empty batch give zeros") {
  Tape tape;
  const Var x = tape.input("x", {B, 0}), w = tape.input("w", {0, 3});
  check_values(matmul(x, w), Data().add("x", Tensor<double>(Shape{2, 0})).add("w", Tensor<double>(Shape{0, 3})),
               {{0, 0, 0, 0, 0, 0}});
  Tape empty;
  const Var a = empty.input("a", {B, 2}), b = empty.input("b", {2, 2});
  const Data none = Data().add("a", Tensor<double>(Shape{0, 2})).add("b", random_tensor({2, 2}, 1));
  check_values(weight_gradient(a, a), none, {{0, 0, 0, 0}});
  check_values(gradient(sum(matmul(a, b)), b), none, {{0, 0, 0, 0}});
}

TEST_CASE("weight_gradient: sums in row order") {
  Tape tape;
  const Var x = tape.input("x", {B, 1}), y = tape.input("y", {B, 2});
  const Data data =
      Data().add("x", Tensor<double>(Shape{3, 1}, {1, 1, 1})).add("y", Tensor<double>(Shape{3, 2}, {1e8, 1e8, 1, -1e8, -1e8, 1}));
  check_values(weight_gradient(x, y), data, {{1, 1}, {0, 1}});  // 1e8 + 1 is 1e8 in float
}

TEST_CASE("matmul: a weight used at several steps, with and without B, gets one gradient") {
  Tape tape;
  const Sequence steps = tape.input("x", 3, {B, 4});
  const Var fixed = tape.input("fixed", {2, 4}), w = tape.input("w", {4, 3});
  const Data data =
      Data().add("x", random_tensor(Shape{3, 5, 4}, 1)).add("fixed", random_tensor({2, 4}, 2)).add("w", random_tensor({4, 3}, 3));
  Var loss = sum(square(matmul(fixed, w)));
  for (const Var& x : steps) loss = loss + sum(exp(matmul(x, w)));
  check_op(loss, {{fixed, w}}, data);
}

TEST_CASE("matmul: a row's bits do not depend on the other rows") {
  Tape tape;
  const Var y = matmul(tape.input("x", {B, 100}), tape.input("w", {100, 70}));
  const Tensor<float> all = cast<float>(random_tensor(Shape{13, 100}, 1)), w = cast<float>(random_tensor({100, 70}, 2));
  const Plan<float> plan = compile<float>(tape, {y});
  Workspace<float> together(plan), alone(plan);
  plan.run(together, {{"x", all}, {"w", w}});
  for (Index r = 0; r < 13; ++r) {
    const Tensor<float> row(Shape{1, 100}, std::span(all.data() + r * 100, 100));
    plan.run(alone, {{"x", row}, {"w", w}});
    CHECK(std::equal(alone.value(y).begin(), alone.value(y).end(), together.value(y).begin() + r * 70));
  }
}

TEST_CASE("matmul: the packed weight follows updates of its parameter") {
  ParameterSet set;
  const Parameter w = set.add("w", {2, 2});
  ParameterValues<double> values = set.initial<double>(1);
  Tape tape;
  const Var y = matmul(tape.input("x", {B, 2}), w);
  const Plan<double> plan = compile<double>(tape, {y});
  Workspace<double> workspace(plan, &values);
  const Tensor<double> x(Shape{1, 2}, {1, 10});
  for (const double scale : {1.0, 3.0}) {
    const auto weight = values.edit(w);
    for (Index i = 0; i < 4; ++i) weight[i] = scale * static_cast<double>(i + 1);
    plan.run(workspace, {{"x", x}});
    check_close(workspace.value(y), {31 * scale, 42 * scale});
  }
}

TEST_CASE("matmul: refuses shapes that do not fit, naming both and the line") {
  Tape tape;
  const Var x = tape.input("x", {B, 3}), w = tape.input("w", {4, 2}), v = tape.input("v", {3}), s = tape.input("s", {B});
  const Var ids = tape.ids("words", {3, 2});
  check_throws<ShapeError>([&] { matmul(x, w); }, {"[matmul]", "x [B, 3]", "w [4, 2]", "matmul_test.cpp:"});
  check_throws<ShapeError>([&] { matmul(w, x); }, {"[matmul]", "w [4, 2]", "x [B, 3]", "matmul_test.cpp:"});
  check_throws<ShapeError>([&] { matmul(x, v); }, {"[matmul]", "x [B, 3]", "v [3]", "matmul_test.cpp:"});
  check_throws<ShapeError>([&] { matmul(s, w); }, {"[matmul]", "s [B]", "w [4, 2]", "matmul_test.cpp:"});
  check_throws<ShapeError>([&] { matmul(x, ids); }, {"[matmul]", "ids words [3, 2]", "matmul_test.cpp:"});
  check_throws<ShapeError>([&] { weight_gradient(x, w); }, {"[weight_gradient]", "x [B, 3]", "w [4, 2]", "matmul_test.cpp:"});
  check_throws<ShapeError>([&] { weight_gradient(v, w); }, {"[weight_gradient]", "v [3]", "w [4, 2]", "matmul_test.cpp:"});
  check_throws<ShapeError>([&] { weight_gradient(s, s); }, {"[weight_gradient]", "s [B]", "matmul_test.cpp:"});
  check_throws<ShapeError>([&] { transpose(x); }, {"[transpose]", "x [B, 3]", "matmul_test.cpp:"});
  check_throws<ShapeError>([&] { transpose(v); }, {"[transpose]", "v [3]", "matmul_test.cpp:"});
  check_throws<ShapeError>([&] { transpose(ids); }, {"[transpose]", "ids words [3, 2]", "matmul_test.cpp:"});
}

TEST_CASE("matmul: a product whose size overflows is refused") {
  Tape tape;
  const Var column = tape.input("column", {Index{1} << 40, 1}), row = tape.input("row", {1, Index{1} << 40});
  check_throws<ShapeError>([&] { matmul(column, row); }, {"[matmul]", "overflow", "matmul_test.cpp:"});
  check_throws<ShapeError>([&] { weight_gradient(row, row); }, {"[weight_gradient]", "overflow", "matmul_test.cpp:"});
}

TEST_CASE("matmul: the error of a float product does not grow with k") {
  for (Index K : {Index{256}, Index{257}, Index{8192}, Index{8193}, Index{100000}, Index{1000000}}) {
    CAPTURE(K);
    for (const bool constant : {true, false}) {
      Tensor<float> x(Shape{70, K}), w(Shape{K, 5});
      RandomStream random(1);
      for (float& v : x) v = constant ? 0.1f : static_cast<float>(random.uniform());
      for (float& v : w) v = constant ? 0.1f : static_cast<float>(random.uniform());
      if (K == 1000000) x = Tensor<float>(Shape{2, K}, std::span(x.data(), static_cast<std::size_t>(2 * K)));
      Tape tape;
      const Var a = tape.input("x", {B, K}), b = tape.input("w", {K, 5}), y = matmul(a, b);
      const auto plan = compile<float>(tape, {y});
      Workspace<float> workspace(plan), alone(plan);
      plan.run(workspace, {{"x", x}, {"w", w}});
      const Tensor<float> first(Shape{1, K}, std::span(x.data(), static_cast<std::size_t>(K)));
      plan.run(alone, {{"x", first}, {"w", w}});
      double worst = 0;
      for (Index r : {Index{0}, x.shape().dim(0) - 1})
        for (Index n = 0; n < 5; ++n) {
          double exact = 0;
          for (Index k = 0; k < K; ++k) exact += static_cast<double>(x[r * K + k]) * static_cast<double>(w[k * 5 + n]);
          worst = std::max(worst, std::abs(static_cast<double>(workspace.value(y)[r * 5 + n]) / exact - 1));
          if (r == 0) CHECK(alone.value(y)[n] == workspace.value(y)[n]);
        }
      CHECK(worst < 1e-5);
      if (K > 10000) continue;
      const double read = static_cast<double>(interpret<float>(tape, {{"x", first}, {"w", w}}).value(y)[0]);
      CHECK(std::abs(read / static_cast<double>(alone.value(y)[0]) - 1) < 2e-6);
    }
  }
}
