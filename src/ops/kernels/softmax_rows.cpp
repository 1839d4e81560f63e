#include <reel/ops/kernels/softmax_rows.h>

#include <algorithm>
#include <cmath>
#include <limits>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "reel/ops/kernels/softmax_rows.cpp"
#include <hwy/foreach_target.h>  // IWYU pragma: keep

#include <reel/graph/kernels/fixed_sum-inl.h>
#include <reel/ops/kernels/math-inl.h>
#include <reel/ops/kernels/row_extremes-inl.h>

HWY_BEFORE_NAMESPACE();
namespace reel::HWY_NAMESPACE {

// Sum of exp(x_i - shift); with `y`, the terms are stored there.
template <class T>
T ExpSum(const T* x, T shift, T* y, Index n) {
  return FixedSum<T>(n, [x, shift, y](auto d, Index i, Index count) HWY_ATTR {
    const bool whole = count == static_cast<Index>(hn::Lanes(d));
    const auto offset = hn::Set(d, shift);
    auto e = SafeExp(d, hn::Sub(whole ? hn::LoadU(d, x + i) : LoadEdge(d, x + i, count), offset));
    if (!whole) e = hn::IfThenElseZero(hn::FirstN(d, static_cast<std::size_t>(count)), e);
    if (y && whole) hn::StoreU(e, d, y + i);
    if (y && !whole) StoreEdge(e, d, y + i, count);
    return e;
  });
}

// The limit of softmax where the maximum is not finite: equal shares of +inf, nothing among only -inf, or NaN.
template <class T>
void DegenerateSoftmax(const T* x, T* y, Index n, T top) {
  Index ties = 0;
  for (Index i = 0; i < n; ++i) ties += x[i] == top;
  for (Index i = 0; i < n; ++i) y[i] = top != top ? top : top > 0 && x[i] == top ? T(1) / static_cast<T>(ties) : T(0);
}

template <class T>
void Softmax(const T* x, T* y, Index n) {
  const T top = RowMax(x, n);
  if (!(std::abs(top) <= std::numeric_limits<T>::max())) return DegenerateSoftmax(x, y, n, top);
  const T scale = T(1) / ExpSum(x, top, y, n);
  MapRow<T>(
      n, y, [scale](auto d, auto e) HWY_ATTR { return hn::Mul(e, hn::Set(d, scale)); }, y);
}

template <class T>
void LogSoftmax(const T* x, T* y, Index n) {
  const T top = RowMax(x, n);
  if (!(std::abs(top) <= std::numeric_limits<T>::max())) {
    DegenerateSoftmax(x, y, n, top);
    for (Index i = 0; i < n; ++i) y[i] = std::log(y[i]);
    return;
  }
  const T log_sum = std::log(ExpSum<T>(x, top, nullptr, n));
  MapRow<T>(
      n, y, [top, log_sum](auto d, auto v) HWY_ATTR { return hn::Sub(hn::Sub(v, hn::Set(d, top)), hn::Set(d, log_sum)); }, x);
}

template <class T>
T NegativeLogLikelihood(const T* x, Index n, Index target) {
  const T top = RowMax(x, n);
  if (!(std::abs(top) <= std::numeric_limits<T>::max())) {
    Index ties = 0;
    for (Index i = 0; i < n; ++i) ties += x[i] == top;
    if (top != top) return top;
    return top > 0 && x[target] == top ? std::log(static_cast<T>(ties)) : std::numeric_limits<T>::infinity();
  }
  return std::log(ExpSum<T>(x, top, nullptr, n)) - (x[target] - top);
}

kernels::SoftmaxRows<float> SoftmaxRowsF32() { return {&Softmax<float>, &LogSoftmax<float>, &NegativeLogLikelihood<float>}; }
kernels::SoftmaxRows<double> SoftmaxRowsF64() { return {&Softmax<double>, &LogSoftmax<double>, &NegativeLogLikelihood<double>}; }

}  // namespace reel::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace reel {
HWY_EXPORT(SoftmaxRowsF32);
HWY_EXPORT(SoftmaxRowsF64);

namespace kernels {
template <>
SoftmaxRows<float> softmax_rows<float>() {
  return HWY_DYNAMIC_DISPATCH(SoftmaxRowsF32)();
}
template <>
SoftmaxRows<double> softmax_rows<double>() {
  return HWY_DYNAMIC_DISPATCH(SoftmaxRowsF64)();
}
}  // namespace kernels
}  // namespace reel
#endif
