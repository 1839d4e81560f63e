#include <reel/ops/activation.h>
#include <reel/ops/arithmetic.h>

#include "ops/values.h"

using namespace reel;
using namespace reel::test;

TEST_CASE("tanh: gradients, second gradients and plan") { check_unary(tanh); }
TEST_CASE("sigmoid: gradients, second gradients and plan") { check_unary(sigmoid); }
TEST_CASE("relu: gradients, second gradients and plan") { check_unary(relu); }
TEST_CASE("satlins: gradients, second gradients and plan") { check_unary(satlins); }

TEST_CASE("tanh: saturates without overflow, NaN stays NaN") {
  check_points(tanh, {-kInfinity, -1e4, -0.5, 0, 1e-6, 0.5, 30, 1e4, kInfinity, kNaN},
               {{-1, -1, std::tanh(-0.5), 0, std::tanh(1e-6), std::tanh(0.5), 1, 1, 1, kNaN}});
  check_slopes(tanh, {-kInfinity, -1e4, 0, 1e4, kInfinity, kNaN}, {{0, 0, 1, 0, 0, kNaN}});
}

TEST_CASE("sigmoid: saturates without overflow and keeps small results, NaN stays NaN") {
  check_points(sigmoid, {-kInfinity, -1e4, -80, 0, 2, 80, 1e4, kInfinity, kNaN},
               {{0, 0, std::exp(-80.0), 0.5, 1 / (1 + std::exp(-2.0)), 1, 1, 1, kNaN}});
  check_slopes(sigmoid, {-kInfinity, -1e4, -80, 0, 1e4, kInfinity, kNaN}, {{0, 0, std::exp(-80.0), 0.25, 0, 0, kNaN}});
}

TEST_CASE("relu: clips at 0, has derivative 0 there, NaN stays NaN") {
  check_points(relu, {-kInfinity, -1e4, -1, 0, 1, 1e4, kInfinity, kNaN}, {{0, 0, 0, 0, 1, 1e4, kInfinity, kNaN}});
  check_slopes(relu, {-kInfinity, -1e4, -1, 0, 1, 1e4, kInfinity}, {{0, 0, 0, 0, 1, 1, 1}});
}

TEST_CASE("satlins: clamps to [-1, 1], has derivative 0 at the ends, NaN stays NaN") {
  check_points(satlins, {-kInfinity, -1e4, -1, -0.25, 0, 1, 1e4, kInfinity, kNaN}, {{-1, -1, -1, -0.25, 0, 1, 1, 1, kNaN}});
  check_slopes(satlins, {-kInfinity, -1e4, -1, -0.25, 0.25, 1, 1e4, kInfinity}, {{0, 0, 0, 1, 1, 0, 0, 0}});
}

TEST_CASE("activation: refuses ids and names itself, the operand and the caller's line") {
  Tape tape;
  const Var ids = tape.ids("words", {B, 3});
  check_throws<ShapeError>([&] { tanh(ids); }, {"[tanh]", "ids words [B, 3]", "activation_test.cpp:"});
  check_throws<ShapeError>([&] { sigmoid(ids); }, {"[sigmoid]", "ids words [B, 3]", "activation_test.cpp:"});
  check_throws<ShapeError>([&] { relu(ids); }, {"[relu]", "ids words [B, 3]", "activation_test.cpp:"});
  check_throws<ShapeError>([&] { satlins(ids); }, {"[satlins]", "ids words [B, 3]", "activation_test.cpp:"});
}
