// Per-target helpers for elementwise tiles: run a vector function over n elements, tails on padding.
// Include after hwy/foreach_target.h, inside no namespace. A function is a struct with
//   template <class D, class V> static V apply(D d, V x, ...);
#include <algorithm>

#include <hwy/highway.h>

#include <reel/graph/op.h>

#if defined(REEL_GRAPH_KERNELS_TILE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef REEL_GRAPH_KERNELS_TILE_INL_H_
#undef REEL_GRAPH_KERNELS_TILE_INL_H_
#else
#define REEL_GRAPH_KERNELS_TILE_INL_H_
#endif

HWY_BEFORE_NAMESPACE();
namespace reel::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// A vector of which only the first `count` elements are in memory; the others are zero.
template <class D, class T>
HWY_INLINE hn::Vec<D> LoadEdge(D d, const T* from, Index count) {
#if HWY_TARGET <= HWY_AVX2
  return hn::MaskedLoad(hn::FirstN(d, static_cast<std::size_t>(count)), d, from);
#else
  HWY_ALIGN T padded[HWY_MAX_BYTES / sizeof(T)] = {};
  std::copy_n(from, count, padded);
  return hn::Load(d, padded);
#endif
}

template <class D, class T>
HWY_INLINE void StoreEdge(hn::Vec<D> v, D d, T* to, Index count) {
#if HWY_TARGET <= HWY_AVX2
  hn::BlendedStore(v, hn::FirstN(d, static_cast<std::size_t>(count)), d, to);
#else
  HWY_ALIGN T padded[HWY_MAX_BYTES / sizeof(T)];
  hn::Store(v, d, padded);
  std::copy_n(padded, count, to);
#endif
}

// y = f(d, x...) for the vectors of n elements of each; y may be one of them.
template <class T, class F, class... X>
HWY_INLINE void MapRow(Index n, T* y, F f, const X*... x) {
  const hn::ScalableTag<T> d;
  const Index lanes = static_cast<Index>(hn::Lanes(d));
  Index i = 0;
  for (; i + lanes <= n; i += lanes) hn::StoreU(f(d, hn::LoadU(d, x + i)...), d, y + i);
  if (i < n) StoreEdge(f(d, LoadEdge(d, x + i, n - i)...), d, y + i, n - i);
}

template <class F, class T, int... I>
HWY_INLINE void RunTile(const T* const* x, T* y, Index n, std::integer_sequence<int, I...>) {
  MapRow<T>(
      n, y, [](auto d, auto... v) HWY_ATTR { return F::apply(d, v...); }, x[I]...);
}

template <class F, int kArity, class T>
void TileOf(const T* const* x, T* y, Index n) {
  RunTile<F, T>(x, y, n, std::make_integer_sequence<int, kArity>());
}

template <class F, int kArity>
Tiles MakeTiles() {
  return {&TileOf<F, kArity, float>, &TileOf<F, kArity, double>};
}

}  // namespace reel::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif  // per-target include guard
