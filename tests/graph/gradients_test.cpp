#include <reel/graph/structural.h>
#include <reel/models/layers.h>
#include <reel/models/parameter_set.h>
#include <reel/ops/activation.h>
#include <reel/ops/arithmetic.h>
#include <reel/ops/elementary.h>
#include <reel/ops/loss.h>
#include <reel/ops/reduction.h>

#include "network.h"

using namespace reel;
using namespace reel::test;

namespace {

constexpr double kStep = 1e-30;

// d output / d leaf, one element at a time, by the complex step.
std::vector<double> complex_step(Var output, Var leaf, const Data& data, const ParameterValues<double>* parameters = nullptr) {
  Interpreter<std::complex<double>> run(output.tape(), data.bindings<double>(), parameters);
  std::vector<double> derivative;
  for (Index i = 0; i < run.leaf(leaf).size(); ++i) {
    run.leaf(leaf)[i] += std::complex<double>(0, kStep);
    run.evaluate();
    derivative.push_back(run.value(output)[0].imag() / kStep);
    run.leaf(leaf)[i] = run.leaf(leaf)[i].real();
  }
  return derivative;
}

Data two_rows() { return Data().add("x", Tensor<double>({2, 3}, {0.3, -0.7, 1.1, 0.2, 0.9, -0.4})); }

}  // namespace

TEST_CASE("gradients: fan-in is one accumulate of the uses in order") {
  Tape tape;
  const Var x = tape.input("x", {B, 3});
  const Var a = sum(tanh(x)), b = sum(exp(x)), c = sum(x * x);
  const Var g = gradient(a + b + c, x);
  CHECK(count_ops(tape, "accumulate") == 1);
  REQUIRE(tape.node(g.id()).op->name() == "accumulate");
  REQUIRE(tape.inputs(g.id()).size() == 4);  // tanh, exp, and both sides of the product
  const auto run = interpret<double>(tape, two_rows().bindings<double>());
  const double v = 0.3, th = std::tanh(v);
  CHECK(run.value(tape.inputs(g.id())[0])[0] == doctest::Approx(1 - th * th));
  CHECK(run.value(tape.inputs(g.id())[1])[0] == doctest::Approx(std::exp(v)));
  CHECK(run.value(tape.inputs(g.id())[2])[0] == doctest::Approx(v));
  CHECK(run.value(g)[0] == doctest::Approx(1 - th * th + std::exp(v) + 2 * v));
}

TEST_CASE("gradients: a node used once has no accumulate") {
  Tape tape;
  const Var x = tape.input("x", {B, 3});
  gradient(sum(tanh(x)), x);
  CHECK(count_ops(tape, "accumulate") == 0);
}

TEST_CASE("gradients: stop_gradient cuts") {
  Tape tape;
  const Var x = tape.input("x", {B, 3});
  const Var g = gradient(sum(x * stop_gradient(exp(x))), x);
  const auto run = interpret<double>(tape, two_rows().bindings<double>());
  CHECK(run.value(g)[0] == doctest::Approx(std::exp(0.3)));  // not exp(x) (1 + x)
  CHECK(run.value(g)[4] == doctest::Approx(std::exp(0.9)));
}

TEST_CASE("gradients: zeros of the right shape where the loss does not depend") {
  Tape tape;
  const Var x = tape.input("x", {B, 3});
  const Var unused = tape.input("unused", {B, 2});
  const Var cut = tape.input("cut", {2, 2});
  const Var loss = sum(tanh(x)) + sum(stop_gradient(cut));
  const Var later = tape.input("later", {4});
  const auto g = gradients(loss, {{unused, cut, later, x}});
  CHECK(g[0].shape() == Shape{B, 2});
  CHECK(g[1].shape() == Shape{2, 2});
  CHECK(g[2].shape() == Shape{4});
  const Data data =
      two_rows().add("unused", random_tensor({2, 2}, 1)).add("cut", random_tensor({2, 2}, 2)).add("later", random_tensor({4}, 3));
  const auto run = interpret<double>(tape, data.bindings<double>());
  check_close(run.value(g[0]), {0, 0, 0, 0}, 0);
  check_close(run.value(g[1]), {0, 0, 0, 0}, 0);
  check_close(run.value(g[2]), {0, 0, 0, 0}, 0);
  CHECK(run.value(g[3])[0] != 0);
  check_plan(tape, g, data);
}

TEST_CASE("gradients: of the loss itself is 1, of a node on the way is the partial derivative") {
  Tape tape;
  const Var x = tape.input("x", {B, 3});
  const Var h = tanh(x);
  const Var loss = sum(h * h);
  const auto g = gradients(loss, {{loss, h}});
  const auto run = interpret<double>(tape, two_rows().bindings<double>());
  check_close(run.value(g[0]), {1}, 0);
  CHECK(run.value(g[1])[2] == doctest::Approx(2 * std::tanh(1.1)));
}

TEST_CASE("gradients: the second derivative of tanh against its formula and the complex step of the first") {
  Tape tape;
  const Var x = tape.input("x", {B, 3});
  const Var first = gradient(sum(tanh(x)), x);
  const Var total = sum(first);
  const Var second = gradient(total, x);
  const Var third = gradient(sum(second), x);
  const auto run = interpret<double>(tape, two_rows().bindings<double>());
  const auto numeric = complex_step(total, x, two_rows());
  check_close(run.value(second), numeric, 1e-14);
  for (Index i = 0; i < 6; ++i) {
    const double t = std::tanh(run.value(x)[i]);
    CHECK(run.value(second)[i] == doctest::Approx(-2 * t * (1 - t * t)).epsilon(1e-13));
    CHECK(run.value(third)[i] == doctest::Approx((1 - t * t) * (6 * t * t - 2)).epsilon(1e-13));
  }
  check_plan(tape, {{first, second, third}}, two_rows());
}

TEST_CASE("gradients: gradients of a small MLP's gradients against the complex step") {
  ParameterSet set;
  const Mlp mlp(set, "mlp", {3, 4, 2}, tanh);
  const auto values = set.initial<double>(3);
  Tape tape;
  const Var x = tape.input("x", {B, 3});
  const auto first = gradients(half_squared_error(mlp(x), 0.3), set.all());
  std::vector<Var> terms;
  for (std::size_t i = 0; i < first.size(); ++i) terms.push_back((0.5 + 0.25 * static_cast<double>(i)) * sum(square(first[i])));
  const Var penalty = accumulate(terms);
  const auto second = gradients(penalty, set.all());
  const auto run = interpret<double>(tape, two_rows().bindings<double>(), &values);
  double largest = 0;
  for (std::size_t i = 0; i < second.size(); ++i) {
    CAPTURE(set.all()[i].name());
    check_close(run.value(second[i]), complex_step(penalty, tape.parameter(set.all()[i]), two_rows(), &values), 1e-13);
    for (double g : run.value(second[i])) largest = std::max(largest, std::abs(g));
  }
  CHECK(largest > 1e-3);  // the comparison was not between zeros
  check_plan(tape, second, two_rows(), &values, &set);
}

TEST_CASE("gradients: vector-Jacobian products with seeds") {
  Tape tape;
  const Var x = tape.input("x", {B, 3});
  const Var y = exp(x), z = sum(x * x, -1);
  const Var v = tape.input("v", {B, 3}), w = tape.input("w", {B});
  const Var g = gradients({{y, z}}, {{v, w}}, {{x}})[0];
  const Data data = two_rows().add("v", random_tensor({2, 3}, 4)).add("w", Tensor<double>({2}, {0.5, -2.0}));
  const auto run = interpret<double>(tape, data.bindings<double>());
  for (Index i = 0; i < 6; ++i) {
    const double expected = run.value(v)[i] * std::exp(run.value(x)[i]) + run.value(w)[i / 3] * 2 * run.value(x)[i];
    CHECK(run.value(g)[i] == doctest::Approx(expected));
  }
}

TEST_CASE("gradients: an output named twice gets both seeds; an output that is a variable gets its seed") {
  Tape tape;
  const Var x = tape.input("x", {B, 3});
  const Var y = 3.0 * x;
  const Var one = tape.fill({B, 3}, 1), ten = tape.fill({B, 3}, 10);
  const auto g = gradients({{y, y, x}}, {{one, ten, one}}, {{x}});
  const auto run = interpret<double>(tape, two_rows().bindings<double>());
  check_close(run.value(g[0]), {34, 34, 34, 34, 34, 34}, 1e-12);
}

TEST_CASE("gradients: errors say what was wrong") {
  Tape tape, other;
  const Var x = tape.input("x", {B, 3});
  const Var ids = tape.ids("ids", {B});
  const Var elsewhere = other.input("x", {B, 3});
  const Var loss = sum(x);
  check_throws<ShapeError>([&] { gradient(tanh(x), x); }, {"scalar", "tanh [B, 3]", "sum or mean"});
  check_throws<ShapeError>([&] { gradient(sum(x, -1), x); }, {"scalar", "[B]"});
  check_throws<InputError>([&] { gradient(loss, ids); }, {"ids [B]", "no gradient"});
  check_throws<InputError>([&] { gradient(loss, elsewhere); }, {"another tape"});
  check_throws<InputError>([&] { gradient(loss, Var()); }, {"empty"});
  check_throws<InputError>([&] { gradient(Var(), x); }, {"loss is an empty Var"});
  check_throws<InputError>([&] { gradients(loss, std::vector{Parameter()}); }, {"empty Parameter"});
  check_throws<InputError>([&] { gradients(std::span<const Var>(), {}, {{x}}); }, {"nothing to differentiate"});
  check_throws<InputError>([&] { gradients({{loss}}, {{loss, loss}}, {{x}}); }, {"1 outputs but 2 seeds"});
  check_throws<ShapeError>([&] { gradients({{x}}, {{loss}}, {{x}}); }, {"seed", "x [B, 3]"});
  check_throws<InputError>([&] { gradients({{loss}}, {{Var()}}, {{x}}); }, {"seed", "empty"});
  check_throws<InputError>([&] { gradients({{x}}, {{elsewhere}}, {{x}}); }, {"seed", "another tape"});
  check_throws<InputError>([&] { gradients({{Var()}}, {{loss}}, {{x}}); }, {"empty"});
}

TEST_CASE("gradients: adjoint nodes belong to the scope of the node they differentiate") {
  Tape tape;
  const Var x = tape.input("x", {B, 3});
  Var h;
  {
    const auto scope = tape.scope("layer");
    h = tanh(x);
  }
  const Var g = gradient(sum(h), x);
  CHECK(tape.scope_label(g.id()) == "layer");
}
