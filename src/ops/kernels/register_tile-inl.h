// Per-target pieces of the matrix kernels: how many registers there are, and vectors of which only a part is in memory.
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

// Whether there are 32 vector registers, and not 16.
constexpr bool kManyRegisters = HWY_TARGET <= HWY_AVX3 || HWY_ARCH_ARM_A64;

// Whether whole vectors are told from edges by a branch; where stores take a mask at no cost, all do.
constexpr bool kBranchesForEdges = HWY_TARGET > HWY_AVX3;

// The first `count` elements, which may be all.
template <class D, class T>
HWY_INLINE hn::Vec<D> LoadVector(D d, const T* from, Index count) {
  if (kBranchesForEdges && count == static_cast<Index>(hn::Lanes(d))) return hn::LoadU(d, from);
  return LoadEdge(d, from, count);
}

template <class D, class T>
HWY_INLINE void StoreVector(hn::Vec<D> v, D d, T* to, Index count) {
  if (kBranchesForEdges && count == static_cast<Index>(hn::Lanes(d)))
    hn::StoreU(v, d, to);
  else
    StoreEdge(v, d, to, count);
}

}  // namespace reel::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif  // per-target include guard
