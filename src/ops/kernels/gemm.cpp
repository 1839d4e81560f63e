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
constexpr int kRowPanels = 3;
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

// One row by NP whole panels and one of Rest vectors at once: enough chains to hide the latency of an FMA, where nothing but the
// stream of weights counts.
template <int NP, int Rest, class T>
HWY_NOINLINE void ProductRow(Index first_vector, Index each, Index N, std::span<const kernels::ProductTerm<T>> terms,
                             std::span<const kernels::ProductGroup<T>> groups) {
  const hn::ScalableTag<T> d;
  using V = hn::Vec<decltype(d)>;
  const Index lanes = static_cast<Index>(hn::Lanes(d));
  constexpr int kWhole = NP * kVectors, kAll = kWhole + Rest;
  const auto column = [&](int v) { return (first_vector + v) % each * lanes; };
  const auto group = [&](int v) -> const kernels::ProductGroup<T>& {
    return groups[static_cast<std::size_t>((first_vector + v) / each)];
  };
  V sum[kAll];
  for (int v = 0; v < kAll; ++v)
    sum[v] = group(v).init.steps
                 ? LoadVector<false>(d, group(v).init.row(0, 0) + column(v), std::min(lanes, N - column(v)))
                 : hn::Zero(d);
  for (const kernels::ProductTerm<T>& term : terms) {
    const T* HWY_RESTRICT a = term.x.row(0, 0);
    const T* b = term.packed + first_vector * lanes * term.K;
    const Index panel = kVectors * lanes * term.K;
    const T* HWY_RESTRICT rest = b + NP * panel;
    for (Index k = 0; k < term.K; ++k, b += kVectors * lanes, rest += Rest * lanes) {
      const V left = hn::Set(d, a[k]);
      for (int v = 0; v < kWhole; ++v)
        sum[v] = hn::MulAdd(left, hn::LoadU(d, b + v / kVectors * panel + v % kVectors * lanes), sum[v]);
      for (int v = 0; v < Rest; ++v) sum[kWhole + v] = hn::MulAdd(left, hn::LoadU(d, rest + v * lanes), sum[kWhole + v]);
    }
  }
  for (int v = 0; v < kAll; ++v)
    StoreVector<false>(sum[v], d, group(v).y.row(0, 0) + column(v), std::min(lanes, N - column(v)));
}

// All vectors from `first` on, kRowPanels panels at a time.
template <class T>
void ProductRows(Index total, Index each, Index N, std::span<const kernels::ProductTerm<T>> terms,
                 std::span<const kernels::ProductGroup<T>> groups) {
  constexpr auto run = []<int NP, int Rest>(Index first, Index count, Index row_each, Index row_N, auto row_terms, auto row_groups) {
    if (count == NP * kVectors + Rest) ProductRow<NP, Rest, T>(first, row_each, row_N, row_terms, row_groups);
  };
  for (Index first = 0; first < total; first += kRowPanels * kVectors) {
    const Index count = std::min<Index>(kRowPanels * kVectors, total - first);
    [&]<int... I>(std::integer_sequence<int, I...>) {
      (run.template operator()<(I + 1) / kVectors, (I + 1) % kVectors>(first, count, each, N, terms, groups), ...);
    }(std::make_integer_sequence<int, kRowPanels * kVectors>());
  }
}

template <class T>
void Products(Index steps, Index rows, Index N, std::span<const kernels::ProductTerm<T>> terms,
              std::span<const kernels::ProductGroup<T>> groups) {
  const Index lanes = static_cast<Index>(hn::Lanes(hn::ScalableTag<T>()));
  const Index each = (N + lanes - 1) / lanes;
  const Index total = each * static_cast<Index>(groups.size());
  if (rows == 0) return;
  if (steps * rows == 1) return ProductRows(total, each, N, terms, groups);
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

template <class T>
void PackPanels(Index K, Index N, std::span<const kernels::WeightView<T>> groups, T* packed) {
  const Index lanes = static_cast<Index>(hn::Lanes(hn::ScalableTag<T>()));
  const Index each = (N + lanes - 1) / lanes, total = each * static_cast<Index>(groups.size());
  for (Index first = 0; first < total; first += kVectors) {
    const Index vectors = std::min<Index>(kVectors, total - first);
    for (Index v = 0; v < vectors; ++v) {
      const Index column = (first + v) % each * lanes;
      PackVector(groups[static_cast<std::size_t>((first + v) / each)], column, std::min(lanes, N - column), K,
                 packed + (first * K + v) * lanes, vectors * lanes);
    }
  }
}

kernels::GemmKernels<float> GemmF32() {
  const Index lanes = static_cast<Index>(hn::Lanes(hn::ScalableTag<float>()));
  return {lanes, kVectors * lanes, &Products<float>, &PackPanels<float>};
}
kernels::GemmKernels<double> GemmF64() {
  const Index lanes = static_cast<Index>(hn::Lanes(hn::ScalableTag<double>()));
  return {lanes, kVectors * lanes, &Products<double>, &PackPanels<double>};
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
