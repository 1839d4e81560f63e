// Per-target packed matrix products, over what a step of k reads (product_step-inl.h). Include after hwy/foreach_target.h, inside
// no namespace.
#include <algorithm>

#include <reel/ops/kernels/gemm.h>
#include <reel/ops/kernels/product_row-inl.h>

#if defined(REEL_OPS_KERNELS_PRODUCTS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef REEL_OPS_KERNELS_PRODUCTS_INL_H_
#undef REEL_OPS_KERNELS_PRODUCTS_INL_H_
#else
#define REEL_OPS_KERNELS_PRODUCTS_INL_H_
#endif

HWY_BEFORE_NAMESPACE();
namespace reel::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

constexpr Index kGroupRows = 64;  // taken at once where sums are so long that groups of blocks add up elsewhere
// Rows of a register tile of NV vectors: accumulators, one row of B and a broadcast stay in the registers, and so do the rows'
// addresses; there are chains enough to hide the latency of a multiply-add.
template <int NV>
constexpr int kProductRows = NV == (kManyRegisters ? 4 : 2) ? 6 : 8;
constexpr int kMostRows = 8;
using kernels::kMostChunks;
template <class Step>
using ChunkOf = kernels::Chunk<typename Step::Types>;
template <class Step>
using WalkOf = kernels::BlockWalk<typename Step::Types>;

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

// One block of one panel of a products() call, over some of the rows.
template <class Step>
struct PanelCall {
  using T = SumOf<Step>;
  Index steps, rows;  // rows of each step
  Index step = 0, row = 0, count;
  PanelVector<T> vectors[kMostVectors];
  std::span<const ChunkOf<Step>> chunks;
  bool from_init;  // the chains begin from init, where there is one, and not from zero
  bool add;        // to what y holds
};

// The rows of a register tile that lies in one step.
template <class Step>
class StepRows {
  using T = SumOf<Step>;
  using Left = typename Step::Types::Left;

 public:
  void enter(const PanelCall<Step>& p, int vectors, Index step) {
    for (int v = 0; v < vectors; ++v) {
      const PanelVector<T>& at = p.vectors[v];
      y_[v] = at.group->y[step].first + at.column;
      y_stride_[v] = at.group->y[step].stride;
      if (!at.group->init) continue;
      init_[v] = at.group->init[step].first + at.column;
      init_stride_[v] = at.group->init[step].stride;
    }
    for (std::size_t i = 0; i < p.chunks.size(); ++i) {
      a_[i] = p.chunks[i].term->x[step].first + p.chunks[i].k;
      a_stride_[i] = p.chunks[i].term->x[step].stride;
    }
  }
  void move_to(Index row) { row_ = row; }
  T* y(int m, int v) const { return y_[v] + (row_ + m) * y_stride_[v]; }
  const T* init(int m, int v) const { return init_[v] + (row_ + m) * init_stride_[v]; }
  const Left* a(int m, std::size_t chunk) const { return a_[chunk] + (row_ + m) * a_stride_[chunk]; }

 private:
  T* y_[kMostVectors] = {};
  const T* init_[kMostVectors] = {};
  Index y_stride_[kMostVectors] = {}, init_stride_[kMostVectors] = {};
  const Left* a_[kMostChunks] = {};
  Index a_stride_[kMostChunks] = {};
  Index row_ = 0;
};

// The rows of a register tile that lies across steps; all of its vectors in one group, or not.
template <bool kOneGroup, class Step>
class MixedRows {
  using T = SumOf<Step>;

 public:
  MixedRows(const PanelCall<Step>& p, int count, Index step, Index row) : p_(p) {
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
    if (kOneGroup) return y_[m] + v * LanesOf<T>();
    return p_.vectors[v].group->y[step_[m]].row(row_[m]) + p_.vectors[v].column;
  }
  const T* init(int m, int v) const {
    if (kOneGroup) return init_[m] + v * LanesOf<T>();
    return p_.vectors[v].group->init[step_[m]].row(row_[m]) + p_.vectors[v].column;
  }
  const auto* a(int m, std::size_t chunk) const { return p_.chunks[chunk].term->x[step_[m]].row(row_[m]) + p_.chunks[chunk].k; }

 private:
  const PanelCall<Step>& p_;
  Index step_[kMostRows], row_[kMostRows];
  T* y_[kMostRows];
  const T* init_[kMostRows];
};

// One register tile of MR rows by NV vectors, the `index`-th of its size in the panel.
template <int MR, int NV, class Step, class Rows>
HWY_INLINE void ProductTile(const PanelCall<Step>& p, const Rows& rows, Index index) {
  const hn::ScalableTag<SumOf<Step>> d;
  using V = hn::Vec<decltype(d)>;
  const Index lanes = static_cast<Index>(hn::Lanes(d));
  Index count[NV];
  for (int v = 0; v < NV; ++v) count[v] = p.vectors[v].count;
  V sum[MR][NV];
  if (p.from_init && p.vectors[0].group->init) {
    for (int m = 0; m < MR; ++m)
      for (int v = 0; v < NV; ++v) sum[m][v] = LoadVector(d, rows.init(m, v), count[v]);
  } else {
    for (int m = 0; m < MR; ++m)
      for (int v = 0; v < NV; ++v) sum[m][v] = hn::Zero(d);
  }
  constexpr Index kStep = Step::kStep;
  for (std::size_t i = 0; i < p.chunks.size(); ++i) {
    const ChunkOf<Step>& chunk = p.chunks[i];
    decltype(rows.a(0, 0)) a[MR];
    for (int m = 0; m < MR; ++m) a[m] = rows.a(m, i);
    const auto* HWY_RESTRICT b = chunk.b;
    // Every tile fetches its part of the next panel, which comes from far, bit by bit: few lines can be under way at once.
    constexpr Index kLine = 64 / sizeof(*b);
    const Index fetch_step = chunk.next ? std::min(ceil_div(NV * lanes * kStep * MR, p.count), kLine) : 0;
    const auto* fetch = chunk.next ? chunk.next + index * (chunk.K / kStep) * fetch_step : b;
    for (Index k = 0; k < chunk.K; k += kStep, b += NV * lanes * kStep, fetch += fetch_step) {
      __builtin_prefetch(fetch, 0, 2);
      typename Step::Line line[NV];
      for (int v = 0; v < NV; ++v) line[v] = Step::line(d, b + v * lanes * kStep);
      for (int m = 0; m < MR; ++m) {
        const auto left = Step::left(d, a[m] + k);
        for (int v = 0; v < NV; ++v) sum[m][v] = Step::add(d, left, line[v], sum[m][v]);
      }
    }
  }
  if (p.add)
    for (int m = 0; m < MR; ++m)
      for (int v = 0; v < NV; ++v) sum[m][v] = hn::Add(LoadVector(d, rows.y(m, v), count[v]), sum[m][v]);
  for (int m = 0; m < MR; ++m)
    for (int v = 0; v < NV; ++v) StoreVector(sum[m][v], d, rows.y(m, v), count[v]);
}

template <int MR, int NV, class Step>
HWY_INLINE void MixedTile(const PanelCall<Step>& p, Index step, Index row, Index index) {
  if (NV == 1 || p.vectors[0].group == p.vectors[NV - 1].group)
    ProductTile<MR, NV>(p, MixedRows<true, Step>(p, MR, step, row), index);
  else
    ProductTile<MR, NV>(p, MixedRows<false, Step>(p, MR, step, row), index);
}

// Walks the rows of all steps.
template <class Step>
struct RowWalk {
  StepRows<Step> rows;
  Index step = 0, row = 0;
  Index left;       // rows of all steps
  Index index = 0;  // tiles so far
};

// As many tiles of MR rows as there are, then smaller ones.
template <int MR, int NV, class Step>
HWY_INLINE void TilesOf(const PanelCall<Step>& p, RowWalk<Step>& walk) {
  for (; walk.left >= MR; walk.left -= MR, ++walk.index) {
    if (MR == 1 || walk.row + MR <= p.rows) {
      walk.rows.move_to(walk.row);
      ProductTile<MR, NV>(p, walk.rows, walk.index);
    } else {
      MixedTile<MR, NV>(p, walk.step, walk.row, walk.index);
    }
    const Index before = walk.step;
    for (walk.row += MR; walk.row >= p.rows && walk.step < p.steps; walk.row -= p.rows) ++walk.step;
    if (walk.step != before && walk.step < p.steps) walk.rows.enter(p, NV, walk.step);
  }
  constexpr int kSmaller = MR > 4 ? 4 : MR / 2;
  if constexpr (MR > 1) TilesOf<kSmaller, NV>(p, walk);
}

template <int NV, class Step>
HWY_NOINLINE void PanelTiles(const PanelCall<Step>& p) {
  RowWalk<Step> walk{.rows = {}, .step = p.step, .row = p.row, .left = p.count};
  walk.rows.enter(p, NV, p.step);
  TilesOf<kProductRows<NV>, NV>(p, walk);
}

template <class Step>
void RunPanel(int vectors, const PanelCall<Step>& p) {
  if (vectors == 1) PanelTiles<1>(p);
  if (vectors == 2) PanelTiles<2>(p);
#if HWY_TARGET <= HWY_AVX3
  if (vectors == 3) PanelTiles<3>(p);
  if (vectors == 4) PanelTiles<4>(p);
#endif
}

// The next block of chains for the panel; false when there is none.
template <class Step>
bool RunBlock(int vectors, Index first_vector, bool last, WalkOf<Step>& walk, PanelCall<Step>& p) {
  const Index lanes = LanesOf<SumOf<Step>>();
  ChunkOf<Step> chunks[kernels::kMostChunks];
  std::size_t count = 0;
  while (walk.next(chunks[count])) {
    ChunkOf<Step>& c = chunks[count++];
    c.b = c.term->packed + first_vector * lanes * c.term->K + c.k * vectors * lanes;
    c.next = last ? nullptr : c.b + vectors * lanes * c.term->K;
    if (walk.ends_block()) break;
  }
  if (count == 0) return false;
  p.chunks = {chunks, count};
  p.from_init = walk.in_first_block();
  p.add = !walk.begins_group();
  RunPanel(vectors, p);
  return true;
}

// Adds what y holds to `sums` (or begins with it), and gives y what they are then.
template <class Step, class T = SumOf<Step>>
void AddGroup(int vectors, const PanelCall<Step>& p, bool begin, T* sums) {
  const Index lanes = LanesOf<T>();
  for (Index i = 0, step = p.step, row = p.row; i < p.count; ++i) {
    for (int v = 0; v < vectors; ++v) {
      T* y = p.vectors[v].group->y[step].row(row) + p.vectors[v].column;
      T* sum = sums + (i * kMostVectors + v) * lanes;
      for (Index n = 0; n < p.vectors[v].count; ++n) y[n] = sum[n] = begin ? y[n] : sum[n] + y[n];
    }
    if (++row == p.rows) row = 0, ++step;
  }
}

// Runs the panel over all terms' k, where that is one group of blocks; without any k it begins and ends.
template <class Step>
void RunBlocks(int vectors, Index first_vector, bool last, TermsOf<Step> terms, PanelCall<Step>& p) {
  p.count = p.steps * p.rows;
  WalkOf<Step> walk(terms);
  if (walk.last()) {
    p.from_init = true;
    p.add = false;
    return RunPanel(vectors, p);
  }
  while (RunBlock<Step>(vectors, first_vector, last, walk, p)) continue;
}

// The same for several groups.
template <class Step, class T = SumOf<Step>>
HWY_NOINLINE void RunGroups(int vectors, Index first_vector, bool last, TermsOf<Step> terms, PanelCall<Step>& p) {
  alignas(64) T sums[kGroupRows * kMostVectors * HWY_MAX_BYTES / sizeof(T)];
  const Index all = p.steps * p.rows;
  for (Index at = 0; at < all; at += kGroupRows) {
    p.step = at / p.rows;
    p.row = at % p.rows;
    p.count = std::min(kGroupRows, all - at);
    WalkOf<Step> walk(terms);
    bool begin = true;
    while (RunBlock<Step>(vectors, first_vector, last, walk, p)) {
      if (!walk.ends_group() && !walk.last()) continue;
      AddGroup(vectors, p, begin, sums);
      begin = false;
    }
  }
}

template <class Step, class T = SumOf<Step>>
void Products(Index steps, Index rows, Index N, TermsOf<Step> terms, std::span<const kernels::ProductGroup<T>> groups,
              kernels::ColumnPart part) {
  const Index lanes = LanesOf<T>();
  const Index each = ceil_div(N, lanes);
  const Index total = each * static_cast<Index>(groups.size());
  if (rows == 0) return;
  const kernels::Panels panels(total, kVectors, kMostVectors);
  const bool long_sums = kernels::has_groups(terms);
  if (steps * rows == 1) return ProductRows<Step>(panels, N, terms, groups, part);
  const Index end = part.end(panels);
  for (Index first = part.begin(panels), vectors = 0; first < end; first += vectors) {
    vectors = panels.vectors_of(first);
    PanelCall<Step> p;
    p.steps = steps;
    p.rows = rows;
    for (int v = 0; v < vectors; ++v) {
      const Index column = (first + v) % each * lanes;
      p.vectors[v] = {&groups[static_cast<std::size_t>((first + v) / each)], column, std::min(lanes, N - column)};
    }
    const bool last = first + vectors == end || panels.vectors_of(first + vectors) != vectors;
    if (long_sums)
      RunGroups(static_cast<int>(vectors), first, last, terms, p);
    else
      RunBlocks(static_cast<int>(vectors), first, last, terms, p);
  }
}

}  // namespace reel::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif  // per-target include guard
