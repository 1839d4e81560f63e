// Per-target form of sum_along (graph/fixed_sum.h). Include after hwy/foreach_target.h, inside no namespace.
#include <algorithm>

#include <reel/graph/fixed_sum.h>
#include <reel/graph/kernels/tile-inl.h>

#if defined(REEL_GRAPH_KERNELS_FIXED_SUM_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef REEL_GRAPH_KERNELS_FIXED_SUM_INL_H_
#undef REEL_GRAPH_KERNELS_FIXED_SUM_INL_H_
#else
#define REEL_GRAPH_KERNELS_FIXED_SUM_INL_H_
#endif

HWY_BEFORE_NAMESPACE();
namespace reel::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// The sum of a vector's lanes, in pairs at distances of half of them, a quarter, and so on.
template <class D>
HWY_INLINE hn::TFromD<D> FoldLanes(D d, hn::Vec<D> v) {
  constexpr std::size_t kLanes = hn::MaxLanes(D());
#if HWY_TARGET != HWY_SCALAR
  if constexpr (kLanes * sizeof(hn::TFromD<D>) > 16) {
    const hn::Half<D> half;
    return FoldLanes(half, hn::Add(hn::LowerHalf(half, v), hn::UpperHalf(half, v)));
  }
#endif
  HWY_ALIGN hn::TFromD<D> parts[kLanes];
  hn::Store(v, d, parts);
  for (std::size_t far = kLanes / 2; far > 0; far /= 2)
    for (std::size_t k = 0; k < far; ++k) parts[k] += parts[k + far];
  return parts[0];
}

// The sum along a row of n terms: load(d, i, count) gives the vector of terms i to i + count, zero beyond.
template <class T, class Load>
HWY_INLINE T FixedSum(Index n, Load load) {
  const hn::CappedTag<T, static_cast<std::size_t>(kSumChains)> d;
  constexpr Index kLanes = static_cast<Index>(hn::MaxLanes(d));
  constexpr Index kVectors = kSumChains / kLanes;
  PairwiseSum<T> sums;
  for (Index first = 0; first < n; first += kSumChains * kSumStretch) {
    const Index end = std::min(n, first + kSumChains * kSumStretch);
    hn::Vec<decltype(d)> chains[kVectors];
    for (Index v = 0; v < kVectors; ++v) chains[v] = hn::Zero(d);
    Index i = first;
    for (; i + kSumChains <= end; i += kSumChains)
      for (Index v = 0; v < kVectors; ++v) chains[v] = hn::Add(chains[v], load(d, i + v * kLanes, kLanes));
    for (Index v = 0; i < end; ++v, i += kLanes) chains[v] = hn::Add(chains[v], load(d, i, std::min(kLanes, end - i)));
    for (Index far = kVectors / 2; far > 0; far /= 2)
      for (Index v = 0; v < far; ++v) chains[v] = hn::Add(chains[v], chains[v + far]);
    sums.push(FoldLanes(d, chains[0]));
  }
  return sums.total();
}

}  // namespace reel::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif  // per-target include guard
