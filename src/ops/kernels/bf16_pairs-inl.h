// Per-target rounding of a product's operands to pairs of bf16: weights, left operands, and the rows of a weight gradient. All
// are padded with zeros to a multiple of k, an even one. Include after hwy/foreach_target.h, inside no namespace.
#include <reel/ops/kernels/bf16-inl.h>
#include <reel/ops/kernels/pack-inl.h>

#if defined(REEL_OPS_KERNELS_BF16_PAIRS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef REEL_OPS_KERNELS_BF16_PAIRS_INL_H_
#undef REEL_OPS_KERNELS_BF16_PAIRS_INL_H_
#else
#define REEL_OPS_KERNELS_BF16_PAIRS_INL_H_
#endif

HWY_BEFORE_NAMESPACE();
namespace reel::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

constexpr Index kStripe = 64;  // of k, packed at once

template <Index kMultiple, Index kPanelMost, Index kPanelWidest>
void PackPairs(Index K, Index N, std::span<const kernels::WeightView<float> > groups, Bf16* packed) {
  static_assert(kStripe % kMultiple == 0);
  const hn::ScalableTag<float> d;
  const Index lanes = static_cast<Index>(hn::Lanes(d)), kept = round_up(K, kMultiple);
  HWY_ALIGN float stripe[kStripe * HWY_MAX_BYTES / sizeof(float)];
  ForEachPanelVector<float>(
      N, groups, kPanelMost, kPanelWidest,
      [&](const kernels::WeightView<float>& w, Index column, Index count, Index first, Index v, Index vectors) HWY_ATTR {
        Bf16* to = packed + first * lanes * kept + v * lanes * 2;
        for (Index k = 0; k < K; k += kStripe) {
          const Index some = std::min(kStripe, K - k), padded = round_up(some, kMultiple);
          PackVector<float>({w.data + k * w.k_stride, w.k_stride, w.n_stride}, column, count, some, stripe, lanes);
          for (Index i = some; i < padded; ++i) hn::Store(hn::Zero(d), d, stripe + i * lanes);
          for (Index i = 0; i < padded; i += 2, to += vectors * lanes * 2)
            hn::StoreU(Paired(d, hn::Load(d, stripe + i * lanes), hn::Load(d, stripe + (i + 1) * lanes)),
                       hn::RebindToUnsigned<decltype(d)>(), reinterpret_cast<std::uint32_t*>(to));
        }
      });
}

template <Index kMultiple>
void RoundRow(const float* x, Bf16* y, Index n) {
  const hn::ScalableTag<float> d;
  const Index lanes = static_cast<Index>(hn::Lanes(d));
  const hn::Rebind<std::uint16_t, decltype(d)> halves;
  Index i = 0;
  for (; i + lanes <= n; i += lanes)
    hn::StoreU(hn::TruncateTo(halves, hn::ShiftRight<16>(RoundedBits(d, hn::LoadU(d, x + i)))), halves,
               reinterpret_cast<std::uint16_t*>(y + i));
  for (; i < n; ++i) y[i] = to_bf16(x[i]);
  for (const Index end = round_up(n, kMultiple); i < end; ++i) y[i] = Bf16();
}

// The same, in floats.
template <Index kMultiple>
void RoundRowInFloat(const float* x, float* y, Index n) {
  const hn::ScalableTag<float> d;
  const Index lanes = static_cast<Index>(hn::Lanes(d));
  Index i = 0;
  for (; i + lanes <= n; i += lanes) hn::StoreU(hn::BitCast(d, RoundedBits(d, hn::LoadU(d, x + i))), d, y + i);
  for (; i < n; ++i) y[i] = from_bf16(to_bf16(x[i]));
  for (const Index end = round_up(n, kMultiple); i < end; ++i) y[i] = 0;
}

// Rounds K rows in place, and pads them with rows of zeros.
template <Index kMultiple>
void RoundRows(Index K, Index width, float* block, Index stride) {
  for (Index k = 0; k < K; ++k) RoundRowInFloat<1>(block + k * stride, block + k * stride, width);
  for (Index k = K, end = round_up(K, kMultiple); k < end; ++k) std::fill_n(block + k * stride, width, 0.f);
}

template <Index kMultiple>
void PairRows(Index K, Index width, float* block, Index stride) {
  const hn::ScalableTag<float> d;
  const Index lanes = static_cast<Index>(hn::Lanes(d));
  for (Index k = 0, end = round_up(K, kMultiple); k < end; k += 2)
    for (Index n = 0; n < width; n += lanes) {
      const float* from = block + k * stride + n;
      const Index count = std::min(lanes, width - n);
      const auto first = k < K ? LoadEdge(d, from, count) : hn::Zero(d),
                 second = k + 1 < K ? LoadEdge(d, from + stride, count) : hn::Zero(d);
      StoreEdge(hn::BitCast(d, Paired(d, first, second)), d, block + k / 2 * stride + n, count);
    }
}

}  // namespace reel::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif  // per-target include guard
