// Per-target pieces of the matrix kernels: the size of a register tile, and vectors of which only a part is in memory.
// Include after hwy/foreach_target.h, inside no namespace.
#include <algorithm>

#include <hwy/cache_control.h>
#include <hwy/highway.h>

#include <reel/graph/kernels/tile-inl.h>

#if defined(REEL_OPS_KERNELS_REGISTER_TILE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef REEL_OPS_KERNELS_REGISTER_TILE_INL_H_
#undef REEL_OPS_KERNELS_REGISTER_TILE_INL_H_
#else
#define REEL_OPS_KERNELS_REGISTER_TILE_INL_H_
#endif

HWY_BEFORE_NAMESPACE();
namespace reel::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Rows of a register tile of NV vectors: what keeps accumulators, one row of B and a broadcast in registers, of which there are
// 32 or 16, and has chains enough to hide the latency of a multiply-add.
#if HWY_TARGET <= HWY_AVX3
template <int NV>
constexpr int kTileRows = NV == 4   ? 6
                          : NV == 3 ? 8
                                    : 12;
#else
template <int NV>
constexpr int kTileRows = NV == 2 ? 6 : 12;
#endif
constexpr int kMostRows = 12;

template <bool kWhole, class D, class T>
HWY_INLINE hn::Vec<D> LoadVector(D d, const T* from, Index count) {
  if (kWhole || count == static_cast<Index>(hn::Lanes(d))) return hn::LoadU(d, from);
  return LoadEdge(d, from, count);
}

template <bool kWhole, class D, class T>
HWY_INLINE void StoreVector(hn::Vec<D> v, D d, T* to, Index count) {
  if (kWhole || count == static_cast<Index>(hn::Lanes(d)))
    hn::StoreU(v, d, to);
  else
    StoreEdge(v, d, to, count);
}

}  // namespace reel::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif  // per-target include guard
