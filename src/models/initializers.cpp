#include <reel/models/initializers.h>

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include <reel/graph/error.h>

namespace reel::init {
namespace {

// A function of one drawn number per element.
template <class Draw>
Initializer each(Draw draw) {
  return [draw](std::span<double> values, const Shape& shape, RandomStream& random) {
    for (double& v : values) v = draw(shape, random);
  };
}

double fan_in(const Shape& s) { return static_cast<double>(s.rank() == 0 ? 1 : s.dim(0)); }
double fan_out(const Shape& s) { return static_cast<double>(s.rank() < 2 ? 1 : s.last()); }

}  // namespace

Initializer zeros() { return constant(0); }

Initializer constant(double value) {
  return each([value](const Shape&, RandomStream&) { return value; });
}

Initializer values(std::vector<double> numbers) {
  return [numbers = std::move(numbers)](std::span<double> values, const Shape& shape, RandomStream&) {
    if (numbers.size() != values.size())
      throw ShapeError(fmt::format("init::values: {} numbers for a parameter of shape {}", numbers.size(), shape.text()));
    std::ranges::copy(numbers, values.begin());
  };
}

Initializer normal(double deviation) {
  return each([deviation](const Shape&, RandomStream& random) { return deviation * random.normal(); });
}

Initializer normal_by_size() {
  return each(
      [](const Shape& s, RandomStream& random) { return random.normal() / std::sqrt(static_cast<double>(s.row_size())); });
}

Initializer truncated_normal() {
  return each([](const Shape& s, RandomStream& random) {
    double z = random.normal();
    while (std::abs(z) > 2) z = random.normal();
    return z / std::sqrt(fan_in(s));
  });
}

Initializer he() {
  return each([](const Shape& s, RandomStream& random) { return std::sqrt(2 / fan_in(s)) * random.normal(); });
}

Initializer glorot() {
  return each([](const Shape& s, RandomStream& random) {
    const double bound = std::sqrt(6 / (fan_in(s) + fan_out(s)));
    return random.uniform(-bound, bound);
  });
}

Initializer uniform(double bound) {
  return each([bound](const Shape&, RandomStream& random) { return random.uniform(-bound, bound); });
}

Initializer uniform_by_units(Index H) { return uniform(1 / std::sqrt(static_cast<double>(std::max<Index>(H, 1)))); }

}  // namespace reel::init
