// Per-target exp, log, tanh and the logistic function over Highway's, with IEEE results at NaN, infinities and range ends.
#include <reel/graph/kernels/tile-inl.h>

#include <hwy/contrib/math/math-inl.h>

#if defined(REEL_OPS_KERNELS_MATH_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef REEL_OPS_KERNELS_MATH_INL_H_
#undef REEL_OPS_KERNELS_MATH_INL_H_
#else
#define REEL_OPS_KERNELS_MATH_INL_H_
#endif

HWY_BEFORE_NAMESPACE();
namespace reel::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Highway's Exp is undefined above its range and gives 0 for NaN: beyond `top`, exp(x) = exp(x - 16) e^16, which overflows
// to infinity by itself.
template <class D, class V>
HWY_INLINE V SafeExp(D d, V x) {
  using T = hn::TFromD<D>;
  constexpr T top = sizeof(T) == 4 ? T(72) : T(690);
  constexpr T ceiling = top + T(32);
  const auto high = hn::Gt(x, hn::Set(d, top));
  const V capped = hn::Min(x, hn::Set(d, ceiling));
  const V shifted = hn::IfThenElse(high, hn::Sub(capped, hn::Set(d, T(16))), capped);
  V y = hn::Exp(d, shifted);
  y = hn::IfThenElse(high, hn::Mul(y, hn::Set(d, T(8886110.5205078726367630))), y);
  return hn::IfThenElse(hn::IsNaN(x), x, y);
}

template <class D, class V>
HWY_INLINE V SafeLog(D d, V x) {
  const V infinity = hn::Inf(d);
  const V zero = hn::Zero(d);
  V y = hn::Log(d, x);
  y = hn::IfThenElse(hn::Eq(x, infinity), infinity, y);
  y = hn::IfThenElse(hn::Eq(x, zero), hn::Neg(infinity), y);
  const auto invalid = hn::Or(hn::Lt(x, zero), hn::IsNaN(x));
  return hn::IfThenElse(invalid, hn::NaN(d), y);
}

template <class D, class V>
HWY_INLINE V SafeTanh(D d, V x) {
  return hn::IfThenElse(hn::IsNaN(x), x, hn::Tanh(d, x));
}

// 1 / (1 + exp(-x)), from exp(-|x|) so that neither end overflows.
template <class D, class V>
HWY_INLINE V Logistic(D d, V x) {
  using T = hn::TFromD<D>;
  const V one = hn::Set(d, T(1));
  const V e = SafeExp(d, hn::Neg(hn::Abs(x)));
  const V positive = hn::Div(one, hn::Add(one, e));
  return hn::IfThenElse(hn::Lt(x, hn::Zero(d)), hn::Mul(e, positive), positive);
}

}  // namespace reel::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif  // per-target include guard
