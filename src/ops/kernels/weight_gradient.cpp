#include <reel/ops/kernels/weight_gradient.h>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "reel/ops/kernels/weight_gradient.cpp"
#include <hwy/foreach_target.h>  // IWYU pragma: keep

#include <reel/ops/kernels/register_tile-inl.h>

HWY_BEFORE_NAMESPACE();
namespace reel::HWY_NAMESPACE {

// Vectors of a panel: the tile of 6 columns of A by 4 vectors reads least of A, which lies far apart.
#if HWY_TARGET <= HWY_AVX3
constexpr int kVectors = 4;
#else
constexpr int kVectors = 2;
#endif

template <bool kSimple, class T>
HWY_INLINE T* At(const kernels::WeightGradientPanel<T>& p, Index row, int v, Index lanes) {
  return (kSimple ? p.columns[0].c + v * lanes : p.columns[v].c) + row * p.c_stride;
}

// One register tile: MR columns of A from `row` on, by NV vectors. In the simple case the vectors lie whole, side by side.
template <int MR, int NV, bool kSimple, class T>
HWY_INLINE void ContractionTile(const kernels::WeightGradientPanel<T>& p, Index row) {
  const hn::ScalableTag<T> d;
  using V = hn::Vec<decltype(d)>;
  const Index lanes = static_cast<Index>(hn::Lanes(d));
  V sum[MR][NV];
  for (int m = 0; m < MR; ++m)
    for (int v = 0; v < NV; ++v) sum[m][v] = hn::Zero(d);
  // What the next tile adds to is far away: it was last touched a block of rows ago.
  if (p.add && row + MR < p.M)
    for (int m = 0; m < MR; ++m)
      for (int v = 0; v < NV; ++v) hwy::Prefetch(At<kSimple>(p, std::min(row + MR + m, p.M - 1), v, lanes));
  const T* HWY_RESTRICT b = p.b;
  const T* HWY_RESTRICT a = p.a + row;
  for (Index k = 0; k < p.K; ++k, b += NV * lanes, a += p.a_stride) {
    V line[NV];
    for (int v = 0; v < NV; ++v) line[v] = hn::Load(d, b + v * lanes);
    for (int m = 0; m < MR; ++m) {
      const V left = hn::Set(d, a[m]);
      for (int v = 0; v < NV; ++v) sum[m][v] = hn::MulAdd(left, line[v], sum[m][v]);
    }
  }
  for (int m = 0; m < MR; ++m)
    for (int v = 0; v < NV; ++v) {
      T* to = At<kSimple>(p, row + m, v, lanes);
      const Index count = p.columns[v].count;
      StoreVector<kSimple>(p.add ? hn::Add(LoadVector<kSimple>(d, to, count), sum[m][v]) : sum[m][v], d, to, count);
    }
}

// Columns [m, M) of A in tiles of MR, then in smaller ones.
template <int MR, int NV, bool kSimple, class T>
HWY_INLINE void TilesOf(const kernels::WeightGradientPanel<T>& p, Index m) {
  for (; m + MR <= p.M; m += MR) ContractionTile<MR, NV, kSimple>(p, m);
  constexpr int kSmaller = MR > 6 ? 6 : MR > 4 ? 4 : MR / 2;
  if constexpr (MR > 1) TilesOf<kSmaller, NV, kSimple>(p, m);
}

template <int NV, bool kSimple, class T>
HWY_NOINLINE void ContractionTiles(const kernels::WeightGradientPanel<T>& p) {
  TilesOf<kTileRows<NV>, NV, kSimple>(p, 0);
}

template <int NV, class T>
HWY_INLINE void ContractionOf(const kernels::WeightGradientPanel<T>& p) {
  const Index lanes = static_cast<Index>(hn::Lanes(hn::ScalableTag<T>()));
  bool simple = true;
  for (int v = 0; v < NV; ++v) simple = simple && p.columns[v].count == lanes && p.columns[v].c == p.columns[0].c + v * lanes;
  if (simple)
    ContractionTiles<NV, true>(p);
  else
    ContractionTiles<NV, false>(p);
}

template <class T>
void Panel(const kernels::WeightGradientPanel<T>& p) {
  if (p.vectors == 1) ContractionOf<1>(p);
  if (p.vectors == 2) ContractionOf<2>(p);
#if HWY_TARGET <= HWY_AVX3
  if (p.vectors == 3) ContractionOf<3>(p);
  if (p.vectors == 4) ContractionOf<4>(p);
#endif
}

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
  return {lanes, kVectors * lanes, &Panel<float>, &PackRows<float>, &CopyRows<float>};
}
kernels::WeightGradientKernels<double> WeightGradientF64() {
  const Index lanes = static_cast<Index>(hn::Lanes(hn::ScalableTag<double>()));
  return {lanes, kVectors * lanes, &Panel<double>, &PackRows<double>, &CopyRows<double>};
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
