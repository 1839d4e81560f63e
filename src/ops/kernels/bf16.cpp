#include <reel/ops/kernels/bf16.h>

#include <cstring>

#include <fmt/format.h>

#include <reel/ops/kernels/bf16_tiles.h>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "reel/ops/kernels/bf16.cpp"
#include <hwy/foreach_target.h>  // IWYU pragma: keep

#include <reel/ops/kernels/bf16-inl.h>
#include <reel/ops/kernels/bf16_pairs-inl.h>
#include <reel/ops/kernels/products-inl.h>
#include <reel/ops/kernels/same_target-inl.h>
#include <reel/ops/kernels/weight_gradient-inl.h>

#ifdef REEL_SAME_TARGET
namespace reel {
namespace REEL_SAME_TARGET {
kernels::Bf16Kernels MultiplyAddBf16();
kernels::Bf16Kernels DotBf16();
kernels::Bf16Products<kernels::Bf16Weights> WeightsBf16();
bool MayHaveDot();
}  // namespace REEL_SAME_TARGET
namespace HWY_NAMESPACE {
kernels::Bf16Kernels MultiplyAddBf16() { return REEL_SAME_TARGET::MultiplyAddBf16(); }
kernels::Bf16Kernels DotBf16() { return REEL_SAME_TARGET::DotBf16(); }
kernels::Bf16Products<kernels::Bf16Weights> WeightsBf16() { return REEL_SAME_TARGET::WeightsBf16(); }
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

constexpr Index kMultiple = 2;

kernels::PairedRows PairLeft(Index K, Index width, float* block, Index stride) {
  PairRows<kMultiple>(K, width, block, stride);
  return {block, stride};
}

template <class Step>
kernels::Bf16Kernels KernelsOf() {
  return {LanesOf<float>(),     kVectors,
          kMostVectors,         kMultiple,
          &Products<Step>,      &PackPairs<kMultiple, kVectors, kMostVectors>,
          &RoundRow<kMultiple>, &PairLeft,
          &PairRows<kMultiple>, &ContractionPanel<Step, float>};
}
kernels::Bf16Kernels MultiplyAddBf16() { return KernelsOf<Bf16PairsStep>(); }
#if REEL_TARGET_MAY_HAVE_BF16_DOT
kernels::Bf16Kernels DotBf16() { return KernelsOf<Bf16DotStep>(); }
#else
kernels::Bf16Kernels DotBf16() { return MultiplyAddBf16(); }
#endif
kernels::Bf16Products<kernels::Bf16Weights> WeightsBf16() { return &Products<Bf16WeightsStep>; }
bool MayHaveDot() { return REEL_TARGET_MAY_HAVE_BF16_DOT; }

}  // namespace reel::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif

#if HWY_ONCE
namespace reel {
HWY_EXPORT(MultiplyAddBf16);
HWY_EXPORT(DotBf16);
HWY_EXPORT(WeightsBf16);
HWY_EXPORT(MayHaveDot);

namespace kernels {

Bf16Path bf16_path(Precision products) {
  if (products == Precision::bf16_emulated_tiles) return Bf16Path::emulated_tiles;
  if (products != Precision::bf16) return Bf16Path::multiply_adds;
  if (bf16_tile_support() == TileSupport::granted) return Bf16Path::tiles;
#if HWY_ARCH_X86
  if (HWY_DYNAMIC_DISPATCH(MayHaveDot)() && __builtin_cpu_supports("avx512bf16")) return Bf16Path::dot;
#endif
  return Bf16Path::multiply_adds;
}

std::string bf16_path_name(Precision products) {
  const bool refused = products == Precision::bf16 && bf16_tile_support() == TileSupport::refused;
  const auto name = [&] {
    switch (bf16_path(products)) {
      case Bf16Path::tiles:
        return "AMX-BF16";
      case Bf16Path::emulated_tiles:
        return "AMX-BF16 emulated";
      case Bf16Path::dot:
        return "AVX512-BF16";
      case Bf16Path::multiply_adds:
        break;
    }
    return "bf16 by multiply-adds";
  };
  return fmt::format("{}{}", name(), refused ? " (the system refuses AMX)" : "");
}

Bf16Kernels bf16_kernels(Bf16Path path) {
  if (path == Bf16Path::tiles || path == Bf16Path::emulated_tiles) return bf16_tile_kernels(path == Bf16Path::emulated_tiles);
  return path == Bf16Path::dot ? HWY_DYNAMIC_DISPATCH(DotBf16)() : HWY_DYNAMIC_DISPATCH(MultiplyAddBf16)();
}

Bf16Products<Bf16Weights> bf16_weights_products() { return HWY_DYNAMIC_DISPATCH(WeightsBf16)(); }

}  // namespace kernels
}  // namespace reel
#endif
