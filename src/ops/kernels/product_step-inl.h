// Per-target steps of a product: what a few neighbours along k of one row and of a vector's columns add to a sum. A step's Types
// say what lies in memory; kStep is how many neighbours it takes, `next` apart on the left. Include after hwy/foreach_target.h,
// inside no namespace.
#include <span>

#include <hwy/highway.h>

#include <reel/ops/kernels/gemm.h>

#if defined(REEL_OPS_KERNELS_PRODUCT_STEP_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef REEL_OPS_KERNELS_PRODUCT_STEP_INL_H_
#undef REEL_OPS_KERNELS_PRODUCT_STEP_INL_H_
#else
#define REEL_OPS_KERNELS_PRODUCT_STEP_INL_H_
#endif

HWY_BEFORE_NAMESPACE();
namespace reel::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

template <class Step>
using SumOf = typename Step::Types::Sum;
template <class Step>
using TermsOf = std::span<const kernels::TermOf<typename Step::Types>>;

// One multiply-add.
template <class T>
struct UniformStep {
  using Types = kernels::Uniform<T>;
  using D = hn::ScalableTag<T>;
  using Line = hn::Vec<D>;
  static constexpr Index kStep = 1;
  static HWY_INLINE Line line(D d, const T* b) { return hn::LoadU(d, b); }
  static HWY_INLINE Line left(D d, const T* a, Index /*next*/ = 1) { return hn::Set(d, *a); }
  static HWY_INLINE Line add(D, Line left, Line line, Line sum) { return hn::MulAdd(left, line, sum); }
};

}  // namespace reel::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif  // per-target include guard
