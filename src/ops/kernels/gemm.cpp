#include <reel/ops/kernels/gemm.h>

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "reel/ops/kernels/gemm.cpp"
#include <hwy/foreach_target.h>  // IWYU pragma: keep
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace reel::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Tile sizes that keep accumulators, one row of B and a broadcast in registers: 6 x 4 of 32 vectors, 6 x 2 of 16.
#if HWY_TARGET <= HWY_AVX3
constexpr int kVectors = 4;
#else
constexpr int kVectors = 2;
#endif
constexpr int kRows = 6;
constexpr Index kBlockK = 512;  // k taken at once: a panel's block of 512 x 4 vectors stays in a 1 MB L2 beside the rows
constexpr int kMostPieces = 8;  // pieces of terms in one block

// A vector of which only the first `count` elements are in memory.
template <class D, class T>
HWY_INLINE hn::Vec<D> LoadEdge(D d, const T* from, Index count) {
  HWY_ALIGN T padded[HWY_MAX_BYTES / sizeof(T)] = {};
  std::copy_n(from, count, padded);
  return hn::Load(d, padded);
}

template <class D, class T>
HWY_INLINE void StoreEdge(hn::Vec<D> v, D d, T* to, Index count) {
  HWY_ALIGN T padded[HWY_MAX_BYTES / sizeof(T)];
  hn::Store(v, d, padded);
  std::copy_n(padded, count, to);
}

// A stretch of one term's k, for one panel.
template <class T>
struct Piece {
  const kernels::ProductTerm<T>* term;
  Index k, K;
  const T* b;  // [K][panel's vectors]
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

template <bool kWhole, class D, class T>
HWY_INLINE hn::Vec<D> LoadVector(D d, const T* from, Index count) {
  if (kWhole || count == static_cast<Index>(hn::Lanes(d))) return hn::LoadU(d, from);
  return LoadEdge(d, from, count);
}

template <bool kWhole, class D, class T>
HWY_INLINE void StoreVector(hn::Vec<D> v, D d, T* to, Index count) {
  if (kWhole || count == static_cast<Index>(hn::Lanes(d)))
    hn::StoreU(v, d, to);
  else
    StoreEdge(v, d, to, count);
}

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
    for (Index k = 0; k < piece.K; ++k, b += NV * lanes) {
      V line[NV];
      for (int v = 0; v < NV; ++v) line[v] = hn::LoadU(d, b + v * lanes);
      for (int m = 0; m < MR; ++m) {
        const V left = hn::Set(d, a[m][k]);
        for (int v = 0; v < NV; ++v) sum[m][v] = hn::MulAdd(left, line[v], sum[m][v]);
      }
    }
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
void RunBlocks(int vectors, Index first_vector, Index M, std::span<const kernels::ProductTerm<T>> terms, PanelCall<T>& p) {
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
      pieces[p.piece_count++] = {&term, k, K, term.packed + first_vector * lanes * term.K + k * vectors * lanes};
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
    RunBlocks(vectors, first, steps * rows, terms, p);
  }
}

// ---- contraction: A's column k begins at a_rows[k] ----

template <class T>
struct ContractCall {
  Index K;
  const T* const* a_rows;
  const T* b;  // [K][panel's vectors]
  Index columns, c_stride;
  bool load;  // continue the chains from what C holds
};

template <int MR, int NV, bool kWhole, class T>
HWY_INLINE void ContractTile(const ContractCall<T>& p, Index row, T* c) {
  const hn::ScalableTag<T> d;
  using V = hn::Vec<decltype(d)>;
  const Index lanes = static_cast<Index>(hn::Lanes(d));
  const Index last = p.columns - (NV - 1) * lanes;  // columns of the last vector
  const auto count = [&](int v) { return v == NV - 1 ? last : lanes; };
  V sum[MR][NV];
  for (int m = 0; m < MR; ++m)
    for (int v = 0; v < NV; ++v) {
      const T* from = c + (row + m) * p.c_stride + v * lanes;
      sum[m][v] = p.load ? LoadVector<kWhole>(d, from, count(v)) : hn::Zero(d);
    }
  const T* HWY_RESTRICT b = p.b;
  for (Index k = 0; k < p.K; ++k, b += NV * lanes) {
    const T* a = p.a_rows[k] + row;
    V line[NV];
    for (int v = 0; v < NV; ++v) line[v] = hn::LoadU(d, b + v * lanes);
    for (int m = 0; m < MR; ++m) {
      const V left = hn::Set(d, a[m]);
      for (int v = 0; v < NV; ++v) sum[m][v] = hn::MulAdd(left, line[v], sum[m][v]);
    }
  }
  for (int m = 0; m < MR; ++m)
    for (int v = 0; v < NV; ++v) StoreVector<kWhole>(sum[m][v], d, c + (row + m) * p.c_stride + v * lanes, count(v));
}

template <int NV, bool kWhole, class T>
HWY_NOINLINE void ContractTiles(Index M, const ContractCall<T>& p, T* c) {
  Index m = 0;
  for (; m + kRows <= M; m += kRows) ContractTile<kRows, NV, kWhole>(p, m, c);
  for (; m + 4 <= M; m += 4) ContractTile<4, NV, kWhole>(p, m, c);
  for (; m + 2 <= M; m += 2) ContractTile<2, NV, kWhole>(p, m, c);
  for (; m < M; ++m) ContractTile<1, NV, kWhole>(p, m, c);
}

template <int NV, class T>
HWY_INLINE void ContractOf(Index M, const ContractCall<T>& p, T* c) {
  if (p.columns == NV * static_cast<Index>(hn::Lanes(hn::ScalableTag<T>())))
    ContractTiles<NV, true>(M, p, c);
  else
    ContractTiles<NV, false>(M, p, c);
}

template <class T>
void ContractPanel(Index M, Index N, Index K, const T* const* a_rows, const T* const* b_rows, T* c, Index c_stride, bool add,
                   T* scratch) {
  const Index lanes = static_cast<Index>(hn::Lanes(hn::ScalableTag<T>()));
  const Index vectors = (N + lanes - 1) / lanes;
  const Index padded = vectors * lanes;
  if (K == 0 && !add)
    for (Index m = 0; m < M; ++m) std::fill_n(c + m * c_stride, N, T{0});
  for (Index k = 0; k < K; k += kernels::kContractionRows) {
    const Index rows = std::min(kernels::kContractionRows, K - k);
    for (Index r = 0; r < rows; ++r) {
      T* to = scratch + r * padded;
      std::copy_n(b_rows[k + r], N, to);
      std::fill(to + N, to + padded, T{0});
    }
    const ContractCall<T> p{rows, a_rows + k, scratch, N, c_stride, add || k > 0};
    if (vectors == 1) ContractOf<1>(M, p, c);
    if (vectors == 2) ContractOf<2>(M, p, c);
#if HWY_TARGET <= HWY_AVX3
    if (vectors == 3) ContractOf<3>(M, p, c);
    if (vectors == 4) ContractOf<4>(M, p, c);
#endif
  }
}

kernels::GemmKernels<float> GemmF32() {
  const Index lanes = static_cast<Index>(hn::Lanes(hn::ScalableTag<float>()));
  return {lanes, kVectors * lanes, &Products<float>, &ContractPanel<float>};
}
kernels::GemmKernels<double> GemmF64() {
  const Index lanes = static_cast<Index>(hn::Lanes(hn::ScalableTag<double>()));
  return {lanes, kVectors * lanes, &Products<double>, &ContractPanel<double>};
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
