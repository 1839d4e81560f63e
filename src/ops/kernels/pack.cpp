#include <reel/ops/kernels/pack.h>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "reel/ops/kernels/pack.cpp"
#include <hwy/foreach_target.h>  // IWYU pragma: keep

#include <reel/ops/kernels/pack-inl.h>

HWY_BEFORE_NAMESPACE();
namespace reel::HWY_NAMESPACE {

template <class T>
void PackPanels(Index K, Index N, std::span<const kernels::WeightView<T>> groups, T* packed) {
  const Index lanes = static_cast<Index>(hn::Lanes(hn::ScalableTag<T>()));
  const kernels::GemmKernels<T> gemm = kernels::gemm_kernels<T>();
  ForEachPanelVector<T>(N, groups, gemm.panel_vectors, gemm.widest_panel,
                        [&](const kernels::WeightView<T>& w, Index column, Index count, Index first, Index v, Index vectors)
                            HWY_ATTR { PackVector(w, column, count, K, packed + (first * K + v) * lanes, vectors * lanes); });
}

void PackF32(Index K, Index N, std::span<const kernels::WeightView<float>> groups, float* packed) {
  PackPanels<float>(K, N, groups, packed);
}
void PackF64(Index K, Index N, std::span<const kernels::WeightView<double>> groups, double* packed) {
  PackPanels<double>(K, N, groups, packed);
}

}  // namespace reel::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace reel {
HWY_EXPORT(PackF32);
HWY_EXPORT(PackF64);

namespace kernels {

template <>
void pack<float>(Index K, Index N, std::span<const WeightView<float>> groups, float* packed) {
  HWY_DYNAMIC_DISPATCH(PackF32)(K, N, groups, packed);
}
template <>
void pack<double>(Index K, Index N, std::span<const WeightView<double>> groups, double* packed) {
  HWY_DYNAMIC_DISPATCH(PackF64)(K, N, groups, packed);
}

}  // namespace kernels
}  // namespace reel
#endif
