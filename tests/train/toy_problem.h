// The toy memory problem of the slides: X_t in {0, 1} with P(1) = .5; P(Y_t = 1) = .5, + .5 if X_(t-3) = 1, - .25 if X_(t-8) = 1.
#pragma once

#include <array>
#include <cmath>
#include <vector>

#include "support.h"

namespace reel::test {

inline double toy_probability(bool three_ago, bool eight_ago) { return 0.5 + (three_ago ? 0.5 : 0) - (eight_ago ? 0.25 : 0); }

struct ToyPoints {
  std::vector<std::int32_t> x, y;
};

// `count` points; what lies before the first counts as 0.
inline ToyPoints toy_points(Index count, std::uint64_t seed) {
  ToyPoints points;
  RandomStream random(seed);
  const auto ago = [&](std::size_t t, std::size_t k) { return t >= k && points.x[t - k] == 1; };
  for (std::size_t t = 0; t < static_cast<std::size_t>(count); ++t) {
    points.x.push_back(static_cast<std::int32_t>(random.below(2)));
    points.y.push_back(random.uniform() < toy_probability(ago(t, 3), ago(t, 8)));
  }
  return points;
}

// Cross-entropies, in nats, of what can be known: nothing, the dependency on t - 3, both.
struct ToyEntropies {
  double nothing = 0, first = 0, both = 0;
};
inline ToyEntropies toy_entropies() {
  const auto entropy = [](double p) { return p <= 0 || p >= 1 ? 0.0 : -p * std::log(p) - (1 - p) * std::log(1 - p); };
  ToyEntropies e;
  double overall = 0;
  for (bool three : {false, true}) {
    const double p = (toy_probability(three, false) + toy_probability(three, true)) / 2;
    overall += p / 2;
    e.first += entropy(p) / 2;
    for (bool eight : {false, true}) e.both += entropy(toy_probability(three, eight)) / 4;
  }
  e.nothing = entropy(overall);
  return e;
}

}  // namespace reel::test
