#include <reel/ops/arithmetic.h>
#include <reel/ops/elementary.h>

#include "ops/values.h"

using namespace reel;
using namespace reel::test;

TEST_CASE("exp: gradients, second gradients and plan") { check_unary(exp); }
TEST_CASE("log: gradients, second gradients and plan") { check_unary(log, {.low = 0.3, .high = 3}); }
TEST_CASE("sqrt: gradients, second gradients and plan") { check_unary(sqrt, {.low = 0.3, .high = 3}); }
TEST_CASE("square: gradients, second gradients and plan") { check_unary(square); }
TEST_CASE("abs: gradients, second gradients and plan") { check_unary(abs); }
TEST_CASE("sign: no gradient, and plan") { check_unary(sign); }
TEST_CASE("step: no gradient, and plan") { check_unary(step); }

TEST_CASE("exp: IEEE results at the ends") {
  check_points(exp, {-kInfinity, -1000, 0, 1000, kInfinity, kNaN}, {{0, 0, 1, kInfinity, kInfinity, kNaN}});
}

TEST_CASE("exp: finite up to the threshold of overflow of each type, infinite beyond") {
  const std::vector<double> x{71.75, 72.25, 80,    88.5,   88.625, 88.75, 103, 104.5, 120,
                              689,   691,   709.5, 709.75, 710,    721,   723, 750};
  std::vector<double> in_double, in_float;
  for (double v : x) in_double.push_back(std::exp(v)), in_float.push_back(std::exp(static_cast<float>(v)));
  REQUIRE(std::isfinite(in_float[4]));
  REQUIRE(std::isinf(in_float[5]));
  REQUIRE(std::isfinite(in_double[12]));
  REQUIRE(std::isinf(in_double[13]));
  check_points(exp, x, {in_double, in_float});
}

TEST_CASE("exp: small results keep their relative precision down to the smallest normal number") {
  check_points(exp, {-1, -20, -50, -87}, {{std::exp(-1.0), std::exp(-20.0), std::exp(-50.0), std::exp(-87.0)}});
}

TEST_CASE("log: IEEE results at 0, below and at infinity") {
  check_points(log, {0, -0.0, 1, 2, 1e30, kInfinity, -1, -kInfinity, kNaN},
               {{-kInfinity, -kInfinity, 0, std::log(2.0), std::log(1e30), kInfinity, kNaN, kNaN, kNaN}});
  check_slopes(log, {0, 2, kInfinity}, {{kInfinity, 0.5, 0}});
}

TEST_CASE("log: the smallest normal number, and denormals, which are zeros to plans") {
  Tape tape;
  const Var x = tape.input("x", {2});
  const double least = std::numeric_limits<double>::min();
  const Data data = Data().add("x", Tensor<double>(Shape{2}, {least, 1e-310}));
  check_equal("interpreter", interpreted<double>(log(x), data), {std::log(least), std::log(1e-310)}, 1e-13);
  check_equal("plan", planned<double>(log(x), data), {std::log(least), -kInfinity}, 1e-13);
}

TEST_CASE("sqrt: NaN below 0, infinite slope at 0") {
  check_points(sqrt, {0, 2, 1e30, kInfinity, -1, -kInfinity, kNaN}, {{0, std::sqrt(2.0), 1e15, kInfinity, kNaN, kNaN, kNaN}});
  check_slopes(sqrt, {0, 4, kInfinity}, {{kInfinity, 0.25, 0}});
}

TEST_CASE("square: overflows to infinity by the type's own range, NaN stays NaN") {
  check_points(square, {-3, 1e30, -1e200, -kInfinity, kNaN},
               {{9, 1e60, kInfinity, kInfinity, kNaN}, {9, kInfinity, kInfinity, kInfinity, kNaN}});
}

TEST_CASE("abs: derivative 0 at 0, NaN stays NaN") {
  check_points(abs, {-kInfinity, -2, 0, 3, kInfinity, kNaN}, {{kInfinity, 2, 0, 3, kInfinity, kNaN}});
  check_slopes(abs, {-kInfinity, -2, 0, 3, kInfinity}, {{-1, -1, 0, 1, 1}});
}

TEST_CASE("sign: -1, 0 or 1; a NaN has none") {
  check_points(sign, {-kInfinity, -1e-30, -0.0, 0, 1e-30, kInfinity, kNaN}, {{-1, -1, 0, 0, 1, 1, 0}});
  check_slopes(sign, {-1, 0, 1}, {{0, 0, 0}});
}

TEST_CASE("step: 1 above 0, else 0, also for NaN") {
  check_points(step, {-kInfinity, -1e-30, -0.0, 0, 1e-30, kInfinity, kNaN}, {{0, 0, 0, 0, 1, 1, 0}});
  check_slopes(step, {-1, 0, 1}, {{0, 0, 0}});
}

TEST_CASE("elementary: refuses ids and names itself, the operand and the caller's line") {
  Tape tape;
  const Var ids = tape.ids("words", {B, 3});
  check_throws<ShapeError>([&] { exp(ids); }, {"[exp]", "ids words [B, 3]", "elementary_test.cpp:"});
  check_throws<ShapeError>([&] { log(ids); }, {"[log]", "ids words [B, 3]", "elementary_test.cpp:"});
  check_throws<ShapeError>([&] { sqrt(ids); }, {"[sqrt]", "ids words [B, 3]", "elementary_test.cpp:"});
  check_throws<ShapeError>([&] { square(ids); }, {"[square]", "ids words [B, 3]", "elementary_test.cpp:"});
  check_throws<ShapeError>([&] { abs(ids); }, {"[abs]", "ids words [B, 3]", "elementary_test.cpp:"});
  check_throws<ShapeError>([&] { sign(ids); }, {"[sign]", "ids words [B, 3]", "elementary_test.cpp:"});
  check_throws<ShapeError>([&] { step(ids); }, {"[step]", "ids words [B, 3]", "elementary_test.cpp:"});
}
