#include "train/toy_problem.h"

using namespace reel;
using namespace reel::test;

namespace {

// The slides' own first 200 points.
const std::string kX =
    "0100010001000010111010111111110011101000001111101101010110000000011011110101110101010010111111111110"
    "0111111110101101011010100110111000000000101110000100000101010011101001100111000000100010010000011100";
const std::string kY =
    "1010011011111000010111011101111110011111000101111101100110111000101111011111100111101010011011111000"
    "1110111111110101101011111101010111100101000111110000011000111010011111000100111000010110111111100111";

}  // namespace

TEST_CASE("toy problem: theoretical cross-entropies from the definition") {
  const ToyEntropies e = toy_entropies();
  CHECK(std::abs(e.nothing - .661563) < 1e-6);
  CHECK(std::abs(e.first - .519167) < 1e-6);
  CHECK(std::abs(e.both - .454454) < 1e-6);
}

TEST_CASE("toy problem: the slides' points follow the definition") {
  // Y is certain where X was 1 three steps ago and 0 eight steps ago; elsewhere it varies.
  int certain = 0, varied = 0;
  for (std::size_t t = 8; t < kX.size(); ++t) {
    const bool three = kX[t - 3] == '1', eight = kX[t - 8] == '1';
    if (toy_probability(three, eight) == 1) {
      ++certain;
      CHECK(kY[t] == '1');
    } else {
      varied += kY[t] == '0';
    }
  }
  CHECK(certain == 46);
  CHECK(varied == 70);
}

TEST_CASE("toy problem: generated points have the frequencies of the definition") {
  constexpr Index kCount = 200000;
  const ToyPoints points = toy_points(kCount, 1);
  std::array<double, 4> ones{}, seen{};
  double x = 0;
  for (std::size_t t = 8; t < static_cast<std::size_t>(kCount); ++t) {
    const auto which = static_cast<std::size_t>(2 * points.x[t - 3] + points.x[t - 8]);
    ++seen.at(which);
    ones.at(which) += points.y[t];
    x += points.x[t];
  }
  CHECK(x / kCount == doctest::Approx(.5).epsilon(.01));
  for (std::size_t which = 0; which < 4; ++which) {
    CAPTURE(which);
    CHECK(std::abs(ones.at(which) / seen.at(which) - toy_probability(which / 2 == 1, which % 2 == 1)) < .01);
  }
}
