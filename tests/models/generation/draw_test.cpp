#include <reel/models/generation/draw.h>

#include <limits>

#include "support.h"

using namespace reel;

namespace {

std::vector<double> shares(std::span<const double> logits, double temperature, int draws = 100000) {
  RandomStream random(7);
  std::vector<double> share(logits.size());
  for (int i = 0; i < draws; ++i) share[static_cast<std::size_t>(draw_by_logits(logits, temperature, random))] += 1.0 / draws;
  return share;
}

}  // namespace

TEST_CASE("draw_by_logits: as often as the softmax of the logits says") {
  const std::vector<double> logits{1000, 1000 + std::log(2.0), 1000 + std::log(5.0), -std::numeric_limits<double>::infinity()};
  for (double temperature : {1.0, .5, 2.0}) {
    CAPTURE(temperature);
    const std::vector<double> weights{1, std::pow(2, 1 / temperature), std::pow(5, 1 / temperature)};
    const double total = weights[0] + weights[1] + weights[2];
    const std::vector<double> share = shares(logits, temperature);
    // Five standard deviations of a share of 100,000 draws are less than .008.
    for (std::size_t i = 0; i < 3; ++i) CHECK(std::abs(share[i] - weights[i] / total) < .008);
    CHECK(share[3] == 0);
  }
}

TEST_CASE("draw_by_logits: cold draws take the largest logit, and one logit is always drawn") {
  CHECK(shares(std::vector<double>{0, 1, .5}, 1e-3, 1000)[1] == doctest::Approx(1));
  CHECK(shares(std::vector<double>{-3}, 1, 1000)[0] == doctest::Approx(1));
}

TEST_CASE("draw_by_logits: float and double logits draw the same with the same numbers") {
  RandomStream a(3), b(3);
  const std::vector<double> d{.5, -.25, 1};
  const std::vector<float> f{.5f, -.25f, 1};
  for (int i = 0; i < 1000; ++i) REQUIRE(draw_by_logits<double>(d, 1, a) == draw_by_logits<float>(f, 1, b));
}

TEST_CASE("draw: at an infinite temperature what is possible is equally likely, and the rest stays impossible") {
  RandomStream random(1);
  const std::vector<double> logits{0, -std::numeric_limits<double>::infinity(), 5, -700};
  std::array<int, 4> drawn{};
  for (int i = 0; i < 3000; ++i)
    ++drawn[static_cast<std::size_t>(
        draw_by_logits(std::span<const double>(logits), std::numeric_limits<double>::infinity(), random))];
  CHECK(drawn[1] == 0);
  for (std::size_t i : {0, 2, 3}) CHECK(std::abs(drawn[i] - 1000) < 150);
  for (int i = 0; i < 100; ++i) CHECK(draw_by_logits(std::span<const double>(logits), 1e-300, random) == 2);
}
