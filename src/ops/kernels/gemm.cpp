#include <reel/ops/kernels/gemm.h>

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "reel/ops/kernels/gemm.cpp"
#include <hwy/foreach_target.h>  // IWYU pragma: keep

#include <reel/ops/kernels/register_tile-inl.h>

HWY_BEFORE_NAMESPACE();
namespace reel::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Vectors of a panel. Tiles of 8 rows by 3 vectors fit the usual batches, and read less of the weights than 6 by 4.
#if HWY_TARGET <= HWY_AVX3
constexpr int kVectors = 3;
#else
constexpr int kVectors = 2;
#endif
constexpr int kMostVectors = kVectors == 3 ? 4 : kVectors;  // of a last panel
constexpr Index kBlockK = 512;  // k taken at once: a panel's block stays in the L2 cache beside the rows
constexpr int kRowPanels = 4;   // whole panels taken at once where there is one row
constexpr int kMostChunks = 8;  // chunks of terms in one block

// A stretch of one term's k, for one panel.
template <class T>
struct Chunk {
  const kernels::ProductTerm<T>* term;
  Index k, K;
  const T* b;     // [K][panel's vectors]
  const T* next;  // the same of the next panel, or nullptr
};

template <class T>
HWY_INLINE Index LanesOf() {
  return static_cast<Index>(hn::Lanes(hn::ScalableTag<T>()));
}

// Where one vector of a panel lies in its group.
template <class T>
struct PanelVector {
  const kernels::ProductGroup<T>* group;
  Index column;
  Index count;  // columns in memory: all lanes but in a group's last vector
};

// How the vectors of a panel lie in memory: side by side in one group, in several groups but whole, or some with an edge.
enum class Lie : std::uint8_t { together, apart, edges };

// One panel of a products() call.
template <class T>
struct PanelCall {
  Index steps, rows;  // rows of each step
  PanelVector<T> vectors[kMostVectors];
  Lie lie;
  const Chunk<T>* chunks;
  int chunk_count;
  bool first;  // begins from init, or zero, and not from what y holds
};

// The rows of a register tile that lies in one step.
template <Lie kLie, class T>
class StepRows {
 public:
  void enter(const PanelCall<T>& p, int vectors, Index step) {
    for (int v = 0; v < vectors; ++v) {
      const PanelVector<T>& at = p.vectors[v];
      y_[v] = at.group->y[step].first + at.column;
      y_stride_[v] = at.group->y[step].stride;
      if (!at.group->init) continue;
      init_[v] = at.group->init[step].first + at.column;
      init_stride_[v] = at.group->init[step].stride;
    }
    for (int i = 0; i < p.chunk_count; ++i) {
      a_[i] = p.chunks[i].term->x[step].first + p.chunks[i].k;
      a_stride_[i] = p.chunks[i].term->x[step].stride;
    }
  }
  void move_to(Index row) { row_ = row; }
  T* y(int m, int v) const {
    return kLie == Lie::together ? y_[0] + (row_ + m) * y_stride_[0] + v * LanesOf<T>() : y_[v] + (row_ + m) * y_stride_[v];
  }
  const T* init(int m, int v) const {
    return kLie == Lie::together ? init_[0] + (row_ + m) * init_stride_[0] + v * LanesOf<T>()
                                 : init_[v] + (row_ + m) * init_stride_[v];
  }
  const T* a(int m, int chunk) const { return a_[chunk] + (row_ + m) * a_stride_[chunk]; }

 private:
  T* y_[kMostVectors] = {};
  const T* init_[kMostVectors] = {};
  Index y_stride_[kMostVectors] = {}, init_stride_[kMostVectors] = {};
  const T* a_[kMostChunks] = {};
  Index a_stride_[kMostChunks] = {};
  Index row_ = 0;
};

// The rows of a register tile that lies across steps.
template <Lie kLie, class T>
class MixedRows {
 public:
  MixedRows(const PanelCall<T>& p, int count, Index step, Index row) : p_(p) {
    const PanelVector<T>& first = p.vectors[0];
    for (int m = 0; m < count; ++m, ++row) {
      if (row == p.rows) row = 0, ++step;
      step_[m] = step;
      row_[m] = row;
      y_[m] = first.group->y[step].row(row) + first.column;
      init_[m] = first.group->init ? first.group->init[step].row(row) + first.column : nullptr;
    }
  }
  T* y(int m, int v) const {
    if (kLie == Lie::together) return y_[m] + v * LanesOf<T>();
    return p_.vectors[v].group->y[step_[m]].row(row_[m]) + p_.vectors[v].column;
  }
  const T* init(int m, int v) const {
    if (kLie == Lie::together) return init_[m] + v * LanesOf<T>();
    return p_.vectors[v].group->init[step_[m]].row(row_[m]) + p_.vectors[v].column;
  }
  const T* a(int m, int chunk) const { return p_.chunks[chunk].term->x[step_[m]].row(row_[m]) + p_.chunks[chunk].k; }

 private:
  const PanelCall<T>& p_;
  Index step_[kMostRows], row_[kMostRows];
  T* y_[kMostRows];
  const T* init_[kMostRows];
};

// One register tile of MR rows by NV vectors, the `index`-th of its size in the panel.
template <int MR, int NV, Lie kLie, class T, class Rows>
HWY_INLINE void ProductTile(const PanelCall<T>& p, const Rows& rows, Index index) {
  const hn::ScalableTag<T> d;
  using V = hn::Vec<decltype(d)>;
  const Index lanes = static_cast<Index>(hn::Lanes(d));
  constexpr bool kWhole = kLie != Lie::edges;
  V sum[MR][NV];
  if (!p.first) {
    for (int m = 0; m < MR; ++m)
      for (int v = 0; v < NV; ++v) sum[m][v] = LoadVector<kWhole>(d, rows.y(m, v), p.vectors[v].count);
  } else if (p.vectors[0].group->init) {
    for (int m = 0; m < MR; ++m)
      for (int v = 0; v < NV; ++v) sum[m][v] = LoadVector<kWhole>(d, rows.init(m, v), p.vectors[v].count);
  } else {
    for (int m = 0; m < MR; ++m)
      for (int v = 0; v < NV; ++v) sum[m][v] = hn::Zero(d);
  }
  for (int i = 0; i < p.chunk_count; ++i) {
    const Chunk<T>& chunk = p.chunks[i];
    const T* a[MR];
    for (int m = 0; m < MR; ++m) a[m] = rows.a(m, i);
    const T* HWY_RESTRICT b = chunk.b;
    // Every tile fetches a part of the next panel, which comes from far: a line with every k.
    constexpr Index kLine = 64 / sizeof(T);
    const bool more = chunk.next && index * kLine < NV * lanes;
    const T* fetch = more ? chunk.next + index * chunk.K * kLine : b;
    const Index fetch_step = more ? kLine : 0;
    for (Index k = 0; k < chunk.K; ++k, b += NV * lanes, fetch += fetch_step) {
      __builtin_prefetch(fetch, 0, 2);
      V line[NV];
      for (int v = 0; v < NV; ++v) line[v] = hn::LoadU(d, b + v * lanes);
      for (int m = 0; m < MR; ++m) {
        const V left = hn::Set(d, a[m][k]);
        for (int v = 0; v < NV; ++v) sum[m][v] = hn::MulAdd(left, line[v], sum[m][v]);
      }
    }
  }
  for (int m = 0; m < MR; ++m)
    for (int v = 0; v < NV; ++v) StoreVector<kWhole>(sum[m][v], d, rows.y(m, v), p.vectors[v].count);
}

// Walks the rows of all steps.
template <Lie kLie, class T>
struct RowWalk {
  StepRows<kLie, T> rows;
  Index step = 0, row = 0;
  Index left;       // rows of all steps
  Index index = 0;  // tiles so far
};

// As many tiles of MR rows as there are, then smaller ones.
template <int MR, int NV, Lie kLie, class T>
HWY_INLINE void TilesOf(const PanelCall<T>& p, RowWalk<kLie, T>& walk) {
  for (; walk.left >= MR; walk.left -= MR, ++walk.index) {
    if (walk.row + MR <= p.rows) {
      walk.rows.move_to(walk.row);
      ProductTile<MR, NV, kLie>(p, walk.rows, walk.index);
    } else {
      ProductTile<MR, NV, kLie>(p, MixedRows<kLie, T>(p, MR, walk.step, walk.row), walk.index);
    }
    const Index before = walk.step;
    for (walk.row += MR; walk.row >= p.rows && walk.step < p.steps; walk.row -= p.rows) ++walk.step;
    if (walk.step != before && walk.step < p.steps) walk.rows.enter(p, NV, walk.step);
  }
  constexpr int kSmaller = MR > 6 ? 6 : MR > 4 ? 4 : MR / 2;
  if constexpr (MR > 1) TilesOf<kSmaller, NV, kLie>(p, walk);
}

template <int NV, Lie kLie, class T>
HWY_NOINLINE void ProductTiles(const PanelCall<T>& p) {
  RowWalk<kLie, T> walk{.rows = {}, .left = p.steps * p.rows};
  walk.rows.enter(p, NV, 0);
  TilesOf<kTileRows<NV>, NV, kLie>(p, walk);
}

template <int NV, class T>
HWY_INLINE void PanelOf(const PanelCall<T>& p) {
  if (p.lie == Lie::together)
    ProductTiles<NV, Lie::together>(p);
  else if (p.lie == Lie::apart)
    ProductTiles<NV, Lie::apart>(p);
  else
    ProductTiles<NV, Lie::edges>(p);
}

template <class T>
void RunPanel(int vectors, const PanelCall<T>& p) {
  if (vectors == 1) PanelOf<1>(p);
  if (vectors == 2) PanelOf<2>(p);
#if HWY_TARGET <= HWY_AVX3
  if (vectors == 3) PanelOf<3>(p);
  if (vectors == 4) PanelOf<4>(p);
#endif
}

// Runs the panel over all terms' k, a block at a time.
template <class T>
void RunBlocks(int vectors, Index first_vector, bool last, std::span<const kernels::ProductTerm<T>> terms, PanelCall<T>& p) {
  const Index lanes = static_cast<Index>(hn::Lanes(hn::ScalableTag<T>()));
  Chunk<T> chunks[kMostChunks];
  p.chunks = chunks;
  p.chunk_count = 0;
  p.first = true;
  Index taken = 0;
  const auto flush = [&] {
    RunPanel(vectors, p);
    p.first = false;
    p.chunk_count = 0;
    taken = 0;
  };
  for (const kernels::ProductTerm<T>& term : terms)
    for (Index k = 0; k < term.K;) {
      const Index K = std::min(term.K - k, kBlockK - taken);
      const T* b = term.packed + first_vector * lanes * term.K + k * vectors * lanes;
      chunks[p.chunk_count++] = {&term, k, K, b, last ? nullptr : b + vectors * lanes * term.K};
      k += K;
      taken += K;
      if (taken == kBlockK || p.chunk_count == kMostChunks) flush();
    }
  if (p.chunk_count > 0 || p.first) flush();
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
    sum[v] = group(v).init ? LoadVector<false>(d, group(v).init->first + column(v), std::min(lanes, N - column(v))) : hn::Zero(d);
  for (const kernels::ProductTerm<T>& term : terms) {
    const T* HWY_RESTRICT a = term.x->first;
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
  for (int v = 0; v < kAll; ++v) StoreVector<false>(sum[v], d, group(v).y->first + column(v), std::min(lanes, N - column(v)));
}

// All panels of one row, some whole ones and the last at a time.
template <class T>
void ProductRows(const kernels::Panels& panels, Index each, Index N, std::span<const kernels::ProductTerm<T>> terms,
                 std::span<const kernels::ProductGroup<T>> groups) {
  const Index last = panels.last_wider ? kVectors + 1 : panels.total % kVectors;  // vectors of a panel that is not whole
  for (Index first = 0; first < panels.total;) {
    const Index whole = (panels.total - last - first) / kVectors;
    const Index count = std::min<Index>(whole, kRowPanels), rest = count == whole && count < kRowPanels ? last : 0;
    [&]<int... I>(std::integer_sequence<int, I...>) {
      constexpr int kRests = kMostVectors + 1;
      const Index index = count * kRests + rest;
      ((index == I + 1 ? ProductRow<(I + 1) / kRests, (I + 1) % kRests, T>(first, each, N, terms, groups) : void()), ...);
    }
    (std::make_integer_sequence<int, (kRowPanels + 1) * (kMostVectors + 1) - 1>());
    first += count * kVectors + rest;
  }
}

template <class T>
void Products(Index steps, Index rows, Index N, std::span<const kernels::ProductTerm<T>> terms,
              std::span<const kernels::ProductGroup<T>> groups) {
  const Index lanes = static_cast<Index>(hn::Lanes(hn::ScalableTag<T>()));
  const Index each = ceil_div(N, lanes);
  const Index total = each * static_cast<Index>(groups.size());
  if (rows == 0) return;
  const kernels::Panels panels(total, kVectors, kMostVectors);
  if (steps * rows == 1) return ProductRows(panels, each, N, terms, groups);
  for (Index first = 0, vectors = 0; first < total; first += vectors) {
    vectors = panels.vectors_of(first);
    PanelCall<T> p;
    p.steps = steps;
    p.rows = rows;
    p.lie = Lie::together;
    for (int v = 0; v < vectors; ++v) {
      const Index column = (first + v) % each * lanes;
      p.vectors[v] = {&groups[static_cast<std::size_t>((first + v) / each)], column, std::min(lanes, N - column)};
      if (p.vectors[v].count < lanes)
        p.lie = Lie::edges;
      else if (p.lie == Lie::together && p.vectors[v].group != p.vectors[0].group)
        p.lie = Lie::apart;
    }
    RunBlocks(static_cast<int>(vectors), first, panels.vectors_of(std::min(first + vectors, total)) != vectors, terms, p);
  }
}

kernels::GemmKernels<float> GemmF32() {
  const Index lanes = static_cast<Index>(hn::Lanes(hn::ScalableTag<float>()));
  return {lanes, kVectors, kMostVectors, &Products<float>};
}
kernels::GemmKernels<double> GemmF64() {
  const Index lanes = static_cast<Index>(hn::Lanes(hn::ScalableTag<double>()));
  return {lanes, kVectors, kMostVectors, &Products<double>};
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
