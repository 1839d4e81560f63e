#include <reel/models/parameter_set.h>
#include <reel/train/clipping.h>
#include <reel/train/optimizers.h>

#include "support.h"

using namespace reel;
using namespace reel::test;

namespace {

// Gradients (3, 0, -4) and (12): norms 5 and 12, together 13.
struct TwoGradients {
  ParameterSet set;
  Tensor<double> first{Shape{3}, {3, 0, -4}}, second{Shape{1, 1}, {12}};
  TwoGradients() {
    set.add("first", {3});
    set.add("second", {1, 1});
  }
  ClippedGradients by(const Clip& rule) {
    const TensorView<const double> gradients[] = {first, second};
    return clip<double>(rule, set.all(), gradients);
  }
  // The gradients after the edits, in order.
  std::vector<double> after(const Clip& rule) {
    auto values = ParameterValues<double>(set.all());
    const TensorView<const double> gradients[] = {first, second};
    Optimizer<double>(Sgd{.lr = 1}, set.all()).update(values, gradients, by(rule).edits);
    std::vector<double> result;
    for (Index k = 0; k < 2; ++k)
      for (double x : values.at(k)) result.push_back(-x);
    return result;
  }
};

}  // namespace

TEST_CASE("clipping: what each rule leaves") {
  struct Row {
    std::string name;
    Clip rule;
    std::vector<double> expected;
  };
  const Row rows[] = {
      {"none", {}, {3, 0, -4, 12}},
      {"by value", ClipValue{3.5}, {3, 0, -3.5, 3.5}},
      {"by value, all within", ClipValue{12}, {3, 0, -4, 12}},
      {"by norm", ClipNorm{6.5}, {1.5, 0, -2, 6}},
      {"by norm, within", ClipNorm{13}, {3, 0, -4, 12}},
      {"each by its norm", ClipNormEach{6}, {3, 0, -4, 6}},
      {"each by its norm, both", ClipNormEach{2.5}, {1.5, 0, -2, 2.5}},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    TwoGradients g;
    check_close(Tensor<double>(Shape{4}, g.after(row.rule)), row.expected, 1e-14);
    CHECK(g.by(row.rule).norm == doctest::Approx(13).epsilon(1e-14));
  }
}

TEST_CASE("clipping: limits must be positive") {
  TwoGradients g;
  for (const Clip& rule : {Clip(ClipValue{0}), Clip(ClipNorm{-1}), Clip(ClipNormEach{std::numeric_limits<double>::quiet_NaN()})})
    check_throws<InputError>([&] { g.by(rule); }, {"clipping", "positive"});
}

TEST_CASE("clipping: a gradient that is not finite is named") {
  for (double bad : {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()})
    for (const Clip& rule : {Clip(), Clip(ClipValue{1}), Clip(ClipNorm{1})}) {
      TwoGradients g;
      g.second[0] = bad;
      check_throws<NumericError>([&] { g.by(rule); }, {"second", "[1, 1]", "not finite"});
    }
}

TEST_CASE("clipping: float gradients whose squares overflow float") {
  ParameterSet set;
  set.add("p", {2});
  const Tensor<float> g(Shape{2}, {3e30f, 4e30f});
  const TensorView<const float> gradients[] = {g};
  const auto clipped = clip<float>(ClipNorm{1}, set.all(), gradients);
  CHECK(clipped.norm == doctest::Approx(5e30).epsilon(1e-6));
  CHECK(clipped.edits[0].scale == doctest::Approx(2e-31).epsilon(1e-6));
}

TEST_CASE("clipping: nothing to clip") {
  const auto clipped = clip<float>(ClipNorm{1}, {}, {});
  CHECK(clipped.norm == 0);
  CHECK(clipped.edits.empty());
}

TEST_CASE_TEMPLATE("clipping: gradients of any size", T, float, double) {
  const double largest = std::numeric_limits<T>::max(), smallest = std::numeric_limits<T>::min();
  for (double size : {1e-30, 1e30, 1e-200, 1e200, largest / 5, smallest * 3})
    for (double limit : {5.0, smallest * 4, largest / 8}) {
      if (size > largest || size < smallest) continue;
      CAPTURE(size);
      CAPTURE(limit);
      ParameterSet set;
      set.add("p", {2}, init::zeros());
      const Tensor<T> g(Shape{2}, {static_cast<T>(3 * size), static_cast<T>(4 * size)});
      const TensorView<const T> gradients[] = {g};
      const double norm = 5 * size;
      for (const Clip& rule : {Clip(ClipNorm{limit}), Clip(ClipNormEach{limit}), Clip(ClipValue{limit}), Clip()}) {
        const ClippedGradients clipped = clip<T>(rule, set.all(), gradients);
        if (std::isfinite(norm)) CHECK(clipped.norm == doctest::Approx(norm).epsilon(1e-6));
        ParameterValues<T> values = set.initial<T>(1);
        Optimizer<T>(Sgd{.lr = 1}, set.all()).update(values, gradients, clipped.edits);
        const auto expected = [&](double share) {
          const double element = share * norm;
          if (std::get_if<ClipValue>(&rule)) return std::min(element, limit);
          if (std::get_if<std::monostate>(&rule)) return element;
          return norm > limit ? share * limit : element;
        };
        CHECK(-static_cast<double>(values.at(0)[0]) == doctest::Approx(expected(.6)).epsilon(1e-6));
        CHECK(-static_cast<double>(values.at(0)[1]) == doctest::Approx(expected(.8)).epsilon(1e-6));
      }
    }
}

TEST_CASE("clipping: all together, of sizes that no one double can square") {
  ParameterSet set;
  for (const char* name : {"a", "b", "c"}) set.add(name, {1});
  const Tensor<double> a(Shape{1}, {3e200}), b(Shape{1}, {4e200}), c(Shape{1}, {1e-200});
  const TensorView<const double> gradients[] = {a, c, b};
  const ClippedGradients clipped = clip<double>(ClipNorm{5}, set.all(), gradients);
  CHECK(clipped.norm == doctest::Approx(5e200));
  CHECK(clipped.edits[0].scale * 3e200 * clipped.edits[0].then == doctest::Approx(3));
}

TEST_CASE("clipping: a limit that is 0 in float") {
  TwoGradients g;
  const Tensor<float> one(Shape{1}, {1});
  const TensorView<const float> gradients[] = {one};
  for (const Clip& rule : {Clip(ClipValue{1e-46}), Clip(ClipNorm{1e-46}), Clip(ClipNormEach{1e-46})})
    check_throws<InputError>([&] { clip<float>(rule, g.set.all().first(1), gradients); }, {"clipping", "1e-46", "0 in float"});
}
