#include <reel/models/initializers.h>
#include <reel/ops/arithmetic.h>
#include <reel/ops/elementary.h>
#include <reel/ops/reduction.h>
#include <reel/ops/softmax.h>

#include "ops/values.h"

using namespace reel;
using namespace reel::test;

namespace {

// x: [B, n] with the given rows.
struct Logits {
  Tape tape;
  Var x;
  Data data;
  Logits(Index rows, const std::vector<double>& values) {
    const Index n = static_cast<Index>(values.size()) / rows;
    x = tape.input("x", {B, n});
    data.add("x", Tensor<double>(Shape{rows, n}, values));
  }
};

}  // namespace

TEST_CASE("softmax: gradients, second gradients and plan") { check_unary(softmax, {.least_rank = 1}); }
TEST_CASE("log_softmax: gradients, second gradients and plan") { check_unary(log_softmax, {.least_rank = 1}); }

TEST_CASE("softmax: values, and rows that sum to 1") {
  const double e = std::exp(1.0), e2 = std::exp(2.0), s = 1 + e + e2;
  Logits l(2, {0, 1, 2, 5, 5, 5});
  check_values(softmax(l.x), l.data, {{1 / s, e / s, e2 / s, 1.0 / 3, 1.0 / 3, 1.0 / 3}});
  check_values(log_softmax(l.x), l.data,
               {{-std::log(s), 1 - std::log(s), 2 - std::log(s), -std::log(3.0), -std::log(3.0), -std::log(3.0)}});
}

TEST_CASE("softmax: the full Jacobian s_i (d_ij - s_j)") {
  Tape tape;
  const Var x = tape.input("x", {3}), seed = tape.input("seed", {3});
  const Data data = Data().add("x", Tensor<double>(Shape{3}, {0, 1, 2})).add("seed", Tensor<double>(Shape{3}, {0, 1, 0}));
  const std::vector<double> s = interpreted<double>(softmax(x), data);
  check_values(gradient(sum(softmax(x) * seed), x), data, {{-s[1] * s[0], s[1] * (1 - s[1]), -s[1] * s[2]}});
}

TEST_CASE("softmax: logits of any finite size neither overflow nor lose the row's sum") {
  Logits l(4, {1e4, -1e4, 0, -1e4, -1e4, -1e4, 1e38, 1e38, -1e38, 3e38, -3e38, 0});
  const double third = 1.0 / 3;
  check_values(softmax(l.x), l.data, {{1, 0, 0, third, third, third, 0.5, 0.5, 0, 1, 0, 0}});
  check_values(sum(softmax(l.x), -1), l.data, {{1, 1, 1, 1}});
}

TEST_CASE("softmax: numbers near the end of the range of double") {
  Logits l(1, {1.7e308, -1.7e308, 1.7e308});
  check_equal("interpreter", interpreted<double>(softmax(l.x), l.data), {0.5, 0, 0.5}, 1e-13);
  check_equal("plan", planned<double>(softmax(l.x), l.data), {0.5, 0, 0.5}, 1e-13);
}

TEST_CASE("log_softmax: large logits keep their differences") {
  Logits l(2, {1e4, -1e4, 0, -1e4, -1e4, -1e4});
  const double third = -std::log(3.0);
  check_values(log_softmax(l.x), l.data, {{0, -2e4, -1e4, third, third, third}});
}

TEST_CASE("softmax: a row of only -inf gives 0, log_softmax -inf") {
  Logits l(3, {-kInfinity, -kInfinity, -kInfinity, -kInfinity, 2, 2, -kInfinity, -kInfinity, 7});
  check_values(softmax(l.x), l.data, {{0, 0, 0, 0, 0.5, 0.5, 0, 0, 1}});
  const double half = -std::log(2.0);
  check_values(log_softmax(l.x), l.data,
               {{-kInfinity, -kInfinity, -kInfinity, -kInfinity, half, half, -kInfinity, -kInfinity, 0}});
  check_values(gradient(sum(square(softmax(l.x))), l.x), l.data, {{0, 0, 0, 0, 0, 0, 0, 0, 0}});
}

TEST_CASE("softmax: +inf entries share the whole mass equally") {
  Logits l(3, {kInfinity, 0, kInfinity, 5, kInfinity, -kInfinity, kInfinity, kInfinity, kInfinity});
  const double third = 1.0 / 3;
  check_values(softmax(l.x), l.data, {{0.5, 0, 0.5, 0, 1, 0, third, third, third}});
  const double half = std::log(0.5), log_third = -std::log(3.0);
  check_values(log_softmax(l.x), l.data, {{half, -kInfinity, half, -kInfinity, 0, -kInfinity, log_third, log_third, log_third}});
}

TEST_CASE("softmax: a row with a NaN is NaN, beside infinities too, and touches no other row") {
  Logits l(4, {0, kNaN, 0, kNaN, kInfinity, -kInfinity, -kInfinity, -kInfinity, kNaN, 1, 1, 1});
  const double third = 1.0 / 3, log_third = -std::log(3.0);
  check_values(softmax(l.x), l.data, {{kNaN, kNaN, kNaN, kNaN, kNaN, kNaN, kNaN, kNaN, kNaN, third, third, third}});
  check_values(log_softmax(l.x), l.data,
               {{kNaN, kNaN, kNaN, kNaN, kNaN, kNaN, kNaN, kNaN, kNaN, log_third, log_third, log_third}});
}

TEST_CASE("softmax: special values in a row longer than any vector, at its head and in its tail") {
  for (const Index at : {0, 15, 16, 31, 33, 36}) {
    CAPTURE(at);
    std::vector<double> values(3 * 37, 0.0), expected(3 * 37, 0.0);
    values[at] = kNaN;
    values[37 + at] = kInfinity;
    values[74 + at] = -kInfinity;
    for (Index i = 0; i < 37; ++i) {
      expected[i] = kNaN;
      expected[37 + i] = i == at ? 1 : 0;
      expected[74 + i] = i == at ? 0 : 1.0 / 36;
    }
    Logits l(3, values);
    check_values(softmax(l.x), l.data, {expected});
  }
}

TEST_CASE("softmax: a single element is 1, its gradient 0") {
  Logits l(3, {-1e4, 0, 3});
  check_values(softmax(l.x), l.data, {{1, 1, 1}});
  check_values(log_softmax(l.x), l.data, {{0, 0, 0}});
  check_values(gradient(sum(square(softmax(l.x))), l.x), l.data, {{0, 0, 0}});
}

TEST_CASE("softmax: refuses scalars and ids") {
  Tape tape;
  const Var s = tape.input("s", {B}), ids = tape.ids("words", {B, 3});
  check_throws<ShapeError>([&] { softmax(s); }, {"[softmax]", "s [B]", "softmax_test.cpp:"});
  check_throws<ShapeError>([&] { log_softmax(s); }, {"[log_softmax]", "s [B]", "softmax_test.cpp:"});
  check_throws<ShapeError>([&] { softmax(ids); }, {"[softmax]", "ids words [B, 3]", "softmax_test.cpp:"});
  check_throws<ShapeError>([&] { log_softmax(ids); }, {"[log_softmax]", "ids words [B, 3]", "softmax_test.cpp:"});
}
