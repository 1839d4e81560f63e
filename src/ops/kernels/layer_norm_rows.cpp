#include <reel/ops/kernels/layer_norm_rows.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include <reel/ops/kernels/power_below.h>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "reel/ops/kernels/layer_norm_rows.cpp"
#include <hwy/foreach_target.h>  // IWYU pragma: keep

#include <reel/graph/kernels/fixed_sum-inl.h>

HWY_BEFORE_NAMESPACE();
namespace reel::HWY_NAMESPACE {

template <class D, class T>
HWY_INLINE hn::Vec<D> LoadUpTo(D d, const T* x, Index count) {
  return count == static_cast<Index>(hn::Lanes(d)) ? hn::LoadU(d, x) : LoadEdge(d, x, count);
}

// The mean of f(d, x...) along a row.
template <class T, class F, class... X>
HWY_INLINE T MeanOf(Index n, F f, const X*... x) {
  return FixedSum<T>(n,
                     [=](auto d, Index i, Index count) HWY_ATTR {
                       const auto terms = f(d, LoadUpTo(d, x + i, count)...);
                       const bool whole = count == static_cast<Index>(hn::Lanes(d));
                       return whole ? terms : hn::IfThenElseZero(hn::FirstN(d, static_cast<std::size_t>(count)), terms);
                     }) /
         static_cast<T>(n);
}

// y = the row less its mean. What makes it the result: `unit`, the inverse of the row's scale (a power of two), times `rate`, the
// inverse deviation of the scaled row.
template <class T>
struct Spread {
  T unit, rate;
};
template <class T>
HWY_INLINE Spread<T> Centre(const T* x, T* y, Index n, T least) {
  const T mean = MeanOf<T>(
      n, [](auto, auto v) HWY_ATTR { return v; }, x);
  const T missed = MeanOf<T>(
      n, [mean](auto d, auto v) HWY_ATTR { return hn::Sub(v, hn::Set(d, mean)); }, x);
  const hn::ScalableTag<T> full;
  auto largest = hn::Zero(full);
  const auto centred = [mean, missed](auto d, auto v)
                           HWY_ATTR { return hn::Sub(hn::Sub(v, hn::Set(d, mean)), hn::Set(d, missed)); };
  const Index lanes = static_cast<Index>(hn::Lanes(full));
  const auto note = [&](auto v) HWY_ATTR { largest = hn::Max(hn::IfThenElse(hn::IsNaN(v), hn::Inf(full), hn::Abs(v)), largest); };
  Index i = 0;
  for (; i + lanes <= n; i += lanes) {
    const auto v = centred(full, hn::LoadU(full, x + i));
    note(v);
    hn::StoreU(v, full, y + i);
  }
  if (i < n) {
    const auto v = centred(full, LoadEdge(full, x + i, n - i));
    note(hn::IfThenElseZero(hn::FirstN(full, static_cast<std::size_t>(n - i)), v));
    StoreEdge(v, full, y + i, n - i);
  }
  // Where the inverse of the scale would be denormal, half of it serves as well.
  const T scale =
      std::min(kernels::power_below(hn::GetLane(hn::MaxOfLanes(full, largest)), least), T(1) / std::numeric_limits<T>::min());
  const T inverse = T(1) / scale;
  const T variance = MeanOf<T>(
      n,
      [inverse](auto d, auto v) HWY_ATTR {
        const auto scaled = hn::Mul(v, hn::Set(d, inverse));
        return hn::Mul(scaled, scaled);
      },
      y);
  const T floor = least * inverse;
  return {inverse, T(1) / std::sqrt(variance + floor * floor)};
}

template <class T>
void Normalise(const T* x, T* y, Index n, T least) {
  const Spread<T> s = Centre(x, y, n, least);
  MapRow<T>(
      n, y, [s](auto d, auto v) HWY_ATTR { return hn::Mul(hn::Mul(v, hn::Set(d, s.unit)), hn::Set(d, s.rate)); }, y);
}

template <class T>
bool AllZero(const T* x, Index n) {
  const hn::ScalableTag<T> d;
  const Index lanes = static_cast<Index>(hn::Lanes(d));
  Index i = 0;
  for (; i + lanes <= n; i += lanes)
    if (!hn::AllTrue(d, hn::Eq(hn::LoadU(d, x + i), hn::Zero(d)))) return false;
  return std::all_of(x + i, x + n, [](T v) { return v == T(0); });
}

template <class T>
void Gradient(const T* x, const T* dy, T* dx, Index n, T least) {
  if (AllZero(dy, n)) return std::fill_n(dx, n, T(0)), void();
  const Spread<T> s = Centre(x, dx, n, least);
  const auto normal = [s](auto d, auto v) HWY_ATTR { return hn::Mul(hn::Mul(v, hn::Set(d, s.unit)), hn::Set(d, s.rate)); };
  const T mean = MeanOf<T>(
      n, [](auto, auto v) HWY_ATTR { return v; }, dy);
  const T along = MeanOf<T>(
      n, [normal](auto d, auto v, auto c) HWY_ATTR { return hn::Mul(v, normal(d, c)); }, dy, dx);
  MapRow<T>(
      n, dx,
      [normal, s, mean, along](auto d, auto v, auto c) HWY_ATTR {
        const auto left = hn::NegMulAdd(normal(d, c), hn::Set(d, along), hn::Sub(v, hn::Set(d, mean)));
        return hn::Mul(hn::Mul(left, hn::Set(d, s.rate)), hn::Set(d, s.unit));
      },
      dy, dx);
}

kernels::LayerNormRows<float> LayerNormRowsF32() { return {&Normalise<float>, &Gradient<float>}; }
kernels::LayerNormRows<double> LayerNormRowsF64() { return {&Normalise<double>, &Gradient<double>}; }

}  // namespace reel::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace reel {
HWY_EXPORT(LayerNormRowsF32);
HWY_EXPORT(LayerNormRowsF64);

namespace kernels {
template <>
LayerNormRows<float> layer_norm_rows<float>() {
  return HWY_DYNAMIC_DISPATCH(LayerNormRowsF32)();
}
template <>
LayerNormRows<double> layer_norm_rows<double>() {
  return HWY_DYNAMIC_DISPATCH(LayerNormRowsF64)();
}
}  // namespace kernels
}  // namespace reel
#endif
