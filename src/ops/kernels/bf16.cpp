#include <reel/ops/kernels/bf16.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <limits>
#include <vector>

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
kernels::Bf16WeightsKernels WeightsBf16();
bool MayHaveDot();
}  // namespace REEL_SAME_TARGET
namespace HWY_NAMESPACE {
kernels::Bf16Kernels MultiplyAddBf16() { return REEL_SAME_TARGET::MultiplyAddBf16(); }
kernels::Bf16Kernels DotBf16() { return REEL_SAME_TARGET::DotBf16(); }
kernels::Bf16WeightsKernels WeightsBf16() { return REEL_SAME_TARGET::WeightsBf16(); }
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

struct Both {
  hn::Vec<F> first, second;
  HWY_INLINE Both() {}  // written out, to be of this target
  HWY_INLINE Both(hn::Vec<F> first, hn::Vec<F> second) : first(first), second(second) {}
};

// Pairs by two multiply-adds; the left operands are floats.
struct Bf16WeightsStep {
  using Types = kernels::Bf16Weights;
  using Line = Both;
  static constexpr Index kStep = 2;
  template <class P>
  static HWY_INLINE Line line(F, const P* b) {
    const hn::Vec<U> pairs = LoadPairs(b);
    return {FirstOf(F(), pairs), SecondOf(F(), pairs)};
  }
  static HWY_INLINE Both left(F, const float* a, Index next = 1) { return {hn::Set(F(), a[0]), hn::Set(F(), a[next])}; }
  static HWY_INLINE hn::Vec<F> add(F, const Both& left, const Both& line, hn::Vec<F> sum) {
    return hn::MulAdd(left.first, line.first, hn::MulAdd(left.second, line.second, sum));
  }
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
  static HWY_INLINE Line left(F, const void* a, Index /*next*/ = 1) {
    std::uint32_t pair;
    std::memcpy(&pair, a, sizeof pair);
    return hn::Set(U(), pair);
  }
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
kernels::PairedRows RoundLeft(Index K, Index width, float* block, Index stride) {
  RoundRows<kMultiple>(K, width, block, stride);
  return {block, stride * kMultiple};
}

kernels::Bf16Kernels MultiplyAddBf16() {
  return {LanesOf<float>(),
          kVectors,
          kMostVectors,
          kMultiple,
          nullptr,
          &PackPairs<kMultiple, kVectors, kMostVectors>,
          nullptr,
          &RoundLeft,
          &PairRows<kMultiple>,
          &ContractionPanel<Bf16WeightsStep, float>};
}
#if REEL_TARGET_MAY_HAVE_BF16_DOT
kernels::Bf16Kernels DotBf16() {
  kernels::Bf16Kernels kernels = MultiplyAddBf16();
  kernels.products = &Products<Bf16DotStep>;
  kernels.round = &RoundRow<kMultiple>;
  kernels.pair_left = &PairLeft;
  kernels.weight_gradient_panel = &ContractionPanel<Bf16DotStep, float>;
  return kernels;
}
#else
kernels::Bf16Kernels DotBf16() { return MultiplyAddBf16(); }
#endif
kernels::Bf16WeightsKernels WeightsBf16() { return {&Products<Bf16WeightsStep>, &RoundRowInFloat<kMultiple>}; }
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
namespace {

// Seconds of a product of 8 rows, in the L1 cache.
template <class Types>
double seconds_of(Bf16Products<Types> products, const Bf16Kernels& kernels) {
  using Clock = std::chrono::steady_clock;
  constexpr Index kRows = 8, kK = 128, kMemory = 16;
  const Index N = kernels.lanes * kernels.panel_vectors;
  const std::vector<typename Types::Left> left(static_cast<std::size_t>(kMemory * kK));
  const std::vector<Bf16> packed(static_cast<std::size_t>(kK * N));
  std::vector<float> y(static_cast<std::size_t>(kRows * N));
  const RowRun<const typename Types::Left> x_run{left.data(), kK};
  const RowRun<float> y_run{y.data(), N};
  const TermOf<Types> term{&x_run, packed.data(), kK};
  const ProductGroup<float> group{nullptr, &y_run};
  double least = std::numeric_limits<double>::infinity();
  for (int i = 0; i < 10; ++i) {
    const auto start = Clock::now();
    for (int j = 0; j < 4; ++j) products(1, kRows, N, std::span(&term, 1), std::span(&group, 1), {});
    least = std::min(least, std::chrono::duration<double>(Clock::now() - start).count());
  }
  return least;
}

// A Xeon (Emerald Rapids) has the instruction at half the FLOP of a multiply-add: it takes 1.6 of their time there (bench_rnn
// lstm_b64, infer_bf16_ms, with each). On Zen 4 it is 1.8 times as fast as products in float.
bool dot_is_faster() {
  static const bool faster = [] {
    const Bf16Kernels kernels = HWY_DYNAMIC_DISPATCH(DotBf16)();
    return seconds_of(kernels.products, kernels) < seconds_of(bf16_weights_kernels().products, kernels);
  }();
  return faster;
}

}  // namespace

bool has_bf16_dot() {
#if HWY_ARCH_X86
  return HWY_DYNAMIC_DISPATCH(MayHaveDot)() && __builtin_cpu_supports("avx512bf16");
#else
  return false;
#endif
}

Bf16Path bf16_path(Precision products) {
  if (products == Precision::bf16_emulated_tiles) return Bf16Path::emulated_tiles;
  if (products != Precision::bf16) return Bf16Path::multiply_adds;
  if (bf16_tile_support() == TileSupport::granted) return Bf16Path::tiles;
  return has_bf16_dot() && dot_is_faster() ? Bf16Path::dot : Bf16Path::multiply_adds;
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

Bf16WeightsKernels bf16_weights_kernels() { return HWY_DYNAMIC_DISPATCH(WeightsBf16)(); }

}  // namespace kernels
}  // namespace reel
#endif
