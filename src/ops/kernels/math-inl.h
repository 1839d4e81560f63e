// Per-target exp, tanh, the logistic function and log, with IEEE results at NaN, infinities and range ends. Log is Highway's
// within its range.
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

// q of exp(r) = 1 + q for |r| <= ln 2 / 2: its Taylor series to within half a unit in the last place.
template <class D, class V>
HWY_INLINE V ExpMinusOneNearZero(D d, V r) {
  using T = hn::TFromD<D>;
  const auto c = [d](double value) HWY_ATTR { return hn::Set(d, static_cast<T>(value)); };
  const V r2 = hn::Mul(r, r);
  const V p0 = hn::MulAdd(r, c(1. / 6), c(1. / 2)), p1 = hn::MulAdd(r, c(1. / 120), c(1. / 24)),
          p2 = hn::MulAdd(r, c(1. / 5040), c(1. / 720));
  if constexpr (sizeof(T) == 4) return hn::MulAdd(r2, hn::MulAdd(r2, hn::MulAdd(r2, p2, p1), p0), r);
  const V r4 = hn::Mul(r2, r2);
  const V p3 = hn::MulAdd(r, c(1. / 362880), c(1. / 40320)), p4 = hn::MulAdd(r, c(1. / 39916800), c(1. / 3628800)),
          p5 = hn::MulAdd(r, c(1. / 6227020800.), c(1. / 479001600));
  const V low = hn::MulAdd(r2, p1, p0), middle = hn::MulAdd(r2, p3, p2), high = hn::MulAdd(r2, p5, p4);
  return hn::MulAdd(r2, hn::MulAdd(r4, hn::MulAdd(r4, high, middle), low), r);
}

// A whole number added to this, 1.5 x 2^(bits of the fraction - 1), lies in the sum's last bits.
template <class T>
constexpr T kShift = sizeof(T) == 4 ? T(12582912) : T(6755399441055744);

// x log2(e) rounded to a whole number, plus kShift.
template <class D, class V>
HWY_INLINE V Shifted(D d, V x) {
  using T = hn::TFromD<D>;
  return hn::MulAdd(x, hn::Set(d, T(1.4426950408889634074)), hn::Set(d, kShift<T>));
}
template <class D, class V>
HWY_INLINE V Unshifted(D d, V shifted) {
  return hn::Sub(shifted, hn::Set(d, kShift<hn::TFromD<D>>));
}
// 2^n of n + kShift, for n within the range of normal exponents; one below it gives 0.
template <class D, class V>
HWY_INLINE V PowerOfShifted(D d, V shifted) {
  constexpr bool single = sizeof(hn::TFromD<D>) == 4;
  const hn::RebindToUnsigned<D> du;
  const auto one = hn::BitCast(du, hn::Set(d, hn::TFromD<D>(1)));
  constexpr int kFractionBits = single ? 23 : 52;
  return hn::BitCast(d, hn::Add(hn::ShiftLeft<kFractionBits>(hn::BitCast(du, shifted)), one));
}

// q of exp(x) = 2^n (1 + q).
template <class D, class V>
HWY_INLINE V Fraction(D d, V x, V n) {
  using T = hn::TFromD<D>;
  constexpr bool single = sizeof(T) == 4;
  // ln 2 in two parts, of which the first has zeros at its end.
  const V r = hn::NegMulAdd(n, hn::Set(d, single ? T(0.693359375) : T(0.6931471803691238)), x);
  return ExpMinusOneNearZero(d, hn::NegMulAdd(n, hn::Set(d, single ? T(-2.12194440e-4) : T(1.9082149292705877e-10)), r));
}

// x, or `bottom` where x is less; NaN stays.
template <class D, class V>
HWY_INLINE V AtLeast(D d, V x, hn::TFromD<D> bottom) {
  const V limit = hn::Set(d, bottom);
#if HWY_ARCH_X86 && HWY_TARGET != HWY_SCALAR && HWY_TARGET != HWY_EMU128
  return hn::Max(limit, x);  // of which x86 returns the second where one is NaN
#else
  return hn::IfThenElse(hn::Lt(x, limit), limit, x);
#endif
}

// 2^n (1 + q), with 2^n in two factors, since n reaches beyond the normal exponents at both ends.
template <class D, class V>
HWY_INLINE V SafeExp(D d, V x) {
  using T = hn::TFromD<D>;
  constexpr T bottom = sizeof(T) == 4 ? T(-104) : T(-746);    // rounds to zero
  const V top = hn::Set(d, sizeof(T) == 4 ? T(89) : T(710));  // overflows
  const V inside = AtLeast(d, hn::IfThenElse(hn::Gt(x, top), top, x), bottom);
  const V n = Unshifted(d, Shifted(d, inside)), q = Fraction(d, inside, n), shift = hn::Set(d, kShift<T>);
  const V half = hn::Round(hn::Mul(n, hn::Set(d, T(0.5))));
  const V low = PowerOfShifted(d, hn::Add(half, shift)), high = PowerOfShifted(d, hn::Add(hn::Sub(n, half), shift));
  return hn::Mul(hn::MulAdd(low, q, low), high);
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

// (1 - e) / (1 + e) of e = exp(-2|x|), from e - 1, which keeps its digits near zero; with the sign of x.
template <class D, class V>
HWY_INLINE V SafeTanh(D d, V x) {
  using T = hn::TFromD<D>;
  const V y = AtLeast(d, hn::Mul(hn::Abs(x), hn::Set(d, T(-2))), T(-60));
  const V shifted = Shifted(d, y);
  const V q = Fraction(d, y, Unshifted(d, shifted)), scale = PowerOfShifted(d, shifted);
  const V less_one = hn::MulAdd(scale, q, hn::Sub(scale, hn::Set(d, T(1))));
  return hn::CopySign(hn::Div(less_one, hn::Add(less_one, hn::Set(d, T(2)))), x);
}

// 1 / (1 + exp(-x)), from exp(-|x|) so that neither end overflows. Where that is denormal it counts as zero.
template <class D, class V>
HWY_INLINE V Logistic(D d, V x) {
  using T = hn::TFromD<D>;
  const V one = hn::Set(d, T(1));
  const V y = AtLeast(d, hn::Neg(hn::Abs(x)), sizeof(T) == 4 ? T(-88) : T(-709));
  const V shifted = Shifted(d, y);  // at the bottom 2^n has the exponent of zero
  const V q = Fraction(d, y, Unshifted(d, shifted)), scale = PowerOfShifted(d, shifted);
  const V e = hn::MulAdd(scale, q, scale);
  const V numerator = hn::IfThenElse(hn::Lt(x, hn::Zero(d)), e, one);
  return hn::Div(numerator, hn::Add(one, e));
}

}  // namespace reel::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif  // per-target include guard
