// Per-target packing of weights, a vector's columns at a time. Include after hwy/foreach_target.h, inside no namespace.
#include <algorithm>

#include <reel/ops/kernels/gemm.h>
#include <reel/ops/kernels/pack.h>
#include <reel/ops/kernels/register_tile-inl.h>

#if defined(REEL_OPS_KERNELS_PACK_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef REEL_OPS_KERNELS_PACK_INL_H_
#undef REEL_OPS_KERNELS_PACK_INL_H_
#else
#define REEL_OPS_KERNELS_PACK_INL_H_
#endif

HWY_BEFORE_NAMESPACE();
namespace reel::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Writes the transpose of kBlock<T> rows, `stride` apart, of as many elements each.
#if HWY_TARGET == HWY_SCALAR
template <class T>
constexpr Index kBlock = 1;

template <class T>
HWY_INLINE void TransposeBlock(const T* from, Index, T* to, Index) {
  *to = *from;
}
#else
template <class T>
constexpr Index kBlock = 16 / sizeof(T);

HWY_INLINE void TransposeBlock(const float* from, Index stride, float* to, Index to_stride) {
  const hn::FixedTag<float, 4> d;
  const auto a = hn::LoadU(d, from), b = hn::LoadU(d, from + stride), c = hn::LoadU(d, from + 2 * stride),
             e = hn::LoadU(d, from + 3 * stride);
  const auto ab_low = hn::InterleaveLower(d, a, b), ab_high = hn::InterleaveUpper(d, a, b);
  const auto ce_low = hn::InterleaveLower(d, c, e), ce_high = hn::InterleaveUpper(d, c, e);
  hn::StoreU(hn::ConcatLowerLower(d, ce_low, ab_low), d, to);
  hn::StoreU(hn::ConcatUpperUpper(d, ce_low, ab_low), d, to + to_stride);
  hn::StoreU(hn::ConcatLowerLower(d, ce_high, ab_high), d, to + 2 * to_stride);
  hn::StoreU(hn::ConcatUpperUpper(d, ce_high, ab_high), d, to + 3 * to_stride);
}
HWY_INLINE void TransposeBlock(const double* from, Index stride, double* to, Index to_stride) {
  const hn::FixedTag<double, 2> d;
  const auto a = hn::LoadU(d, from), b = hn::LoadU(d, from + stride);
  hn::StoreU(hn::InterleaveLower(d, a, b), d, to);
  hn::StoreU(hn::InterleaveUpper(d, a, b), d, to + to_stride);
}
#endif

// One vector of a panel: columns [column, column + count) of a weight, for all k.
template <class T>
void PackVector(const kernels::WeightView<T>& w, Index column, Index count, Index K, T* to, Index to_stride) {
  const hn::ScalableTag<T> d;
  const Index lanes = static_cast<Index>(hn::Lanes(d));
  const T* from = w.data + column * w.n_stride;
  if (w.n_stride == 1) {
    for (Index k = 0; k < K; ++k, from += w.k_stride, to += to_stride)
      hn::StoreU(count == lanes ? hn::LoadU(d, from) : LoadEdge(d, from, count), d, to);
    return;
  }
  Index k = 0;
  const Index blocks = w.k_stride == 1 ? count / kBlock<T> * kBlock<T> : 0;
  for (; k + kBlock<T> <= K; k += kBlock<T>)
    for (Index n = 0; n < blocks; n += kBlock<T>)
      TransposeBlock(from + k + n * w.n_stride, w.n_stride, to + k * to_stride + n, to_stride);
  for (Index r = 0; r < K; ++r)
    for (Index n = r < k ? blocks : 0; n < lanes; ++n)
      to[r * to_stride + n] = n < count ? from[r * w.k_stride + n * w.n_stride] : T{};
}

// f(weight, its first column, how many, the panel's first vector, this vector's number in it, the panel's vectors) for every
// vector of a packed weight. Panels have `most` vectors, a last one maybe `widest`.
template <class T, class F>
HWY_INLINE void ForEachPanelVector(Index N, std::span<const kernels::WeightView<T>> groups, Index most, Index widest, F f) {
  const Index lanes = static_cast<Index>(hn::Lanes(hn::ScalableTag<T>()));
  const Index each = ceil_div(N, lanes), total = each * static_cast<Index>(groups.size());
  const kernels::Panels panels(total, most, widest);
  for (Index first = 0, vectors = 0; first < total; first += vectors) {
    vectors = panels.vectors_of(first);
    for (Index v = 0; v < vectors; ++v) {
      const Index column = (first + v) % each * lanes;
      f(groups[static_cast<std::size_t>((first + v) / each)], column, std::min(lanes, N - column), first, v, vectors);
    }
  }
}

}  // namespace reel::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif  // per-target include guard
