#include <reel/ops/kernels/bf16.h>

#include <cstring>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "reel/ops/kernels/bf16.cpp"
#include <hwy/foreach_target.h>  // IWYU pragma: keep

#include <reel/ops/kernels/bf16-inl.h>
#include <reel/ops/kernels/pack-inl.h>
#include <reel/ops/kernels/products-inl.h>
#include <reel/ops/kernels/same_target-inl.h>
#include <reel/ops/kernels/weight_gradient-inl.h>

#ifdef REEL_SAME_TARGET
namespace reel {
namespace REEL_SAME_TARGET {
kernels::Bf16Kernels PortableBf16();
kernels::Bf16Kernels DotBf16();
bool MayHaveDot();
}  // namespace REEL_SAME_TARGET
namespace HWY_NAMESPACE {
kernels::Bf16Kernels PortableBf16() { return REEL_SAME_TARGET::PortableBf16(); }
kernels::Bf16Kernels DotBf16() { return REEL_SAME_TARGET::DotBf16(); }
bool MayHaveDot() { return REEL_SAME_TARGET::MayHaveDot(); }
}  // namespace HWY_NAMESPACE
}  // namespace reel
#else
HWY_BEFORE_NAMESPACE();
namespace reel::HWY_NAMESPACE {

using F = hn::ScalableTag<float>;
using U = hn::ScalableTag<std::uint32_t>;

// A vector of pairs.
template <class P>
HWY_INLINE hn::Vec<U> LoadPairs(const P* from) {
  return hn::LoadU(U(), reinterpret_cast<const std::uint32_t*>(from));
}
// One pair, in all lanes.
HWY_INLINE hn::Vec<U> SetPair(const void* from) {
  std::uint32_t pair;
  std::memcpy(&pair, from, sizeof pair);
  return hn::Set(U(), pair);
}

struct Both {
  hn::Vec<F> first, second;
  HWY_INLINE Both() {}  // written out, to be of this target
  HWY_INLINE Both(hn::Vec<F> first, hn::Vec<F> second) : first(first), second(second) {}
};
HWY_INLINE Both BothOf(hn::Vec<U> pairs) { return {FirstOf(F(), pairs), SecondOf(F(), pairs)}; }

// Pairs by two multiply-adds.
struct Bf16PairsStep {
  using Types = kernels::Bf16Operands;
  using Line = Both;
  static constexpr Index kStep = 2;
  template <class P>
  static HWY_INLINE Line line(F, const P* b) {
    return BothOf(LoadPairs(b));
  }
  static HWY_INLINE Both left(F, const void* a) { return BothOf(SetPair(a)); }
  static HWY_INLINE hn::Vec<F> add(F, const Both& left, const Both& line, hn::Vec<F> sum) {
    return hn::MulAdd(left.first, line.first, hn::MulAdd(left.second, line.second, sum));
  }
};

struct Bf16WeightsStep : Bf16PairsStep {
  using Types = kernels::Bf16Weights;
  static HWY_INLINE Both left(F, const float* a) { return {hn::Set(F(), a[0]), hn::Set(F(), a[1])}; }
};

#if REEL_TARGET_MAY_HAVE_BF16_DOT
struct Bf16DotStep {
  using Types = kernels::Bf16Operands;
  using Line = hn::Vec<U>;
  static constexpr Index kStep = 2;
  template <class P>
  static HWY_INLINE Line line(F, const P* b) {
    return LoadPairs(b);
  }
  static HWY_INLINE Line left(F, const void* a) { return SetPair(a); }
  static HWY_INLINE hn::Vec<F> add(F, Line left, Line line, hn::Vec<F> sum) {
    return hn::Vec<F>{Bf16Dot(sum.raw, left.raw, line.raw)};
  }
};
#endif

constexpr Index kStripe = 64;  // of k, packed at once

void PackPairs(Index K, Index N, std::span<const kernels::WeightView<float> > groups, Bf16* packed) {
  const F d;
  const Index lanes = static_cast<Index>(hn::Lanes(d)), even = round_up(K, 2);
  HWY_ALIGN float stripe[kStripe * HWY_MAX_BYTES / sizeof(float)];
  ForEachPanelVector<float>(
      N, groups,
      [&](const kernels::WeightView<float>& w, Index column, Index count, Index first, Index v, Index vectors) HWY_ATTR {
        Bf16* to = packed + first * lanes * even + v * lanes * 2;
        for (Index k = 0; k < K; k += kStripe) {
          const Index some = std::min(kStripe, K - k);
          PackVector<float>({w.data + k * w.k_stride, w.k_stride, w.n_stride}, column, count, some, stripe, lanes);
          if (some % 2 == 1) hn::Store(hn::Zero(d), d, stripe + some * lanes);
          for (Index i = 0; i < some; i += 2, to += vectors * lanes * 2)
            hn::StoreU(Paired(d, hn::Load(d, stripe + i * lanes), hn::Load(d, stripe + (i + 1) * lanes)), U(),
                       reinterpret_cast<std::uint32_t*>(to));
        }
      });
}

void RoundRow(const float* x, Bf16* y, Index n) {
  const F d;
  const Index lanes = static_cast<Index>(hn::Lanes(d));
  const hn::Rebind<std::uint16_t, F> halves;
  Index i = 0;
  for (; i + lanes <= n; i += lanes)
    hn::StoreU(hn::TruncateTo(halves, hn::ShiftRight<16>(RoundedBits(d, hn::LoadU(d, x + i)))), halves,
               reinterpret_cast<std::uint16_t*>(y + i));
  for (; i < n; ++i) y[i] = to_bf16(x[i]);
  if (n % 2 == 1) y[n] = Bf16();
}

void PairRows(Index K, Index width, float* block, Index stride) {
  const F d;
  const Index lanes = static_cast<Index>(hn::Lanes(d));
  for (Index k = 0; k < K; k += 2)
    for (Index n = 0; n < width; n += lanes) {
      const float* from = block + k * stride + n;
      const Index count = std::min(lanes, width - n);
      const auto first = LoadEdge(d, from, count), second = k + 1 < K ? LoadEdge(d, from + stride, count) : hn::Zero(d);
      StoreEdge(hn::BitCast(d, Paired(d, first, second)), d, block + k / 2 * stride + n, count);
    }
}

template <class Step>
kernels::Bf16Kernels KernelsOf() {
  return {&Products<Step>, &Products<Bf16WeightsStep>, &PackPairs, &RoundRow, &PairRows, &ContractionPanel<Step, float>};
}
kernels::Bf16Kernels PortableBf16() { return KernelsOf<Bf16PairsStep>(); }
#if REEL_TARGET_MAY_HAVE_BF16_DOT
kernels::Bf16Kernels DotBf16() { return KernelsOf<Bf16DotStep>(); }
#else
kernels::Bf16Kernels DotBf16() { return PortableBf16(); }
#endif
bool MayHaveDot() { return REEL_TARGET_MAY_HAVE_BF16_DOT; }

}  // namespace reel::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif

#if HWY_ONCE
namespace reel {
HWY_EXPORT(PortableBf16);
HWY_EXPORT(DotBf16);
HWY_EXPORT(MayHaveDot);

namespace kernels {

Bf16Path bf16_path([[maybe_unused]] Precision products) {
#if HWY_ARCH_X86
  if (products == Precision::bf16 && HWY_DYNAMIC_DISPATCH(MayHaveDot)() && __builtin_cpu_supports("avx512bf16"))
    return Bf16Path::dot;
#endif
  return Bf16Path::portable;
}

const char* bf16_path_name(Bf16Path path) { return path == Bf16Path::dot ? "AVX512-BF16" : "bf16 by multiply-adds"; }

Bf16Kernels bf16_kernels(Bf16Path path) {
  return path == Bf16Path::dot ? HWY_DYNAMIC_DISPATCH(DotBf16)() : HWY_DYNAMIC_DISPATCH(PortableBf16)();
}

}  // namespace kernels
}  // namespace reel
#endif
