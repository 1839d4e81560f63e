// Sums whose order is fixed by their length alone, so that their bits are the same on every processor and for every number of
// threads, and whose error does not grow with it: terms are added in stretches, and the stretches' sums in pairs.
//
// Along one row: 16 chains, of which term i belongs to number i % 16, for 256 terms at a time; the chains are added in pairs, at
// distances of 8, 4, 2 and 1. Across rows: one chain for 16 terms at a time. Below: for the oracle, and what kernels share; the
// vector kernels stand in graph/kernels/sum.h. Threads: pure functions.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>

#include <reel/graph/shape.h>

namespace reel {

inline constexpr Index kSumChains = 16;   // along a row
inline constexpr Index kSumStretch = 16;  // terms of one chain

// The sum of what is pushed, in pairs: neighbours first, then their sums, and so on; what has no neighbour waits for the end.
template <class S>
class PairwiseSum {
 public:
  void push(S v) {
    for (std::uint64_t n = count_++; n & 1; n >>= 1) v = waiting_[--depth_] + v;
    waiting_[depth_++] = v;
  }
  S total() const {
    if (depth_ == 0) return S{};
    S sum = waiting_[depth_ - 1];
    for (std::size_t i = depth_ - 1; i-- > 0;) sum = waiting_[i] + sum;
    return sum;
  }

 private:
  std::array<S, 64> waiting_;
  std::size_t depth_ = 0;
  std::uint64_t count_ = 0;
};

// The sum of at(first), ..., at(end - 1) as PairwiseSum has it, of end - first > 0 terms that can be had in order, without its
// store.
template <class S, class F>
S sum_in_pairs(Index first, Index end, F& at) {
  const auto n = static_cast<std::uint64_t>(end - first);
  if (n == 1) return at(first);
  const Index middle = first + static_cast<Index>(std::bit_floor(n - 1));
  const S left = sum_in_pairs<S>(first, middle, at);
  return left + sum_in_pairs<S>(middle, end, at);
}

// The sum along a row of n terms at(0), at(1), ...
template <class S, class F>
S sum_along(Index n, F at) {
  constexpr Index kEach = kSumChains * kSumStretch;
  auto stretch = [&](Index number) {
    std::array<S, kSumChains> chains{};
    for (Index i = number * kEach; i < std::min(n, (number + 1) * kEach); ++i)
      chains[static_cast<std::size_t>(i % kSumChains)] += at(i);
    for (std::size_t far = kSumChains / 2; far > 0; far /= 2)
      for (std::size_t i = 0; i < far; ++i) chains[i] += chains[i + far];
    return chains[0];
  };
  return n > 0 ? sum_in_pairs<S>(0, (n + kEach - 1) / kEach, stretch) : S{};
}

// The sum across n rows of one element of each, at(0), at(1), ...
template <class S, class F>
S sum_across(Index n, F at) {
  auto stretch = [&](Index number) {
    const Index first = number * kSumStretch;
    S chain = at(first);
    for (Index i = first + 1; i < std::min(n, first + kSumStretch); ++i) chain += at(i);
    return chain;
  };
  return n > 0 ? sum_in_pairs<S>(0, (n + kSumStretch - 1) / kSumStretch, stretch) : S{};
}

}  // namespace reel
