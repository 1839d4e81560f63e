#include <reel/ops/kernels/gemm.h>

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "reel/ops/kernels/gemm.cpp"
#include <hwy/foreach_target.h>  // IWYU pragma: keep

#include <reel/ops/kernels/register_tile-inl.h>

HWY_BEFORE_NAMESPACE();
namespace reel::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

constexpr Index kBlockK = 512;  // k taken at once: a panel's block of 512 x 4 vectors stays in a 1 MB L2 beside the rows
constexpr int kMostPieces = 8;  // pieces of terms in one block

// A stretch of one term's k, for one panel.
template <class T>
struct Piece {
  const kernels::ProductTerm<T>* term;
  Index k, K;
  const T* b;     // [K][panel's vectors]
  const T* next;  // the same of the next panel, or nullptr
};

// Where one vector of a panel lies in its group.
template <class T>
struct PanelVector {
  const kernels::ProductGroup<T>* group;
  Index column;
  Index count;  // columns in memory: all lanes but in a group's last vector

  T* y(Index step, Index r) const { return group->y.row(step, r) + column; }
  const T* init(Index step, Index r) const { return group->init.row(step, r) + column; }
};

// One panel of a products() call.
template <class T>
struct PanelCall {
  Index rows;  // of each step
  PanelVector<T> vectors[kVectors];
  bool simple;  // all vectors lie side by side in one group, every one whole
  const Piece<T>* pieces;
  int piece_count;
  bool first;  // begins from init, or zero, and not from what y holds
};

// Where vector v of a row lies; in the simple case a few lanes after the row's first.
template <bool kSimple, class T>
HWY_INLINE T* VectorOf(const PanelCall<T>& p, T* first, int v, Index lanes, Index step, Index r) {
  return kSimple ? first + v * lanes : p.vectors[v].y(step, r);
}
template <bool kSimple, class T>
HWY_INLINE const T* InitOf(const PanelCall<T>& p, const T* first, int v, Index lanes, Index step, Index r) {
  return kSimple ? first + v * lanes : p.vectors[v].init(step, r);
}

// One register tile: MR rows, from flat row `row` (step by step), by NV vectors.
template <int MR, int NV, bool kSimple, class T>
HWY_INLINE void ProductTile(const PanelCall<T>& p, Index row) {
  const hn::ScalableTag<T> d;
  using V = hn::Vec<decltype(d)>;
  const Index lanes = static_cast<Index>(hn::Lanes(d));
  Index step[MR], r[MR];
  for (int m = 0; m < MR; ++m) {
    const bool one_step = row + m < p.rows;  // spares the division
    step[m] = one_step ? 0 : (row + m) / p.rows;
    r[m] = one_step ? row + m : (row + m) % p.rows;
  }
  V sum[MR][NV];
  if (!p.first) {
    for (int m = 0; m < MR; ++m) {
      T* first = p.vectors[0].y(step[m], r[m]);
      for (int v = 0; v < NV; ++v)
        sum[m][v] = LoadVector<kSimple>(d, VectorOf<kSimple>(p, first, v, lanes, step[m], r[m]), p.vectors[v].count);
    }
  } else if (p.vectors[0].group->init.steps) {
    for (int m = 0; m < MR; ++m) {
      const T* first = p.vectors[0].init(step[m], r[m]);
      for (int v = 0; v < NV; ++v)
        sum[m][v] = LoadVector<kSimple>(d, InitOf<kSimple>(p, first, v, lanes, step[m], r[m]), p.vectors[v].count);
    }
  } else {
    for (int m = 0; m < MR; ++m)
      for (int v = 0; v < NV; ++v) sum[m][v] = hn::Zero(d);
  }
  for (int i = 0; i < p.piece_count; ++i) {
    const Piece<T>& piece = p.pieces[i];
    const T* a[MR];
    for (int m = 0; m < MR; ++m) a[m] = piece.term->x.row(step[m], r[m]) + piece.k;
    const T* HWY_RESTRICT b = piece.b;
    const auto multiply = [&](Index k) HWY_ATTR {
      V line[NV];
      for (int v = 0; v < NV; ++v) line[v] = hn::LoadU(d, b + v * lanes);
      for (int m = 0; m < MR; ++m) {
        const V left = hn::Set(d, a[m][k]);
        for (int v = 0; v < NV; ++v) sum[m][v] = hn::MulAdd(left, line[v], sum[m][v]);
      }
      b += NV * lanes;
    };
    // Every tile fetches a part of the next panel, which comes from far: a line with every second k.
    constexpr Index kLine = 64 / sizeof(T);
    const Index fetched = row / MR * ((piece.K + 1) / 2) * kLine;
    const bool more = piece.next && fetched < piece.K * NV * lanes;
    const T* fetch = more ? piece.next + fetched : b;
    const Index fetch_step = more ? kLine : 0;
    Index k = 0;
    for (; k + 2 <= piece.K; k += 2, fetch += fetch_step) {
      __builtin_prefetch(fetch, 0, 2);
      multiply(k);
      multiply(k + 1);
    }
    if (k < piece.K) multiply(k);
  }
  for (int m = 0; m < MR; ++m) {
    T* first = p.vectors[0].y(step[m], r[m]);
    for (int v = 0; v < NV; ++v)
      StoreVector<kSimple>(sum[m][v], d, VectorOf<kSimple>(p, first, v, lanes, step[m], r[m]), p.vectors[v].count);
  }
}

template <int NV, bool kSimple, class T>
HWY_NOINLINE void ProductTiles(Index M, const PanelCall<T>& p) {
  Index m = 0;
  for (; m + kRows <= M; m += kRows) ProductTile<kRows, NV, kSimple>(p, m);
  for (; m + 4 <= M; m += 4) ProductTile<4, NV, kSimple>(p, m);
  for (; m + 2 <= M; m += 2) ProductTile<2, NV, kSimple>(p, m);
  for (; m < M; ++m) ProductTile<1, NV, kSimple>(p, m);
}

template <int NV, class T>
HWY_INLINE void PanelOf(Index M, const PanelCall<T>& p) {
  if (p.simple)
    ProductTiles<NV, true>(M, p);
  else
    ProductTiles<NV, false>(M, p);
}

template <class T>
void RunPanel(int vectors, Index M, const PanelCall<T>& p) {
  if (vectors == 1) PanelOf<1>(M, p);
  if (vectors == 2) PanelOf<2>(M, p);
#if HWY_TARGET <= HWY_AVX3
  if (vectors == 3) PanelOf<3>(M, p);
  if (vectors == 4) PanelOf<4>(M, p);
#endif
}

// Runs the panel over all terms' k, a block at a time.
template <class T>
void RunBlocks(int vectors, Index first_vector, bool last, Index M, std::span<const kernels::ProductTerm<T>> terms, PanelCall<T>& p) {
  const Index lanes = static_cast<Index>(hn::Lanes(hn::ScalableTag<T>()));
  Piece<T> pieces[kMostPieces];
  p.pieces = pieces;
  p.piece_count = 0;
  p.first = true;
  Index taken = 0;
  const auto flush = [&] {
    RunPanel(vectors, M, p);
    p.first = false;
    p.piece_count = 0;
    taken = 0;
  };
  for (const kernels::ProductTerm<T>& term : terms)
    for (Index k = 0; k < term.K;) {
      const Index K = std::min(term.K - k, kBlockK - taken);
      const T* b = term.packed + first_vector * lanes * term.K + k * vectors * lanes;
      pieces[p.piece_count++] = {&term, k, K, b, last ? nullptr : b + vectors * lanes * term.K};
      k += K;
      taken += K;
      if (taken == kBlockK || p.piece_count == kMostPieces) flush();
    }
  if (p.piece_count > 0 || p.first) flush();
}

template <class T>
void Products(Index steps, Index rows, Index N, std::span<const kernels::ProductTerm<T>> terms,
              std::span<const kernels::ProductGroup<T>> groups) {
  const Index lanes = static_cast<Index>(hn::Lanes(hn::ScalableTag<T>()));
  const Index each = (N + lanes - 1) / lanes;
  const Index total = each * static_cast<Index>(groups.size());
  if (rows == 0) return;
  for (Index first = 0; first < total; first += kVectors) {
    const int vectors = static_cast<int>(std::min<Index>(kVectors, total - first));
    PanelCall<T> p;
    p.rows = rows;
    p.simple = true;
    for (int v = 0; v < vectors; ++v) {
      const Index column = (first + v) % each * lanes;
      p.vectors[v] = {&groups[static_cast<std::size_t>((first + v) / each)], column, std::min(lanes, N - column)};
      p.simple = p.simple && p.vectors[v].count == lanes && p.vectors[v].group == p.vectors[0].group;
    }
    RunBlocks(vectors, first, first + 2 * kVectors > total, steps * rows, terms, p);
  }
}

kernels::GemmKernels<float> GemmF32() {
  const Index lanes = static_cast<Index>(hn::Lanes(hn::ScalableTag<float>()));
  return {lanes, kVectors * lanes, &Products<float>};
}
kernels::GemmKernels<double> GemmF64() {
  const Index lanes = static_cast<Index>(hn::Lanes(hn::ScalableTag<double>()));
  return {lanes, kVectors * lanes, &Products<double>};
}

}  // namespace reel::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

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
