#include <reel/ops/arithmetic.h>
#include <reel/ops/elementary.h>
#include <reel/ops/layer_norm.h>
#include <reel/ops/reduction.h>

#include "ops/values.h"

using namespace reel;
using namespace reel::test;

TEST_CASE("layer_norm: gradients, second gradients and plan") {
  check_unary([](Var x) { return layer_norm(x, 0.1); }, {.least_rank = 1});
}

TEST_CASE("layer_norm: with gain and bias, gradients of all three") {
  for (const auto& [shape, rows] : {std::pair<Shape, Index>{{B, 7}, 3}, {{B, 1}, 2}, {{B, 2, 5}, 3}, {{5}, 1}}) {
    INFO(shape.text());
    const Shape last{shape.last()};
    Tape tape;
    const Var x = tape.input("x", shape), gain = tape.input("gain", last), bias = tape.input("bias", last);
    const Data data = Data()
                          .add("x", random_tensor(shape.bind(rows), 1))
                          .add("gain", random_tensor(last, 2))
                          .add("bias", random_tensor(last, 3));
    check_op(layer_norm(x, gain, bias, 0.1), {{x, gain, bias}}, data);
  }
}

TEST_CASE("layer_norm: the variance of a population, row by row") {
  Tape tape;
  const Var x = tape.input("x", {B, 2});
  const Data data = Data().add("x", Tensor<double>(Shape{2, 2}, {1, 3, 10, 50}));
  const double near = 1 / std::sqrt(1 + 0.5), far = 20 / std::sqrt(400 + 0.5);
  check_values(layer_norm(x, 0.5), data, {{-near, near, -far, far}});
}

TEST_CASE("layer_norm: gain scales and bias shifts") {
  Tape tape;
  const Var x = tape.input("x", {B, 2}), gain = tape.input("gain", {2}), bias = tape.input("bias", {2});
  const Data data = Data()
                        .add("x", Tensor<double>(Shape{1, 2}, {0, 2}))
                        .add("gain", Tensor<double>(Shape{2}, {2, 3}))
                        .add("bias", Tensor<double>(Shape{2}, {10, 20}));
  const double near = 1 / std::sqrt(1 + 1e-5);
  check_values(layer_norm(x, gain, bias), data, {{10 - 2 * near, 20 + 3 * near}});
}

TEST_CASE("layer_norm: a single element and a constant row give 0") {
  Tape tape;
  const Var one = tape.input("one", {B, 1}), flat = tape.input("flat", {B, 4});
  const Data data = Data()
                        .add("one", Tensor<double>(Shape{3, 1}, {-1e4, 0, 17}))
                        .add("flat", Tensor<double>(Shape{3, 4}, {5, 5, 5, 5, 0, 0, 0, 0, -2, -2, -2, -2}));
  check_values(layer_norm(one), data, {{0, 0, 0}});
  check_values(gradient(sum(layer_norm(one)), one), data, {{0, 0, 0}});
  check_values(layer_norm(flat), data, {std::vector<double>(12, 0.0)});
}

TEST_CASE("layer_norm: rows of a large batch have mean 0 and variance 1") {
  Tape tape;
  const Var x = tape.input("x", {B, 257});
  const Data data = Data().add("x", random_tensor(Shape{130, 257}, 3, 5));
  const Var y = layer_norm(x);
  for (double m : planned<double>(mean(y, -1), data)) CHECK(std::abs(m) < 1e-14);
  for (double v : planned<double>(mean(square(y), -1), data)) CHECK(std::abs(v - 1) < 1e-5);
}

TEST_CASE("layer_norm: an empty batch is an empty result, with zero gradients of gain and bias") {
  Tape tape;
  const Var x = tape.input("x", {B, 3}), gain = tape.input("gain", {3}), bias = tape.input("bias", {3});
  const Data data =
      Data().add("x", Tensor<double>(Shape{0, 3})).add("gain", random_tensor({3}, 1)).add("bias", random_tensor({3}, 2));
  const Var y = layer_norm(x, gain, bias);
  check_values(y, data, {std::vector<double>{}});
  check_values(gradient(sum(y), gain), data, {{0, 0, 0}});
  check_values(gradient(sum(y), bias), data, {{0, 0, 0}});
}

TEST_CASE("layer_norm: refuses scalars and gains of another size") {
  Tape tape;
  const Var s = tape.input("s", {B}), x = tape.input("x", {B, 3}), gain = tape.input("gain", {4}), bias = tape.input("bias", {3});
  check_throws<ShapeError>([&] { layer_norm(s); }, {"s [B]", "layer_norm_test.cpp:"});
  check_throws<ShapeError>([&] { layer_norm(x, gain, bias); }, {"[B, 3]", "gain [4]", "layer_norm_test.cpp:"});
  check_throws<ShapeError>([&] { layer_norm(x, bias, gain); }, {"[B, 3]", "gain [4]", "layer_norm_test.cpp:"});
}
