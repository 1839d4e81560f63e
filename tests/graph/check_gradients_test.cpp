#include <reel/graph/structural.h>
#include <reel/models/parameter_set.h>
#include <reel/ops/activation.h>
#include <reel/ops/arithmetic.h>
#include <reel/ops/elementary.h>
#include <reel/ops/elementwise.h>
#include <reel/ops/loss.h>
#include <reel/ops/matmul.h>
#include <reel/ops/reduction.h>
#include <reel/ops/rows.h>
#include <reel/ops/rowwise.h>

#include "network.h"

using namespace reel;
using namespace reel::test;

namespace {

// x^3 with an adjoint of the given factor; 3 is right.
template <int kFactor>
class Cube final : public RowOp<Cube<kFactor>> {
 public:
  static constexpr std::string_view kName = "cube";
  auto key() const { return std::tuple(kFactor); }
  Signature infer(const Arguments& x) const override {
    x.require_count(1);
    x.require_type(0, Type::real);
    return x[0];
  }
  std::vector<Var> adjoint(std::span<const Var> x, Var, Var dy) const override {
    return {static_cast<double>(kFactor) * x[0] * x[0] * dy};
  }
  template <class Row>
  void row(const Row& r) const {
    for (Index i = 0; i < r.y_shape().row_size(); ++i) r.y()[i] = r.x(0)[i] * r.x(0)[i] * r.x(0)[i];
  }
};

class WithoutRule final : public RowOp<WithoutRule> {
 public:
  static constexpr std::string_view kName = "without_rule";
  Signature infer(const Arguments& x) const override { return x[0]; }
  template <class Row>
  void row(const Row& r) const {
    std::copy_n(r.x(0), r.y_shape().row_size(), r.y());
  }
};

template <class O>
Var apply(Var x) {
  return x.tape().append(O{}, {x}, CallSite::current());
}

const Tensor<double> kX({2, 3}, {0.3, -0.7, 1.1, 0.2, 0.9, -0.4});

}  // namespace

TEST_CASE("check_gradients: right gradients pass by the complex step") {
  Tape tape;
  const Var x = tape.input("x", {B, 3});
  const Var loss = sum(tanh(apply<Cube<3>>(x)) * x);
  const GradientReport report = check_gradients(loss, {{x}}, std::array{Binding{"x", kX}});
  CHECK(report.ok());
  CHECK(report.checked == 6);
  CHECK(report.worst < 1e-14);
  CHECK(report.text().find("gradients agree: 6 elements by complex step") == 0);
}

TEST_CASE("check_gradients: a wrong adjoint is found and blamed by name and place") {
  Tape tape;
  const Var x = tape.input("x", {B, 3});
  const auto scope = tape.scope("middle");
  const Var loss = sum(tanh(apply<Cube<2>>(sigmoid(x))));
  const GradientReport report = check_gradients(loss, {{x}}, std::array{Binding{"x", kX}});
  REQUIRE(!report.ok());
  CHECK(report.mismatches.size() == 6);
  CHECK(report.mismatches[0].op.find("cube (middle, check_gradients_test.cpp:") == 0);
  CHECK(report.mismatches[0].variable == "x [B, 3]");
  CHECK(report.mismatches[0].numeric == doctest::Approx(report.mismatches[0].analytic * 1.5));
  const auto error = [&](std::size_t i) { return std::abs(report.mismatches[i].analytic - report.mismatches[i].numeric); };
  for (std::size_t i = 1; i < 6; ++i) CHECK(error(i) <= error(i - 1));  // worst first
  const std::string text = report.text();
  for (const char* part : {"differ in 6 of 6", "complex step", "[cube", "x [B, 3]", "analytic", "numeric"}) {
    CAPTURE(part);
    CHECK(text.find(part) != std::string::npos);
  }
}

// Regression: the tape built around a suspect took its inputs' shapes from inputs of the same name on the user's tape.
TEST_CASE("check_gradients: blames the right op whatever the tape's inputs are called") {
  Tape tape;
  const Var x0 = tape.input("x0", {B, 3}), seed = tape.input("seed", {7}), x1 = tape.input("x1", {});
  const Var loss = sum(tanh(apply<Cube<2>>(sum(x0 * x0, -1)))) * sum(seed) * x1;
  const Tensor<double> sevens = uniform_tensor({7}, 1, 0.5, 1), one({}, {0.8});
  const GradientReport report =
      check_gradients(loss, {{x0, seed, x1}}, std::array{Binding{"x0", kX}, Binding{"seed", sevens}, Binding{"x1", one}});
  REQUIRE(!report.ok());
  CHECK(report.mismatches[0].op.find("cube") == 0);
  CHECK(report.mismatches[0].variable == "x0 [B, 3]");
}

// Regression: the tape built around a suspect refused inputs of counted rows.
TEST_CASE("check_gradients: blames the right op among counts of rows") {
  Tape tape;
  const Var x = tape.input("x", {B, 3}), ids = tape.ids("ids", {B});
  const RowCount n = tape.row_counts("x0", 1)[0];  // named as an input of the tape around a suspect might be
  const Tensor<std::int32_t> one({1}, {1}), id({2}, {2, 9});
  const std::array bindings{Binding{"x", kX}, Binding{"ids", id}, Binding{"x0", one}};
  const auto wrong = [&](Var y) { return sum(update_rows(tanh(x), tanh(y))) + sum(cross_entropy_rows(y, first_rows(ids, n))); };
  const GradientReport right = check_gradients(wrong(apply<Cube<3>>(first_rows(x, n))), {{x}}, bindings);
  CHECK(right.ok());
  const GradientReport report = check_gradients(wrong(apply<Cube<2>>(first_rows(x, n))), {{x}}, bindings);
  REQUIRE(!report.ok());
  CHECK(report.mismatches.size() == 3);
  CHECK(report.mismatches[0].op.find("cube") == 0);
}

TEST_CASE("check_gradients: an op without an adjoint rule is an error that names it, not a gradient of 0") {
  Tape tape;
  const Var x = tape.input("x", {B, 3});
  const Var y = apply<WithoutRule>(x);
  check_throws<InputError>(
      [&] {
        check_gradients(sum(tanh(y)), {{x}}, std::array{Binding{"x", kX}});
      },
      {"[without_rule]", "no adjoint rule", "check_gradients_test.cpp:"});
  // Nobody asks for the gradient of what does not depend on x.
  const Var z = tape.input("z", {B, 3});
  CHECK(check_gradients(sum(z * stop_gradient(y)), {{z}}, std::array{Binding{"x", kX}, Binding{"z", kX}}).ok());
}

TEST_CASE("check_gradients: stop_gradient differs by design, and no rule is blamed") {
  Tape tape;
  const Var x = tape.input("x", {B, 3});
  const GradientReport report = check_gradients(sum(x * (x + stop_gradient(x))), {{x}}, std::array{Binding{"x", kX}});
  CHECK(!report.ok());
  CHECK(report.mismatches[0].analytic == doctest::Approx(report.mismatches[0].numeric * 0.75));
}

TEST_CASE("check_gradients: NaN is a mismatch, not a pass") {
  Tape tape;
  const Var x = tape.input("x", {B, 3});
  const Tensor<double> negative({1, 3}, {1, -1, 2});
  const GradientReport report = check_gradients(sum(log(sqrt(x))), {{x}}, std::array{Binding{"x", negative}});
  CHECK(!report.ok());
  CHECK(std::isnan(report.worst));
  CHECK(report.text().find("nan") != std::string::npos);
}

TEST_CASE("check_gradients: carried values and parameters are variables; only so many elements are checked") {
  ParameterSet set;
  const Parameter w = set.add("w", {3, 40});
  const auto values = set.initial<double>(1);
  Tape tape;
  const Var x = tape.input("x", {B, 3}), h = tape.carried("h", {B, 40});
  const Var loss = sum(tanh(matmul(x, w) + h));
  const std::vector<Var> wrt{tape.parameter(w), h, x};
  const std::array bindings{Binding{"x", kX}};
  CHECK(check_gradients(loss, wrt, bindings, &values).checked == 64 + 64 + 6);
  const GradientReport all = check_gradients(loss, wrt, bindings, &values, {.most_elements = 0});
  CHECK(all.checked == 120 + 80 + 6);
  CHECK(all.ok());
}

TEST_CASE("check_gradients: refuses what is no leaf, empty, elsewhere, or no scalar") {
  Tape tape, other;
  const Var x = tape.input("x", {B, 3}), elsewhere = other.input("x", {B, 3});
  const Var y = tanh(x), loss = sum(y);
  const std::array bindings{Binding{"x", kX}};
  check_throws<InputError>([&] { check_gradients(loss, {{y}}, bindings); }, {"no leaf"});
  check_throws<InputError>([&] { check_gradients(loss, {{Var()}}, bindings); }, {"empty"});
  check_throws<InputError>([&] { check_gradients(loss, {{elsewhere}}, bindings); }, {"another tape"});
  check_throws<InputError>([&] { check_gradients(Var(), {{x}}, bindings); }, {"empty"});
  check_throws<ShapeError>([&] { check_gradients(y, {{x}}, bindings); }, {"scalar"});
  check_throws<InputError>([&] { check_gradients(loss, {{x}}, {}); }, {"x [B, 3]", "not bound"});
}
