#include <numeric>

#include <reel/models/initializers.h>
#include <reel/models/parameter_set.h>
#include <reel/ops/reduction.h>

#include "support.h"

using namespace reel;
using namespace reel::test;

namespace {

std::vector<double> drawn(const Initializer& begin, Shape shape, std::uint64_t seed = 1) {
  std::vector<double> values(static_cast<std::size_t>(shape.row_size()), 99.0);
  RandomStream random(seed);
  begin(values, shape, random);
  return values;
}

double largest(const std::vector<double>& x) {
  double m = 0;
  for (double v : x) m = std::max(m, std::abs(v));
  return m;
}

double mean(const std::vector<double>& x) { return std::accumulate(x.begin(), x.end(), 0.0) / static_cast<double>(x.size()); }

double deviation(const std::vector<double>& x) {
  double s = 0;
  const double m = mean(x);
  for (double v : x) s += (v - m) * (v - m);
  return std::sqrt(s / static_cast<double>(x.size()));
}

}  // namespace

TEST_CASE("init: constants") {
  CHECK(drawn(init::zeros(), {2, 2}) == std::vector<double>(4, 0.0));
  CHECK(drawn(init::constant(-0.25), {3}) == std::vector<double>(3, -0.25));
  CHECK(drawn(init::values({1, 2, 3, 4}), {2, 2}) == std::vector<double>{1, 2, 3, 4});
}

TEST_CASE("init: values must be as many as the parameter has") {
  ParameterSet set;
  set.add("w", {2, 3}, init::values({1, 2, 3, 4}));
  check_throws<ShapeError>([&] { set.initial<double>(1); }, {"init::values", "4", "[2, 3]"});
}

TEST_CASE("init: standard deviations and bounds") {
  // A sample of 200 x 300; the uniform distribution on +-c has deviation c / sqrt(3), N(0, 1) cut at two .87963.
  const Shape shape{200, 300};
  struct Row {
    std::string name;
    Initializer begin;
    double deviation, bound;
  };
  const double infinity = std::numeric_limits<double>::infinity();
  const double glorot = std::sqrt(6.0 / 500), units = 1 / std::sqrt(300.0);
  const Row rows[] = {
      {"normal", init::normal(0.01), 0.01, infinity},
      {"normal_by_size", init::normal_by_size(), 1 / std::sqrt(200.0 * 300.0), infinity},
      {"truncated_normal", init::truncated_normal(), 0.87963 / std::sqrt(200.0), 2 / std::sqrt(200.0)},
      {"glorot", init::glorot(), glorot / std::sqrt(3.0), glorot},
      {"he", init::he(), std::sqrt(2 / 200.0), infinity},
      {"uniform", init::uniform(0.3), 0.3 / std::sqrt(3.0), 0.3},
      {"uniform_by_units", init::uniform_by_units(300), units / std::sqrt(3.0), units},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    const std::vector<double> x = drawn(row.begin, shape);
    CHECK(deviation(x) == doctest::Approx(row.deviation).epsilon(0.015));
    CHECK(std::abs(mean(x)) < 0.02 * row.deviation);
    CHECK(largest(x) <= row.bound);
    if (row.bound < infinity) CHECK(largest(x) > 0.99 * row.bound);
    CHECK(x != drawn(row.begin, shape, 2));
  }
}

TEST_CASE("init: shapes without columns or rows are served too") {
  CHECK(largest(drawn(init::glorot(), {4})) <= std::sqrt(6.0 / 5));
  CHECK(std::isfinite(drawn(init::truncated_normal(), {}).at(0)));
  CHECK(std::isfinite(drawn(init::he(), {}).at(0)));
  CHECK(drawn(init::he(), {0, 3}).empty());
  CHECK(drawn(init::glorot(), {0, 3}).empty());
  CHECK(drawn(init::uniform_by_units(0), {0}).empty());
}
