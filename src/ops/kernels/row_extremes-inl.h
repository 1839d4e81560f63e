// Per-target largest elements of a row (ops/kernels/row_extremes.h). Include after hwy/foreach_target.h, inside no namespace.
#include <algorithm>
#include <limits>

#include <reel/graph/kernels/tile-inl.h>

#if defined(REEL_OPS_KERNELS_ROW_EXTREMES_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef REEL_OPS_KERNELS_ROW_EXTREMES_INL_H_
#undef REEL_OPS_KERNELS_ROW_EXTREMES_INL_H_
#else
#define REEL_OPS_KERNELS_ROW_EXTREMES_INL_H_
#endif

HWY_BEFORE_NAMESPACE();
namespace reel::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

constexpr Index kChains = 4;  // of vectors, independent of one another: the order of a maximum does not matter

// Calls f(vector, number of the chain) for the elements of a row, those beyond its end being `beyond`.
template <class D, class T, class F>
HWY_INLINE void ForEachVector(D d, const T* x, Index n, T beyond, F f) {
  const Index lanes = static_cast<Index>(hn::Lanes(d));
  Index i = 0;
  for (; i + kChains * lanes <= n; i += kChains * lanes)
    for (Index c = 0; c < kChains; ++c) f(hn::LoadU(d, x + i + c * lanes), c);
  for (Index c = 0; i + lanes <= n; ++c, i += lanes) f(hn::LoadU(d, x + i), c);
  if (i < n) f(hn::IfThenElse(hn::FirstN(d, static_cast<std::size_t>(n - i)), LoadEdge(d, x + i, n - i), hn::Set(d, beyond)), 0);
}

// The largest of the chains' lanes. A zero counts as +0, whichever sign it has.
template <class D, class V>
HWY_INLINE hn::TFromD<D> LargestOf(D d, V a, V b, V c, V e) {
  return hn::GetLane(hn::MaxOfLanes(d, hn::Max(hn::Max(a, b), hn::Max(c, e)))) + hn::TFromD<D>(0);
}

// The row's maximum; its first NaN where it holds one.
template <class T>
HWY_INLINE T RowMax(const T* x, Index n) {
  const hn::ScalableTag<T> d;
  constexpr T kLowest = -std::numeric_limits<T>::infinity();
  auto a = hn::Set(d, kLowest), b = a, c = a, e = a;
  auto nan = hn::IsNaN(a);
  ForEachVector(d, x, n, kLowest, [&](auto v, Index chain) HWY_ATTR {
    nan = hn::Or(nan, hn::IsNaN(v));
    auto& top = chain == 0 ? a : chain == 1 ? b : chain == 2 ? c : e;
    top = hn::Max(v, top);
  });
  if (!hn::AllFalse(d, nan)) return *std::find_if(x, x + n, [](T v) { return v != v; });
  return LargestOf(d, a, b, c, e);
}

}  // namespace reel::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif  // per-target include guard
