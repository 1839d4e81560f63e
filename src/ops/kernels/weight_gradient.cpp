#include <reel/ops/kernels/weight_gradient.h>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "reel/ops/kernels/weight_gradient.cpp"
#include <hwy/foreach_target.h>  // IWYU pragma: keep

#include <reel/ops/kernels/weight_gradient-inl.h>

HWY_BEFORE_NAMESPACE();
namespace reel::HWY_NAMESPACE {

constexpr Index kAhead = 8;  // rows to fetch ahead: the hardware does not follow this many streams

template <class T>
void PackRows(Index K, const kernels::RowRun<const T>* operands, std::span<const kernels::PackColumn> columns, Index first,
              T* block) {
  const hn::ScalableTag<T> d;
  const Index lanes = static_cast<Index>(hn::Lanes(d));
  for (Index k = 0; k < K; ++k)
    for (const kernels::PackColumn& c : columns) {
      const kernels::RowRun<const T>& run = operands[c.operand];
      const T* from = run.first + k * run.stride + c.column;
      hwy::Prefetch(run.first + std::min(k + kAhead, K - 1) * run.stride + c.column);
      hn::Store(c.count == lanes ? hn::LoadU(d, from) : LoadEdge(d, from, c.count), d, block + c.to + (first + k) * c.stride);
    }
}

template <class T>
bool CopyRows(Index K, Index width, kernels::RowRun<const T> from, T* to, Index to_stride) {
  const hn::ScalableTag<T> d;
  const Index lanes = static_cast<Index>(hn::Lanes(d));
  auto infinite = hn::Zero(d);  // NaN where one is not finite: 0 times it; else 0 or -0
  for (Index k = 0; k < K; ++k) {
    const T* x = from.first + k * from.stride;
    const T* ahead = from.first + std::min(k + kAhead, K - 1) * from.stride;
    T* y = to + k * to_stride;
    Index n = 0;
    for (; n + lanes <= width; n += lanes) {
      hwy::Prefetch(ahead + n);
      const auto v = hn::LoadU(d, x + n);
      infinite = hn::Or(infinite, hn::Mul(v, hn::Zero(d)));
      hn::StoreU(v, d, y + n);
    }
    if (n == width) continue;
    const auto edge = LoadEdge(d, x + n, width - n);
    infinite = hn::Or(infinite, hn::Mul(edge, hn::Zero(d)));
    StoreEdge(edge, d, y + n, width - n);
  }
  return hn::AllTrue(d, hn::Eq(infinite, hn::Zero(d)));
}

kernels::WeightGradientKernels<float> WeightGradientF32() {
  const Index lanes = static_cast<Index>(hn::Lanes(hn::ScalableTag<float>()));
  return {lanes, kPanelVectors * lanes, &ContractionPanel<UniformStep<float>, float>, &PackRows<float>, &CopyRows<float>};
}
kernels::WeightGradientKernels<double> WeightGradientF64() {
  const Index lanes = static_cast<Index>(hn::Lanes(hn::ScalableTag<double>()));
  return {lanes, kPanelVectors * lanes, &ContractionPanel<UniformStep<double>, double>, &PackRows<double>, &CopyRows<double>};
}

}  // namespace reel::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace reel {
HWY_EXPORT(WeightGradientF32);
HWY_EXPORT(WeightGradientF64);

namespace kernels {

template <>
WeightGradientKernels<float> weight_gradient_kernels<float>() {
  return HWY_DYNAMIC_DISPATCH(WeightGradientF32)();
}
template <>
WeightGradientKernels<double> weight_gradient_kernels<double>() {
  return HWY_DYNAMIC_DISPATCH(WeightGradientF64)();
}

}  // namespace kernels
}  // namespace reel
#endif
