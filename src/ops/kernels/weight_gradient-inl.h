// Per-target tiles of the weight gradient, over what a step of rows reads (product_step-inl.h). Include after
// hwy/foreach_target.h, inside no namespace.
#include <algorithm>

#include <hwy/cache_control.h>

#include <reel/ops/kernels/product_step-inl.h>
#include <reel/ops/kernels/register_tile-inl.h>
#include <reel/ops/kernels/weight_gradient.h>

#if defined(REEL_OPS_KERNELS_WEIGHT_GRADIENT_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef REEL_OPS_KERNELS_WEIGHT_GRADIENT_INL_H_
#undef REEL_OPS_KERNELS_WEIGHT_GRADIENT_INL_H_
#else
#define REEL_OPS_KERNELS_WEIGHT_GRADIENT_INL_H_
#endif

HWY_BEFORE_NAMESPACE();
namespace reel::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Vectors of a panel: the tile of 6 columns of A by 4 vectors reads least of A, which lies far apart.
#if HWY_TARGET <= HWY_AVX3
constexpr int kPanelVectors = 4;
#else
constexpr int kPanelVectors = 2;
#endif

template <bool kSimple, class T>
HWY_INLINE T* At(const kernels::WeightGradientPanel<T>& p, Index row, int v, Index lanes) {
  return (kSimple ? p.columns[0].c + v * lanes : p.columns[v].c) + row * p.c_stride;
}

// One register tile: MR columns of A from `row` on, by NV vectors. In the simple case the vectors lie whole, side by side.
template <int MR, int NV, bool kSimple, class Step, class T>
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
    typename Step::Line line[NV];
    for (int v = 0; v < NV; ++v) line[v] = Step::line(d, b + v * lanes);
    for (int m = 0; m < MR; ++m) {
      const auto left = Step::left(d, a + m);
      for (int v = 0; v < NV; ++v) sum[m][v] = Step::add(d, left, line[v], sum[m][v]);
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
template <int MR, int NV, bool kSimple, class Step, class T>
HWY_INLINE void ContractionTilesOf(const kernels::WeightGradientPanel<T>& p, Index m) {
  for (; m + MR <= p.M; m += MR) ContractionTile<MR, NV, kSimple, Step>(p, m);
  constexpr int kSmaller = MR > 6 ? 6 : MR > 4 ? 4 : MR / 2;
  if constexpr (MR > 1) ContractionTilesOf<kSmaller, NV, kSimple, Step>(p, m);
}

template <int NV, bool kSimple, class Step, class T>
HWY_NOINLINE void ContractionTiles(const kernels::WeightGradientPanel<T>& p) {
  ContractionTilesOf<kTileRows<NV>, NV, kSimple, Step>(p, 0);
}

template <int NV, class Step, class T>
HWY_INLINE void ContractionOf(const kernels::WeightGradientPanel<T>& p) {
  const Index lanes = static_cast<Index>(hn::Lanes(hn::ScalableTag<T>()));
  bool simple = true;
  for (int v = 0; v < NV; ++v) simple = simple && p.columns[v].count == lanes && p.columns[v].c == p.columns[0].c + v * lanes;
  if (simple)
    ContractionTiles<NV, true, Step>(p);
  else
    ContractionTiles<NV, false, Step>(p);
}

template <class Step, class T>
void ContractionPanel(const kernels::WeightGradientPanel<T>& p) {
  if (p.vectors == 1) ContractionOf<1, Step>(p);
  if (p.vectors == 2) ContractionOf<2, Step>(p);
#if HWY_TARGET <= HWY_AVX3
  if (p.vectors == 3) ContractionOf<3, Step>(p);
  if (p.vectors == 4) ContractionOf<4, Step>(p);
#endif
}

}  // namespace reel::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif  // per-target include guard
