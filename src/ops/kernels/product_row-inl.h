// Per-target part of the packed matrix product: the width of its panels, and the product of a single row. Include after
// hwy/foreach_target.h, inside no namespace.
#include <reel/ops/kernels/product_blocks.h>
#include <reel/ops/kernels/product_step-inl.h>
#include <reel/ops/kernels/register_tile-inl.h>

#if defined(REEL_OPS_KERNELS_PRODUCT_ROW_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef REEL_OPS_KERNELS_PRODUCT_ROW_INL_H_
#undef REEL_OPS_KERNELS_PRODUCT_ROW_INL_H_
#else
#define REEL_OPS_KERNELS_PRODUCT_ROW_INL_H_
#endif

HWY_BEFORE_NAMESPACE();
namespace reel::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Vectors of a panel. Tiles of 8 rows by 3 vectors fit the usual batches, and read less of the weights than 6 by 4,
// which reach .93 to .99 of their rate (bench_gemm h512 and "b32 h256", at best; Xeon, Emerald Rapids, twice in turns).
#if HWY_TARGET <= HWY_AVX3
constexpr int kVectors = 3;
#else
constexpr int kVectors = 2;
#endif
constexpr int kMostVectors = kVectors == 3 ? 4 : kVectors;  // of a last panel
constexpr int kRowPanels = 4;                               // whole panels taken at once where there is one row

// The vectors of one row's results, one after the other: where each begins from, if anywhere, and where it goes.
template <class T>
class RowVectors {
 public:
  struct Place {
    const T* init;
    T* y;
    Index count;  // columns in memory
  };

  RowVectors(Index first_vector, Index N, std::span<const kernels::ProductGroup<T>> groups)
      : N_(N), lanes_(static_cast<Index>(hn::Lanes(hn::ScalableTag<T>()))) {
    if (N == 0) return;
    const Index each = ceil_div(N, lanes_);
    group_ = groups.data() + first_vector / each;
    column_ = first_vector % each * lanes_;
  }
  Place next() {
    const Place place{group_->init ? group_->init->first + column_ : nullptr, group_->y->first + column_,
                      std::min(lanes_, N_ - column_)};
    if ((column_ += lanes_) >= N_) column_ = 0, ++group_;
    return place;
  }

 private:
  Index N_, lanes_, column_ = 0;
  const kernels::ProductGroup<T>* group_ = nullptr;
};

// One row by NP whole panels and one of Rest vectors at once: enough chains to hide the latency of an FMA, where nothing but the
// stream of weights counts.
template <int NP, int Rest, class Step, class T = SumOf<Step>>
HWY_NOINLINE void ProductRow(Index first_vector, RowVectors<T>& vectors, TermsOf<Step> terms) {
  const hn::ScalableTag<T> d;
  using V = hn::Vec<decltype(d)>;
  const Index lanes = static_cast<Index>(hn::Lanes(d));
  constexpr int kWhole = NP * kVectors, kAll = kWhole + Rest;
  typename RowVectors<T>::Place places[kAll];
  for (auto& place : places) place = vectors.next();
  V sum[kAll];
  // Of a sum of several blocks: what a group's blocks, and what the groups add up to so far.
  HWY_ALIGN T total[kAll * HWY_MAX_BYTES / sizeof(T)], whole_groups[kAll * HWY_MAX_BYTES / sizeof(T)];
  for (int v = 0; v < kAll; ++v) sum[v] = places[v].init ? LoadVector(d, places[v].init, places[v].count) : hn::Zero(d);
  using Types = typename Step::Types;
  constexpr Index kStep = Step::kStep;
  kernels::BlockWalk<Types> walk(terms);
  bool groups_begun = false;
  for (kernels::Chunk<Types> chunk; walk.next(chunk);) {
    const kernels::TermOf<Types>& term = *chunk.term;
    const auto* HWY_RESTRICT a = term.x->first + chunk.k;
    const Index panel = kVectors * lanes * term.K;
    const auto* b = term.packed + first_vector * lanes * term.K;
    const auto* HWY_RESTRICT rest = b + NP * panel + chunk.k * Rest * lanes;
    b += chunk.k * kVectors * lanes;
    for (Index k = 0; k < chunk.K; k += kStep, b += kVectors * lanes * kStep, rest += Rest * lanes * kStep) {
      const auto left = Step::left(d, a + k);
      for (int v = 0; v < kWhole; ++v)
        sum[v] = Step::add(d, left, Step::line(d, b + v / kVectors * panel + v % kVectors * lanes * kStep), sum[v]);
      for (int v = 0; v < Rest; ++v)
        sum[kWhole + v] = Step::add(d, left, Step::line(d, rest + v * lanes * kStep), sum[kWhole + v]);
    }
    if (!walk.ends_block() || (walk.last() && walk.in_first_block())) continue;
    for (int v = 0; v < kAll; ++v) {
      if (!walk.begins_group()) sum[v] = hn::Add(hn::Load(d, total + v * lanes), sum[v]);
      const bool adds_groups = groups_begun && (walk.ends_group() || walk.last());
      if (adds_groups) sum[v] = hn::Add(hn::Load(d, whole_groups + v * lanes), sum[v]);
      hn::Store(sum[v], d, (walk.ends_group() ? whole_groups : total) + v * lanes);
    }
    groups_begun |= walk.ends_group();
    if (!walk.last())
      for (int v = 0; v < kAll; ++v) sum[v] = hn::Zero(d);
  }
  for (int v = 0; v < kAll; ++v) StoreVector(sum[v], d, places[v].y, places[v].count);
}

// ProductRow by whole panels and rest, [kRowPanels][kMostVectors + 1], then kRowPanels without rest.
template <class Step, int... I>
HWY_INLINE auto ProductRowOf(Index index, std::integer_sequence<int, I...>) {
  using Run = void (*)(Index, RowVectors<SumOf<Step>>&, TermsOf<Step>);
  constexpr int kRests = kMostVectors + 1;
  static constexpr Run kRuns[] = {nullptr, &ProductRow<(I + 1) / kRests, (I + 1) % kRests, Step>...};
  return kRuns[index];
}

// All panels of a part of one row, some whole ones and the last at a time.
template <class Step>
void ProductRows(const kernels::Panels& panels, Index N, TermsOf<Step> terms,
                 std::span<const kernels::ProductGroup<SumOf<Step>>> groups, kernels::ColumnPart part) {
  const Index end = part.end(panels);
  const Index last = panels.last_wider ? kVectors + 1 : panels.total % kVectors;  // vectors of a panel that is not whole
  Index first = part.begin(panels);
  RowVectors<SumOf<Step>> vectors(first, N, groups);
  while (first < end) {
    const Index whole = (std::min(panels.total - last, end) - first) / kVectors;
    const Index count = std::min<Index>(whole, kRowPanels),
                rest = count == whole && count < kRowPanels && end == panels.total ? last : 0;
    constexpr int kRests = kMostVectors + 1;
    ProductRowOf<Step>(count * kRests + rest, std::make_integer_sequence<int, kRowPanels * kRests>())(first, vectors, terms);
    first += count * kVectors + rest;
  }
}

}  // namespace reel::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif  // per-target include guard
