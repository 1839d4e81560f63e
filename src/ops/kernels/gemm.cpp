#include <reel/ops/kernels/gemm.h>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "reel/ops/kernels/gemm.cpp"
#include <hwy/foreach_target.h>  // IWYU pragma: keep

#include <reel/ops/kernels/products-inl.h>
#include <reel/ops/kernels/same_target-inl.h>

#ifdef REEL_SAME_TARGET
namespace reel {
namespace REEL_SAME_TARGET {
kernels::GemmKernels<float> GemmF32();
kernels::GemmKernels<double> GemmF64();
}  // namespace REEL_SAME_TARGET
namespace HWY_NAMESPACE {
kernels::GemmKernels<float> GemmF32() { return REEL_SAME_TARGET::GemmF32(); }
kernels::GemmKernels<double> GemmF64() { return REEL_SAME_TARGET::GemmF64(); }
}  // namespace HWY_NAMESPACE
}  // namespace reel
#else
HWY_BEFORE_NAMESPACE();
namespace reel::HWY_NAMESPACE {

kernels::GemmKernels<float> GemmF32() {
  const Index lanes = static_cast<Index>(hn::Lanes(hn::ScalableTag<float>()));
  return {lanes, kVectors, kMostVectors, &Products<UniformStep<float> >};
}
kernels::GemmKernels<double> GemmF64() {
  const Index lanes = static_cast<Index>(hn::Lanes(hn::ScalableTag<double>()));
  return {lanes, kVectors, kMostVectors, &Products<UniformStep<double> >};
}

}  // namespace reel::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif

#if HWY_ONCE
namespace reel {
HWY_EXPORT(GemmF32);
HWY_EXPORT(GemmF64);

namespace kernels {

template <>
GemmKernels<float> gemm_kernels<float>() {
  return HWY_DYNAMIC_DISPATCH(GemmF32)();
}
template <>
GemmKernels<double> gemm_kernels<double>() {
  return HWY_DYNAMIC_DISPATCH(GemmF64)();
}

}  // namespace kernels
}  // namespace reel
#endif
