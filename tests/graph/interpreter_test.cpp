#include <reel/models/parameter_set.h>
#include <reel/ops/activation.h>
#include <reel/ops/arithmetic.h>
#include <reel/ops/elementary.h>

#include "network.h"

using namespace reel;
using namespace reel::test;

TEST_CASE("interpreter: evaluates every node, and again after a leaf was edited") {
  Tape tape;
  const Var x = tape.input("x", {B, 2});
  const Var y = x * x + 1.0;
  Interpreter<double> run(tape, std::array{Binding{"x", Tensor<double>({2, 2}, {1, 2, 3, 4})}});
  run.evaluate();
  CHECK(run.rows() == 2);
  CHECK(run.value(y).shape() == Shape{2, 2});
  check_close(run.value(y), {2, 5, 10, 17}, 0);
  run.leaf(x)[3] = 10;
  run.evaluate();
  check_close(run.value(y), {2, 5, 10, 101}, 0);
}

TEST_CASE("interpreter: the complex step gives derivatives to the last digits") {
  Tape tape;
  const Var x = tape.input("x", {});
  const Var y = exp(x) / (1.0 + square(tanh(x)));
  Interpreter<std::complex<double>> run(tape, std::array{Binding{"x", Tensor<double>({}, {0.7})}});
  run.leaf(x)[0] += std::complex<double>(0, 1e-30);
  run.evaluate();
  const double t = std::tanh(0.7), d = 1 + t * t;
  const double expected = std::exp(0.7) / d - std::exp(0.7) * 2 * t * (1 - t * t) / (d * d);
  CHECK(std::abs(run.value(y)[0].imag() / 1e-30 - expected) <= 1e-15);
}

TEST_CASE("interpreter: stops before a node when asked") {
  Tape tape;
  const Var x = tape.input("x", {B, 2});
  const Var y = tanh(x);
  const Var bad = log(y - 10.0);
  Interpreter<double> run(tape, std::array{Binding{"x", Tensor<double>({1, 2})}});
  run.evaluate(y.id() + 1);
  CHECK(!run.first_non_finite());
  run.evaluate();
  CHECK(run.first_non_finite() == bad.id());
}

TEST_CASE("interpreter: explains the first number that is not finite by op, element, shape and place") {
  Tape tape;
  const Var x = tape.input("x", {B, 2});
  Var bad;
  {
    const auto scope = tape.scope("head");
    bad = log(x);
    tanh(bad / bad);
  }
  const auto run = interpret<double>(tape, {{"x", Tensor<double>({2, 2}, {1, 2, 3, -1})}});
  REQUIRE(run.first_non_finite() == bad.id());
  const std::string why = run.explain_non_finite();
  for (const char* part : {"[log]", "element 3", "[B, 2]", "nan", "head, interpreter_test.cpp:"}) {
    CAPTURE(why);
    CHECK(why.find(part) != std::string::npos);
  }
  const auto infinite = interpret<double>(tape, {{"x", Tensor<double>({1, 2}, {1, 0})}});
  CHECK(infinite.explain_non_finite().find("-inf") != std::string::npos);
}

TEST_CASE("interpreter: all finite is nothing to explain; a bad input is blamed itself") {
  Tape tape;
  const Var x = tape.input("x", {B});
  const Var y = x + 1.0;
  const auto fine = interpret<double>(tape, {{"x", Tensor<double>({1}, {1})}});
  CHECK(!fine.first_non_finite());
  CHECK(fine.explain_non_finite().empty());
  const auto run = interpret<double>(tape, {{"x", Tensor<double>({1}, {NAN})}});
  CHECK(run.first_non_finite() == x.id());
  CHECK(std::isnan(run.value(y)[0]));
  CHECK(run.explain_non_finite().find("x [B]") != std::string::npos);
}

TEST_CASE("interpreter: a NaN in an imaginary part is not finite") {
  Tape tape;
  const Var x = tape.input("x", {});
  Interpreter<std::complex<double>> run(tape, std::array{Binding{"x", Tensor<double>({}, {1})}});
  run.leaf(x)[0] = {1, NAN};
  run.evaluate();
  CHECK(run.first_non_finite() == x.id());
}

TEST_CASE("interpreter: binds float and double, carried values by name, sequences time-major") {
  Tape tape;
  const Sequence x = tape.input("x", 2, {B, 2});
  const Var h = tape.carried("h", {B, 2});
  const Var y = x[0] - 10.0 * x[1] + h;
  const Tensor<float> steps({2, 1, 2}, {1, 2, 3, 4});
  check_close(interpret<double>(tape, {{"x", steps}}).value(y), {-29, -38}, 0);
  check_close(interpret<double>(tape, {{"x", steps}, {"h", Tensor<double>({1, 2}, {100, 200})}}).value(y), {71, 162}, 0);
}

TEST_CASE("interpreter: refuses what does not fit") {
  ParameterSet set, other;
  const Parameter w = set.add("w", {2});
  other.add("v", {3});
  Tape tape;
  const Var h = tape.carried("h", {B, 2});
  (void)(h * w);
  const auto values = set.initial<double>(1);
  const auto foreign = other.initial<double>(1);
  check_throws<InputError>([&] { interpret<double>(tape, {}); }, {"w [2]", "no values"});
  check_throws<InputError>([&] { interpret<double>(tape, {}, &foreign); }, {"w [2]"});
  check_throws<InputError>([&] { interpret<double>(tape, {{"h", Tensor<double>({1, 3})}}, &values); }, {"h [B, 2]", "[1, 3]"});
  check_throws<InputError>(
      [&] {
        interpret<double>(tape, {{"h", Tensor<std::int32_t>({1, 2})}}, &values);
      },
      {"h [B, 2]", "int32"});
  check_throws<InputError>([&] { Interpreter<double>(tape, {}, &values, {}, -1); }, {"-1"});
  CHECK_NOTHROW(Interpreter<double>(tape, {}, &values, {}, 0).evaluate());
}
