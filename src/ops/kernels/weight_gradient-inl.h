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

// Vectors of a panel: 3 vectors of a block's rows stay in an L1 of 48 KB. Tiles of 8 columns of A in strips by 3 vectors
// reach 1.00 to 1.06 of the rate of 6 by 4 where A's rows lay whole (bench_gemm "dy, b64"; Xeon, Emerald Rapids, four times in
// turns).
constexpr int kPanelVectors = 3;

// Rows of a register tile of NV vectors, within a strip: accumulators, one row of B and a broadcast stay in the registers, of
// which there are 32 or 16, and there are chains enough to hide the latency of a multiply-add.
template <int NV>
constexpr int kStripRows = NV == 1 ? 8 : (NV < 4 ? 8 : 4) / (kManyRegisters ? 1 : 2);
static_assert(kernels::kStrip % kStripRows<1> == 0);

// One register tile: MR columns of A from `row` on, by NV vectors.
template <int MR, int NV, class Step, class T>
HWY_INLINE void ContractionTile(const kernels::WeightGradientPanel<T>& p, Index row) {
  const hn::ScalableTag<T> d;
  using V = hn::Vec<decltype(d)>;
  const Index lanes = static_cast<Index>(hn::Lanes(d));
  T* c[NV];
  Index count[NV];
  for (int v = 0; v < NV; ++v) c[v] = p.columns[v].c + row * p.c_stride, count[v] = p.columns[v].count;
  V sum[MR][NV];
  for (int m = 0; m < MR; ++m)
    for (int v = 0; v < NV; ++v) sum[m][v] = hn::Zero(d);
  // What the next tile adds to is far away: it was last touched a block of rows ago.
  if (p.add && row + 2 * MR <= p.M)
    for (int m = 0; m < MR; ++m)
      for (int v = 0; v < NV; ++v) hwy::Prefetch(c[v] + (MR + m) * p.c_stride);
  const T* HWY_RESTRICT b = p.b;
  const T* HWY_RESTRICT a = p.a.at(0, row);
  for (Index k = 0; k < p.K; ++k, b += NV * lanes, a += p.a.row_stride) {
    typename Step::Line line[NV];
    for (int v = 0; v < NV; ++v) line[v] = Step::line(d, b + v * lanes);
    for (int m = 0; m < MR; ++m) {
      const auto left = Step::left(d, a + m, p.a.row_stride / Step::kStep);
      for (int v = 0; v < NV; ++v) sum[m][v] = Step::add(d, left, line[v], sum[m][v]);
    }
  }
  if (p.add)
    for (int m = 0; m < MR; ++m)
      for (int v = 0; v < NV; ++v) sum[m][v] = hn::Add(LoadVector(d, c[v] + m * p.c_stride, count[v]), sum[m][v]);
  for (int m = 0; m < MR; ++m)
    for (int v = 0; v < NV; ++v) StoreVector(sum[m][v], d, c[v] + m * p.c_stride, count[v]);
}

// Columns [m, M) of A in tiles of MR, then in smaller ones.
template <int MR, int NV, class Step, class T>
HWY_INLINE void ContractionTilesOf(const kernels::WeightGradientPanel<T>& p, Index m) {
  for (; m + MR <= p.M; m += MR) ContractionTile<MR, NV, Step>(p, m);
  constexpr int kSmaller = MR / 2;
  if constexpr (MR > 1) ContractionTilesOf<kSmaller, NV, Step>(p, m);
}

template <int NV, class Step, class T>
HWY_NOINLINE void ContractionTiles(const kernels::WeightGradientPanel<T>& p) {
  ContractionTilesOf<kStripRows<NV>, NV, Step>(p, 0);
}

template <class Step, class T>
void ContractionPanel(const kernels::WeightGradientPanel<T>& p) {
  if (p.vectors == 1) ContractionTiles<1, Step>(p);
  if (p.vectors == 2) ContractionTiles<2, Step>(p);
  if (p.vectors == 3) ContractionTiles<3, Step>(p);
  if (p.vectors == 4) ContractionTiles<4, Step>(p);
}

}  // namespace reel::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif  // per-target include guard
