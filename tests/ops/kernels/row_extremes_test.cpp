// The largest elements of a row by the kernels are those that a plain loop finds, with NaN, infinities and ties, at every length.
#include <reel/ops/kernels/row_extremes.h>

#include <cmath>
#include <limits>
#include <vector>

#include "numbers.h"

using namespace reel;
using namespace reel::test;

namespace {

template <class T>
constexpr T kNan = std::numeric_limits<T>::quiet_NaN();
template <class T>
constexpr T kInfinity = std::numeric_limits<T>::infinity();

template <class T>
Index naive_argmax(const std::vector<T>& x) {
  std::size_t best = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (std::isnan(x[i])) return static_cast<Index>(i);
    if (x[i] > x[best]) best = i;
  }
  return static_cast<Index>(best);
}

template <class T>
void check(const std::vector<T>& x) {
  const auto kernels = kernels::row_extremes<T>();
  const auto n = static_cast<Index>(x.size());
  const Index at = naive_argmax(x);
  const T top = x[static_cast<std::size_t>(at)], got = kernels.max(x.data(), n);
  CHECK((std::isnan(top) ? std::isnan(got) : got == top));
  CHECK(kernels.argmax(x.data(), n) == at);
  T size = 0;
  for (T v : x) size = std::isnan(v) ? kInfinity<T> : std::max(size, std::abs(v));
  CHECK(kernels.largest_size(x.data(), n) == size);
}

}  // namespace

TEST_CASE_TEMPLATE("row extremes: as a plain loop finds them, at every length and place", T, float, double) {
  for (Index n = 1; n <= 140; ++n) {
    auto x = numbers<T>(n, static_cast<std::uint64_t>(n));
    check(x);
    const std::size_t at = static_cast<std::size_t>(n * 7 / 11), later = static_cast<std::size_t>(n - 1);
    for (T special : {kNan<T>, kInfinity<T>, -kInfinity<T>, T(100), T(-100), T(0)}) {
      auto y = x;
      y[at] = special;
      check(y);
      y[later] = special;  // twice
      check(y);
    }
    check(std::vector<T>(static_cast<std::size_t>(n), -kInfinity<T>));
    check(std::vector<T>(static_cast<std::size_t>(n), T(-3)));
    check(std::vector<T>(static_cast<std::size_t>(n), kNan<T>));
  }
}

TEST_CASE_TEMPLATE("row extremes: a largest zero is +0, wherever it stands", T, float, double) {
  const auto kernels = kernels::row_extremes<T>();
  for (Index n : {1, 2, 15, 16, 17, 33, 100})
    for (Index at = 0; at < n; ++at) {
      std::vector<T> x(static_cast<std::size_t>(n), T(-0.0));
      x[static_cast<std::size_t>(at)] = 0;
      CHECK(!std::signbit(kernels.max(x.data(), n)));
      x[static_cast<std::size_t>(at)] = T(-0.0);
      CHECK(!std::signbit(kernels.max(x.data(), n)));
      CHECK(kernels.argmax(x.data(), n) == 0);
    }
}

TEST_CASE_TEMPLATE("row extremes: the larger of two rows, or the first NaN", T, float, double) {
  const auto kernels = kernels::row_extremes<T>();
  for (Index n : {1, 3, 15, 16, 17, 65}) {
    auto x = numbers<T>(n, 1), y = numbers<T>(n, 2);
    x[0] = kNan<T>;
    y[static_cast<std::size_t>(n / 2)] = kNan<T>;
    auto got = y;
    kernels.max_into(x.data(), got.data(), n);
    for (std::size_t i = 0; i < got.size(); ++i) {
      if (std::isnan(x[i]) || std::isnan(y[i]))
        CHECK(std::isnan(got[i]));
      else
        CHECK(got[i] == std::max(x[i], y[i]));
    }
  }
  CHECK(kernels.largest_size(nullptr, 0) == 0);
}
