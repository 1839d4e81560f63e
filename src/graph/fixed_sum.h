// Sums whose order is fixed by their length alone, so that their bits are the same on every processor and for every number of
// threads, and whose error does not grow with it: terms are added in stretches, and the stretches' sums in pairs.
//
// Along one row: 16 chains, of which term i belongs to number i % 16, for 256 terms at a time; the chains are added in pairs, at
// distances of 8, 4, 2 and 1. Across rows: one chain for 16 terms at a time. Below: for the oracle, and what kernels share; the
// vector kernels stand in graph/kernels/sum.h. Threads: pure functions.
#pragma once

#include <algorithm>
#include <array>
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

// The sum along a row of n terms at(0), at(1), ...
template <class S, class F>
S sum_along(Index n, F at) {
  PairwiseSum<S> sums;
  for (Index first = 0; first < n; first += kSumChains * kSumStretch) {
    std::array<S, kSumChains> chains{};
    for (Index i = first; i < std::min(n, first + kSumChains * kSumStretch); ++i)
      chains[static_cast<std::size_t>(i % kSumChains)] += at(i);
    for (std::size_t far = kSumChains / 2; far > 0; far /= 2)
      for (std::size_t i = 0; i < far; ++i) chains[i] += chains[i + far];
    sums.push(chains[0]);
  }
  return sums.total();
}

// The sum across n rows of one element of each, at(0), at(1), ...
template <class S, class F>
S sum_across(Index n, F at) {
  const auto stretch = [&](Index first) {
    S chain = at(first);
    for (Index i = first + 1; i < std::min(n, first + kSumStretch); ++i) chain += at(i);
    return chain;
  };
  if (n <= kSumStretch) return n > 0 ? stretch(0) : S{};
  PairwiseSum<S> sums;
  for (Index first = 0; first < n; first += kSumStretch) sums.push(stretch(first));
  return sums.total();
}

}  // namespace reel
