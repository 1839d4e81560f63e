// Gradients at the edges of the ops' domains: where the gradient that arrives is exactly 0, so is what goes on.
#include <reel/ops/chain_rule.h>

#include <functional>

#include <reel/ops/ops.h>

#include "ops/values.h"

using namespace reel;
using namespace reel::test;

namespace {

const std::vector<double> kEdges{0, -0.0, 1, -1, 1e-300, -1e-300, 1e-30, 1e300, -1e300, 1e30, kInfinity, -kInfinity, kNaN};

struct OneInput {
  const char* name;
  std::function<Var(Var)> f;
};

// Every op of one input, and those of several with the input in each place, over rows [B, 4].
const std::vector<OneInput>& ops() {
  const auto constant = [](Var x, double a) { return x.tape().constant(Tensor<double>(Shape{4}, {a, -2, 0.5, 3})); };
  static const std::vector<OneInput> all{
      {"add", [](Var x) { return x + 1.0; }},
      {"subtract", [](Var x) { return 1.0 - x; }},
      {"multiply", [=](Var x) { return x * constant(x, 2); }},
      {"multiply by itself", [](Var x) { return x * x; }},
      {"divide", [=](Var x) { return x / constant(x, 0); }},
      {"divide by", [=](Var x) { return constant(x, 0) / x; }},
      {"divide by itself", [](Var x) { return x / x; }},
      {"negate", [](Var x) { return -x; }},
      {"exp", [](Var x) { return exp(x); }},
      {"log", [](Var x) { return log(x); }},
      {"sqrt", [](Var x) { return sqrt(x); }},
      {"square", [](Var x) { return square(x); }},
      {"abs", [](Var x) { return abs(x); }},
      {"tanh", [](Var x) { return tanh(x); }},
      {"sigmoid", [](Var x) { return sigmoid(x); }},
      {"relu", [](Var x) { return relu(x); }},
      {"satlins", [](Var x) { return satlins(x); }},
      {"chain_product", [](Var x) { return chain_product(x, x + 1.0); }},
      {"chain_quotient", [](Var x) { return chain_quotient(x + 1.0, x); }},
      {"select", [](Var x) { return select(step(x), x, square(x)); }},
      {"softmax", [](Var x) { return softmax(x); }},
      {"log_softmax", [](Var x) { return log_softmax(x); }},
      {"layer_norm", [](Var x) { return layer_norm(x, 0.0); }},
      {"sum", [](Var x) { return sum(x, -1, Keep::dimension); }},
      {"mean", [](Var x) { return mean(x, -1, Keep::dimension); }},
      {"max", [](Var x) { return max(x, -1, Keep::dimension); }},
      {"norm", [](Var x) { return sqrt(sum(square(x), -1, Keep::dimension)); }},
      {"normalised", [](Var x) { return x / sqrt(sum(square(x), -1, Keep::dimension)); }},
      {"matmul",
       [](Var x) {
         return matmul(x, x.tape().constant(Tensor<double>(Shape{4, 2}, {1, 2, 3, 4, 5, 6, 7, 8})));
       }},
      {"concat",
       [](Var x) {
         return concat({x, sqrt(x)}, 0);
       }},
      {"slice", [](Var x) { return slice(log(x), -1, 1, 3); }},
      {"embedding",
       [](Var x) {
         return x * embedding(x.tape().ids("ids", {B}), x.tape().constant(Tensor<double>(Shape{2, 4})));
       }},
      {"cross_entropy", [](Var x) { return cross_entropy_rows(x, x.tape().ids("ids", {B})); }},
      {"weighted cross_entropy",
       [](Var x) { return cross_entropy_rows(x, x.tape().ids("ids", {B}), sum(slice(x, -1, 0, 1), -1)); }},
  };
  return all;
}

// Each edge in each place of a row whose other elements are ordinary.
Data edge_rows() {
  const auto n = static_cast<Index>(kEdges.size());
  Tensor<double> x(Shape{n * 5, 4});
  for (Index i = 0; i < n * 5; ++i)
    for (Index k = 0; k < 4; ++k)
      x[i * 4 + k] = i / n == k || i / n == 4 ? kEdges[static_cast<std::size_t>(i % n)] : 0.25 * static_cast<double>(k + 1);
  return Data().add("x", std::move(x)).add("ids", Tensor<std::int32_t>(Shape{n * 5}));
}

}  // namespace

TEST_CASE("chain rule: what a select leaves out has a gradient of exactly 0, through every op, at every edge") {
  const Data all = edge_rows();
  for (const OneInput& op : ops()) {
    INFO(op.name);
    Tape tape;
    const Var x = tape.input("x", {B, 4});
    const Var y = op.f(x);
    const Var nothing = sum(select(0.0, y, 1.0)), masked = sum(mask(y, tape.zeros({})));
    const std::vector<double> zeros(kEdges.size() * 5 * 4, 0.0);
    check_values(gradient(nothing, x), all, {zeros});
    check_values(gradient(masked, x), all, {zeros});
  }
}

TEST_CASE("chain rule: rows that are left out do not touch the gradients of the others") {
  for (const OneInput& op : ops()) {
    INFO(op.name);
    Tape tape;
    const Var x = tape.input("x", {B, 4}), keep = tape.input("keep", {B, 1}), scale = tape.input("scale", {4}),
              w = tape.input("w", {4, 4});
    const Var y = op.f(matmul(x * scale, w));
    const std::vector<Var> g = gradients(sum(mask(y, keep)), std::vector<Var>{scale, w});
    const Data edges = edge_rows();
    const auto rows = static_cast<Index>(kEdges.size()) * 5;
    Tensor<double> keeps(Shape{rows + 1, 1}), numbers(Shape{rows + 1, 4}), identity(Shape{4, 4});
    keeps[rows] = 1;
    for (Index i = 0; i < 4; ++i) identity[5 * i] = 1, numbers[rows * 4 + i] = 0.3 * static_cast<double>(i + 1);
    const auto bindings = edges.bindings<double>();
    std::copy_n(static_cast<const double*>(bindings[0].view.data), rows * 4, numbers.data());
    const Tensor<double> last(Shape{1, 4}, std::span(numbers.data() + rows * 4, 4)), one(Shape{1, 1}, {1});
    const auto data = [&](Tensor<double> x_values, Tensor<double> keep_values) {
      const Index n = keep_values.size();
      return Data()
          .add("x", std::move(x_values))
          .add("keep", std::move(keep_values))
          .add("scale", Tensor<double>(Shape{4}, {1, 1, 1, 1}))
          .add("w", identity)
          .add("ids", Tensor<std::int32_t>(Shape{n}));
    };
    for (const Var& v : g)
      check_values(v, data(numbers, keeps), {interpreted<double>(v, data(last, one)), interpreted<float>(v, data(last, one))});
  }
}

TEST_CASE("chain rule: elsewhere it is multiply and divide, bit for bit") {
  Tape tape;
  const Var a = tape.input("a", {B}), b = tape.input("b", {B});
  Tensor<double> first(Shape{12}), second(Shape{12});
  const std::vector<double> numbers{1, -3, 1e30, kNaN, kInfinity, 1e-30};
  for (Index i = 0; i < 12; ++i) {
    first[i] = numbers[static_cast<std::size_t>(i % 6)];
    second[i] = i < 6 ? numbers[static_cast<std::size_t>(5 - i)] : (i % 2 ? 0.0 : -0.0);
  }
  const Data data = Data().add("a", first).add("b", second);
  check_values(chain_product(a, b), data, {interpreted<double>(a * b, data), interpreted<float>(a * b, data)});
  check_values(chain_quotient(a, b), data, {interpreted<double>(a / b, data), interpreted<float>(a / b, data)});
}

TEST_CASE("chain rule: gradients, second gradients and plan") {
  check_unary([](Var x) { return chain_product(x, square(x) + 1.0); });
  check_unary([](Var x) { return chain_quotient(x, square(x) + 1.0); });
}

TEST_CASE("chain rule: a division, a root and an overflow under a select or a slice") {
  Tape tape;
  const Var p = tape.input("p", {2}), n = tape.input("n", {}), x = tape.input("x", {});
  const Data data = Data()
                        .add("p", Tensor<double>(Shape{2}, {0, 1}))
                        .add("n", Tensor<double>(Shape{}, {1}))
                        .add("x", Tensor<double>(Shape{}, {1e10}));
  check_values(gradient(sum(slice(sqrt(p), 0, 1, 2)), p), data, {{0, 0.5}});
  const Var d = 2.0 * p;
  check_values(gradient(sum(select(d, log(d), 0.0)), p), data, {{0, 1}});
  const std::vector<Var> both = gradients(sum(select(d, n / d, 0.0)), std::vector<Var>{p, n});
  check_values(both[0], data, {{0, -0.5}});
  check_values(both[1], data, {{0.5}});
  check_values(gradient(select(step(x), 0.0, exp(x)), x), data, {{0}});
  const Var zero = 0.0 * x, r = sqrt(zero * zero + zero * zero);
  check_values(gradient(select(step(r - 1e-10), r, 1e-10), x), data, {{0}});
}
