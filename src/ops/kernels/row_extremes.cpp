#include <reel/ops/kernels/row_extremes.h>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "reel/ops/kernels/row_extremes.cpp"
#include <hwy/foreach_target.h>  // IWYU pragma: keep

#include <reel/ops/kernels/row_extremes-inl.h>

HWY_BEFORE_NAMESPACE();
namespace reel::HWY_NAMESPACE {

template <class T>
T MaxOfRow(const T* x, Index n) {
  return RowMax(x, n);
}

template <class T>
Index Argmax(const T* x, Index n) {
  const T top = RowMax(x, n);
  const hn::ScalableTag<T> d;
  const Index lanes = static_cast<Index>(hn::Lanes(d));
  Index i = 0;
  if (top == top) {
    const auto wanted = hn::Set(d, top);
    while (i + lanes <= n && hn::AllFalse(d, hn::Eq(hn::LoadU(d, x + i), wanted))) i += lanes;
    while (x[i] != top) ++i;
  } else {
    while (x[i] == x[i]) ++i;
  }
  return i;
}

template <class T>
T LargestSize(const T* x, Index n) {
  const hn::ScalableTag<T> d;
  auto a = hn::Zero(d), b = a, c = a, e = a;
  const auto infinity = hn::Inf(d);
  ForEachVector(d, x, n, T(0), [&](auto v, Index chain) HWY_ATTR {
    const auto size = hn::Abs(v);
    auto& top = chain == 0 ? a : chain == 1 ? b : chain == 2 ? c : e;
    top = hn::Max(hn::IfThenElse(hn::Eq(size, size), size, infinity), top);
  });
  return LargestOf(d, a, b, c, e);
}

template <class D, class V>
HWY_INLINE V LargerOrFirstNan(D, V x, V y) {
  return hn::IfThenElse(hn::Or(hn::Le(x, y), hn::IsNaN(y)), y, x);
}

template <class T>
void MaxInto(const T* x, T* y, Index n) {
  const hn::ScalableTag<T> d;
  const Index lanes = static_cast<Index>(hn::Lanes(d));
  Index i = 0;
  for (; i + lanes <= n; i += lanes) hn::StoreU(LargerOrFirstNan(d, hn::LoadU(d, x + i), hn::LoadU(d, y + i)), d, y + i);
  if (i < n) StoreEdge(LargerOrFirstNan(d, LoadEdge(d, x + i, n - i), LoadEdge(d, y + i, n - i)), d, y + i, n - i);
}

template <class T>
kernels::RowExtremes<T> Kernels() {
  return {&MaxOfRow<T>, &Argmax<T>, &LargestSize<T>, &MaxInto<T>};
}
kernels::RowExtremes<float> RowExtremesF32() { return Kernels<float>(); }
kernels::RowExtremes<double> RowExtremesF64() { return Kernels<double>(); }

}  // namespace reel::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace reel {
HWY_EXPORT(RowExtremesF32);
HWY_EXPORT(RowExtremesF64);

namespace kernels {
template <>
RowExtremes<float> row_extremes<float>() {
  return HWY_DYNAMIC_DISPATCH(RowExtremesF32)();
}
template <>
RowExtremes<double> row_extremes<double>() {
  return HWY_DYNAMIC_DISPATCH(RowExtremesF64)();
}
}  // namespace kernels
}  // namespace reel
#endif
