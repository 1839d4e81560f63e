#include <reel/ops/kernels/weight_gradient.h>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "reel/ops/kernels/weight_gradient.cpp"
#include <hwy/foreach_target.h>  // IWYU pragma: keep

#include <reel/ops/kernels/weight_gradient-inl.h>

HWY_BEFORE_NAMESPACE();
namespace reel::HWY_NAMESPACE {

// Rows to fetch ahead, as far as the L2. 2 and 16 take the time of 8, none .98 to 1.03 (bench_gemm "dy, b"; Xeon, Emerald
// Rapids).
constexpr Index kAhead = 8;
HWY_INLINE void FetchAhead(const void* from) { __builtin_prefetch(from, 0, 2); }  // as far as the L2

template <class T>
void PackRows(Index K, const kernels::RowRun<const T>* operands, std::span<const kernels::PackColumn> columns, Index first,
              T* block) {
  const hn::ScalableTag<T> d;
  const Index lanes = static_cast<Index>(hn::Lanes(d));
  for (Index k = 0; k < K; ++k)
    for (const kernels::PackColumn& c : columns) {
      const kernels::RowRun<const T>& run = operands[c.operand];
      const T* from = run.first + k * run.stride + c.column;
      FetchAhead(run.first + std::min(k + kAhead, K - 1) * run.stride + c.column);
      hn::Store(c.count == lanes ? hn::LoadU(d, from) : LoadEdge(d, from, c.count), d, block + c.to + (first + k) * c.stride);
    }
}

// Copies K rows of `width` elements, cut into pieces of `piece` that are `distance` apart where they go. Gives zeros, but NaN
// where one is not finite.
template <class T, class D = hn::ScalableTag<T> >
HWY_INLINE hn::Vec<D> CopyPieces(Index K, Index width, kernels::RowRun<const T> from, T* to, Index to_stride, Index piece,
                                 Index distance) {
  const D d;
  const Index lanes = static_cast<Index>(hn::Lanes(d));
  constexpr Index kLine = 64 / sizeof(T);
  auto infinite = hn::Zero(d);  // 0 times each
  for (Index k = 0; k < K; ++k, to += to_stride) {
    const T* x = from.row(k);
    const T* ahead = from.row(std::min(k + kAhead, K - 1));
    for (Index n = 0; n < width; n += kLine) FetchAhead(ahead + n);
    T* y = to;
    Index begin = 0;
#if HWY_TARGET <= HWY_AVX3
    if constexpr (HWY_MAX_BYTES / sizeof(T) == 2 * kernels::kStrip) {  // a vector is two strips
      const hn::Half<D> half;
      for (; piece == kernels::kStrip && begin + lanes <= width; begin += lanes, x += lanes, y += 2 * distance) {
        const auto v = hn::LoadU(d, x);
        infinite = hn::Or(infinite, hn::Mul(v, hn::Zero(d)));
        hn::StoreU(hn::LowerHalf(half, v), half, y);
        hn::StoreU(hn::UpperHalf(half, v), half, y + distance);
      }
    }
#endif
    for (; begin < width; begin += piece, x += piece, y += distance) {
      const Index count = std::min(piece, width - begin);
      Index n = 0;
      for (; n + lanes <= count; n += lanes) {
        const auto v = hn::LoadU(d, x + n);
        infinite = hn::Or(infinite, hn::Mul(v, hn::Zero(d)));
        hn::StoreU(v, d, y + n);
      }
      if (n == count) continue;
      const auto edge = LoadEdge(d, x + n, count - n);
      infinite = hn::Or(infinite, hn::Mul(edge, hn::Zero(d)));
      StoreEdge(edge, d, y + n, count - n);
    }
  }
  return infinite;
}

template <class T>
bool CopyRows(Index K, Index width, kernels::RowRun<const T> from, const kernels::Strips<T>& to, Index row, Index column) {
  const hn::ScalableTag<T> d;
  const auto copy = [&](Index begin, Index end) HWY_ATTR {
    return CopyPieces<T>(K, end - begin, {from.first + begin, from.stride}, to.at(row, column + begin), to.row_stride, to.width,
                         to.strip_stride);
  };
  const Index edge = std::min(width, round_up(column, to.width) - column);
  auto infinite = hn::Zero(d);
  if (edge > 0) infinite = copy(0, edge);
  if (edge < width) infinite = hn::Or(infinite, copy(edge, width));
  return hn::AllTrue(d, hn::Eq(infinite, hn::Zero(d)));
}

kernels::WeightGradientKernels<float> WeightGradientF32() {
  const Index lanes = static_cast<Index>(hn::Lanes(hn::ScalableTag<float>()));
  return {
      lanes,           kPanelVectors, kernels::kMostPanelVectors, &ContractionPanel<UniformStep<float>, float>, &PackRows<float>,
      &CopyRows<float>};
}
kernels::WeightGradientKernels<double> WeightGradientF64() {
  const Index lanes = static_cast<Index>(hn::Lanes(hn::ScalableTag<double>()));
  return {lanes,
          kPanelVectors,
          kernels::kMostPanelVectors,
          &ContractionPanel<UniformStep<double>, double>,
          &PackRows<double>,
          &CopyRows<double>};
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
