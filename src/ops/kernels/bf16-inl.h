// Per-target bf16: rounding, pairs of rows, and the multiply-adds of pairs. Include after hwy/foreach_target.h, inside no
// namespace.
//
// A pair holds two neighbours along k, the first in the lower half of 32 bits. Its two products are added one after the other,
// the second first, each by a fused multiply-add in float: what the instruction VDPBF16PS does, bit for bit, with denormals as
// zeros.
#include <reel/graph/bf16.h>
#include <reel/graph/kernels/tile-inl.h>

#if defined(REEL_OPS_KERNELS_BF16_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef REEL_OPS_KERNELS_BF16_INL_H_
#undef REEL_OPS_KERNELS_BF16_INL_H_
#else
#define REEL_OPS_KERNELS_BF16_INL_H_
#endif

HWY_BEFORE_NAMESPACE();
namespace reel::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Whether this target has registers that VDPBF16PS works on; the processor may lack it still.
#undef REEL_TARGET_MAY_HAVE_BF16_DOT
#if HWY_TARGET <= HWY_AVX3 && HWY_ARCH_X86
#define REEL_TARGET_MAY_HAVE_BF16_DOT 1
#else
#define REEL_TARGET_MAY_HAVE_BF16_DOT 0
#endif

// The bits of floats rounded to bf16, in the upper halves; the lower ones are zero.
template <class D>
HWY_INLINE hn::Vec<hn::RebindToUnsigned<D>> RoundedBits(D, hn::Vec<D> x) {
  const hn::RebindToUnsigned<D> du;
  const auto bits = hn::BitCast(du, x), upper = hn::Set(du, 0xFFFF0000u);
  const auto odd = hn::And(hn::ShiftRight<16>(bits), hn::Set(du, 1u));
  const auto rounded = hn::And(hn::Add(bits, hn::Add(hn::Set(du, 0x7FFFu), odd)), upper);
  const auto quiet = hn::And(hn::Or(bits, hn::Set(du, 0x400000u)), upper);
  return hn::IfThenElse(hn::RebindMask(du, hn::Eq(x, x)), rounded, quiet);
}

// Pairs of the elements of two rows.
template <class D>
HWY_INLINE hn::Vec<hn::RebindToUnsigned<D>> Paired(D d, hn::Vec<D> first, hn::Vec<D> second) {
  return hn::Or(hn::ShiftRight<16>(RoundedBits(d, first)), RoundedBits(d, second));
}

// Floats of a vector of pairs: of their first, and of their second elements.
template <class D>
HWY_INLINE hn::Vec<D> FirstOf(D d, hn::Vec<hn::RebindToUnsigned<D>> pairs) {
  return hn::BitCast(d, hn::ShiftLeft<16>(pairs));
}
template <class D>
HWY_INLINE hn::Vec<D> SecondOf(D d, hn::Vec<hn::RebindToUnsigned<D>> pairs) {
  const hn::RebindToUnsigned<D> du;
  return hn::BitCast(d, hn::And(pairs, hn::Set(du, 0xFFFF0000u)));
}

#if REEL_TARGET_MAY_HAVE_BF16_DOT
// sum + the products of pairs. By name of the instruction, so that it needs no more of the compiler than AVX-512.
HWY_INLINE __m512 Bf16Dot(__m512 sum, __m512i a, __m512i b) {
  asm("vdpbf16ps %2, %1, %0" : "+v"(sum) : "v"(a), "v"(b));
  return sum;
}
#endif

}  // namespace reel::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif  // per-target include guard
