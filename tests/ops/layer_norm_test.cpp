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

TEST_CASE("layer_norm: rows of any size, also large ones that differ little") {
  const auto check = [](std::vector<double> row, const std::vector<double>& expected, double epsilon = 1e-5) {
    const auto n = static_cast<Index>(row.size());
    Tape tape;
    const Var y = layer_norm(tape.input("x", {B, n}), epsilon);
    check_values(y, Data().add("x", Tensor<double>(Shape{1, n}, row)), {expected});
  };
  const double a = 3 / std::sqrt(5), b = 1 / std::sqrt(5);
  const std::vector<double> even{-a, -b, b, a};
  for (double size : {1e30, 1e20, 1e10}) check({size, 2 * size, 3 * size, 4 * size}, even);
  for (double size : {1e-30, 1e-20}) check({size, 2 * size, 3 * size, 4 * size}, even, 0);
  check({1e8, 1e8 + 8, 1e8 + 16, 1e8 + 24}, even, 0);
  const double c = std::sqrt(1.25);
  check({1e20, -1e20, 2e20, 0}, {0.5 / c, -1.5 / c, 1.5 / c, -0.5 / c});
  const double root = std::sqrt(1e-5);
  check({-1e-30, 1e-30}, {-1e-30 / root, 1e-30 / root});
  for (double same : {1e30, 1e10, 1e-30}) check(std::vector<double>(100, same), std::vector<double>(100, 0.0));
  check(std::vector<double>(1000, 100.1f), std::vector<double>(1000, 0.0));
}

TEST_CASE("layer_norm: gradients of rows of any size") {
  for (double size : {1e-30, 1e-5, 1.0, 1e30}) {
    CAPTURE(size);
    Tape tape;
    const Var x = tape.input("x", {B, 3});
    const Var y = layer_norm(x, 0.0);
    const Data data = Data().add("x", Tensor<double>(Shape{1, 3}, {1 * size, 3 * size, 7 * size}));
    const Var g = gradient(sum(y * tape.constant(Tensor<double>(Shape{3}, {1, 2, -1}))), x);
    // (v - mean(v) - y mean(v y)) / deviation
    const double mean = 11. / 3, deviation = std::sqrt(59. / 3 - mean * mean), v = 2. / 3;
    std::vector<double> expected;
    const double y0 = (1 - mean) / deviation, y1 = (3 - mean) / deviation, y2 = (7 - mean) / deviation;
    const double vy = (y0 + 2 * y1 - y2) / 3;
    for (const auto& [weight, yi] : {std::pair(1., y0), std::pair(2., y1), std::pair(-1., y2)})
      expected.push_back((weight - v - yi * vy) / deviation / size);
    check_values(g, data, expected);
  }
}

TEST_CASE("layer_norm: an epsilon that cannot be") {
  Tape tape;
  const Var x = tape.input("x", {B, 3});
  for (double epsilon : {-1e-5, kNaN, kInfinity})
    check_throws<InputError>([&] { layer_norm(x, epsilon); }, {"layer_norm", "epsilon"});
}
