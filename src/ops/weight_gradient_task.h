// One task of a weight gradient over rows, in blocks; and how a result is cut into tasks. Internal to ops/weight_gradient.cpp.
#pragma once

#include <algorithm>
#include <cmath>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>

#include <reel/graph/kernels/sum.h>
#include <reel/ops/kernels/bf16.h>
#include <reel/ops/kernels/weight_gradient.h>
#include <reel/ops/run_walk.h>
#include <reel/ops/weight_gradient.h>

namespace reel::weight_gradients {

using kernels::RowRun;
using kernels::weight_gradient_kernels;

// Rows taken at once. Of the multiply-add rate, 64 reach .81, 128 .83, 192 .86, 256 .87, 384 .86 and 512 .87 (bench_rnn lstm_b64
// --profile; EPYC Zen 4); on a Xeon (Emerald Rapids) 128 and 256 take .99 and 1.00 of the time of 192, the least of three rounds
// in turns. More of them make the states of recomputation larger.
inline constexpr Index kBlockRows = 192;
// Of A in one task, at most; and of B, which copying A's rows is shared by: 6 take 1.03 and 22 1.04 of the time of 11 (the same
// command and Xeon, medians).
inline constexpr Index kTaskColumns = 520;
inline constexpr Index kTaskPanels = 11;
inline constexpr Index kGroupBlocks = 48;  // that add up in one place; longer sums add such groups up in the result

inline Index lanes_of(Element e) {
  return e == Element::f32 ? weight_gradient_kernels<float>().lanes : weight_gradient_kernels<double>().lanes;
}
inline Index width_of(Element e) {
  return lanes_of(e) *
         (e == Element::f32 ? weight_gradient_kernels<float>().panel_vectors : weight_gradient_kernels<double>().panel_vectors);
}

// How a result is cut into tasks: tiles of some of A's columns by some of B's panels. It depends on shapes alone.
struct Tasks {
  Index along_columns, columns;  // how many, and how wide
  Index along_panels;

  Tasks(Index M, Index N, Index groups, Index lanes, Index width) {
    along_columns = ceil_div(M, kTaskColumns);
    columns = along_columns == 0 ? 0 : std::min(round_up(ceil_div(M, along_columns), kernels::kStrip), kTaskColumns);
    const Index panels = ceil_div(round_up(N, lanes) * groups, width);
    along_panels = ceil_div(panels, kTaskPanels);
  }
  Index count() const { return std::max<Index>(along_columns * along_panels, 1); }
};

// Elements between rows: an odd number of cache lines, so that a column does not fall into few cache sets.
inline Index stride_of(Index columns) { return ((columns + 15) / 16 | 1) * 16; }

// A block of A, in strips of `width` columns.
template <class T>
kernels::Strips<T> strips_of(T* first, Index width) {
  const Index row_stride = width == kernels::kStrip ? width : stride_of(width);
  return {first, width, row_stride, stride_of(kBlockRows * row_stride)};
}
// Elements of it, whatever the strips.
inline Index left_size(Index columns) {
  return std::max(ceil_div(columns, kernels::kStrip) * stride_of(kBlockRows * kernels::kStrip), kBlockRows * stride_of(columns));
}

// What a task leaves for the one that goes on with its sum, as numbers of the plan's type, one piece after the other: kHead
// counts, the rows of the last block that is not full, the sums of the last group that is not full, and those of all groups
// before.
inline constexpr Index kHead = 16;
struct StatePieces {
  Index a, b, group, result, size;  // where each begins, and where the next task's state does

  StatePieces(const Tasks& tasks, Index width)
      : a(kHead),
        b(a + left_size(tasks.columns)),
        group(b + kBlockRows * width * kTaskPanels),
        result(group + tasks.columns * stride_of(width * kTaskPanels)),
        size(result + tasks.columns * width * kTaskPanels) {}
};

// [M_1 + .. + M_L (+ 1), N] of one group, from the operands of one step.
template <class ShapeOf>
std::pair<Index, Index> result_size(const WeightGradientLayout& layout, ShapeOf shape_of) {
  Index M = layout.sums ? 1 : 0;
  for (Index l = 0; l < layout.lefts; ++l) M = checked_sum(M, shape_of(l).last());
  return {M, shape_of(layout.lefts).last()};
}

// One task of a result.
template <class T>
class TaskCall {
 public:
  TaskCall(const WeightGradientLayout& layout, const KernelCall& c)
      : c_(c), layout_(layout), kernels_(weight_gradient_kernels<T>()) {
    if (layout.continues) {
      before_ = c_.x[0].template row<const T>(0);
      c_.x = c_.x.subspan(1);
    }
    std::tie(M_, N_) = result_size(layout, [&](Index i) -> const Shape& { return *c_.x[static_cast<std::size_t>(i)].shape; });
    each_ = ceil_div(N_, kernels_.lanes);
    const Index width = kernels_.panel_vectors * kernels_.lanes;
    const Tasks tasks(M_, N_, layout.groups, kernels_.lanes, width);
    if (M_ == 0 || N_ == 0) return;
    first_column_ = c.task / tasks.along_panels * tasks.columns;
    columns_ = std::min(tasks.columns, M_ - first_column_);
    first_vector_ = c.task % tasks.along_panels * kTaskPanels * kernels_.panel_vectors;
    vectors_ = std::min(kTaskPanels * kernels_.panel_vectors, each_ * layout.groups - first_vector_);
    if (layout.products != Precision::full) bf16_ = kernels::bf16_kernels(kernels::bf16_path(layout.products));
    const StatePieces pieces(tasks, width);
    if (layout.suspends) {
      after_ = c_.y.template row<T>(0) + c_.task * pieces.size;
      result_ = after_ + pieces.result;
    }
    T* const blocks = after_ ? after_ + pieces.a : reinterpret_cast<T*>(c_.scratch);
    a_ = strips_of(blocks, bf16_ ? tasks.columns : kernels::kStrip);
    b_ = blocks + (pieces.b - pieces.a);
    group_ = blocks + (pieces.group - pieces.a);
    group_stride_ = stride_of(vectors_ * kernels_.lanes);
    panels_ = kernels_.panels(vectors_);
    place_columns();
    if (before_) go_on(before_ + c.task * pieces.size, pieces);
  }

  void run() {
    if (columns_ <= 0) return;
    if (before_ || after_) return add_part();
    add_up(false);
    // 0 times what is not finite counts as 0, which the kernels do not know of.
    if (left_is_finite_) return;
    add_up(true);
    mend_elements();
  }

 private:
  // The panels of B lie one after the other, [kBlockRows, vectors x lanes] each.
  void place_columns() {
    for (Index v = 0; v < vectors_; ++v) {
      const Index panel = panels_.first_of(v), wide = panels_.vectors_of(panel);
      const Index column = (first_vector_ + v) % each_ * kernels_.lanes;
      columns_of_b_[v] = {(first_vector_ + v) / each_, column, std::min(kernels_.lanes, N_ - column),
                          (panel * kBlockRows + v - panel) * kernels_.lanes, wide * kernels_.lanes};
    }
  }

  // Takes over what the task before left.
  void go_on(const T* state, const StatePieces& pieces) {
    filled_ = static_cast<Index>(state[0]);
    blocks_ = static_cast<Index>(state[1]);
    groups_ = state[2] != T{0};
    left_is_finite_ = state[3] != T{0};
    if (state == after_) return;
    const Index across = vectors_ * kernels_.lanes;
    if (filled_ > 0) std::copy_n(state + pieces.a, pieces.b - pieces.a, a_.first);
    if (filled_ > 0) std::copy_n(state + pieces.b, kBlockRows * across, b_);
    if (blocks_ > 0) std::copy_n(state + pieces.group, columns_ * group_stride_, group_);
    if (!groups_) return;
    for (Index v = 0; v < vectors_; ++v)
      for (Index m = 0; m < columns_; ++m)
        std::copy_n(state + pieces.result + m * across + v * kernels_.lanes, columns_of_b_[v].count,
                    result(v) + m * result_stride());
  }

  // The same sums over what has come so far. Rows whose right operands are all 0 are left out of blocks in which a left one is
  // not finite; other zeros there are not looked for.
  void add_part() {
    const auto end_block = [&] {
      if (!left_is_finite_) drop_rows(filled_);
      left_is_finite_ = true;
      multiply(filled_, blocks_++ > 0, false);
      filled_ = 0;
    };
    const auto end_group = [&] {
      add_group(groups_);
      groups_ = true;
      blocks_ = 0;
    };
    RunWalk<T> walk(c_, layout_.operands());
    RowRun<const T> runs[kMostWeightGradientOperands];
    while (const Index count = walk.next(kBlockRows - filled_, runs)) {
      copy_left(count, runs, filled_);
      kernels_.pack(count, runs + layout_.lefts, vectors(), filled_, b_);
      filled_ += count;
      if (filled_ == kBlockRows) end_block();
      if (blocks_ == kGroupBlocks) end_group();
    }
    if (after_) {
      const T head[] = {static_cast<T>(filled_), static_cast<T>(blocks_), static_cast<T>(groups_),
                        static_cast<T>(left_is_finite_)};
      std::copy_n(head, std::size(head), after_);
      return;
    }
    if (filled_ > 0 || (blocks_ == 0 && !groups_)) end_block();
    if (blocks_ > 0) end_group();
  }

  // What this task has of the left operands' columns, and of the ones.
  void copy_left(Index count, const RowRun<const T>* runs, Index filled) {
    Index begin = 0;  // of the operand's columns in A
    for (Index l = 0; l < layout_.lefts; ++l) {
      const Index width = c_.x[static_cast<std::size_t>(l)].shape->last();
      const Index from = std::max(begin, first_column_), to = std::min(begin + width, first_column_ + columns_);
      if (from < to)
        left_is_finite_ &=
            kernels_.copy(count, to - from, {runs[l].first + (from - begin), runs[l].stride}, a_, filled, from - first_column_);
      begin += width;
    }
    if (layout_.sums && first_column_ + columns_ == M_)
      for (T *one = a_.at(filled, columns_ - 1), *end = one + count * a_.row_stride; one != end; one += a_.row_stride)
        *one = T{1};
  }

  // Where this task's columns of A meet a vector of B, in the result.
  T* result(Index vector) const {
    if (result_) return result_ + vector * kernels_.lanes;
    const kernels::PackColumn& column = columns_of_b_[vector];
    return c_.results[static_cast<std::size_t>(column.operand)].template row<T>(0) + first_column_ * N_ + column.column;
  }
  Index result_stride() const { return result_ ? vectors_ * kernels_.lanes : N_; }
  std::span<const kernels::PackColumn> vectors() const {
    return std::span(columns_of_b_).first(static_cast<std::size_t>(vectors_));
  }

  // All rows, in blocks; `drop`: without those whose right operands are all 0 here.
  void add_up(bool drop) {
    // Several blocks add up where the sums lie dense, and only then go to the result.
    const bool direct = RunWalk<T>::total_rows(c_, layout_.operands()) <= kBlockRows;
    RunWalk<T> walk(c_, layout_.operands());
    RowRun<const T> runs[kMostWeightGradientOperands];
    Index filled = 0, blocks = 0;  // of the group
    bool groups = false;           // some are in the result
    const auto end_block = [&] {
      if (drop) drop_rows(filled);
      multiply(filled, blocks++ > 0, direct);
      filled = 0;
    };
    const auto end_group = [&] {
      add_group(groups);
      groups = true;
      blocks = 0;
    };
    while (const Index count = walk.next(kBlockRows - filled, runs)) {
      copy_left(count, runs, filled);
      if (!drop && !left_is_finite_) return;  // it is done anew
      kernels_.pack(count, runs + layout_.lefts, vectors(), filled, b_);
      filled += count;
      if (filled == kBlockRows) end_block();
      if (!direct && blocks == kGroupBlocks) end_group();
    }
    if (filled > 0 || (blocks == 0 && !groups)) end_block();
    if (!direct && blocks > 0) end_group();
  }

  // The panel from vector v on, of a block of K rows.
  kernels::WeightGradientPanel<T> panel_of(Index v, Index K, bool add, bool direct) const {
    const kernels::PackColumn* column = columns_of_b_ + v;
    const int count = static_cast<int>(panels_.vectors_of(v));
    kernels::WeightGradientPanel<T> p{
        columns_, K, {a_.first, a_.width, a_.row_stride, a_.strip_stride}, b_ + column->to, count, direct ? N_ : group_stride_,
        add,      {}};
    for (int i = 0; i < count; ++i) {
      if (direct)
        p.columns[i] = {result(v + i), column[i].count};
      else
        p.columns[i] = {group_ + (v + i) * kernels_.lanes, kernels_.lanes};
    }
    return p;
  }

  // The sums of one block, to the result or to the group's.
  void multiply(Index K, bool add, bool direct) {
    const kernels::PairedRows left = pair_rows(K);
    for (Index v = 0; v < vectors_; v += panels_.vectors_of(v)) {
      kernels::WeightGradientPanel<T> p = panel_of(v, K, add, direct);
      if constexpr (std::is_same_v<T, float>)
        if (left.first) {
          p.K = ceil_div(K, 2);
          p.a = {left.first, a_.width, left.stride, 0};
          bf16_->weight_gradient_panel(p);
          continue;
        }
      kernels_.panel(p);
    }
  }

  // Makes pairs of bf16 of the block's rows, where the layout asks for them; gives the left ones.
  kernels::PairedRows pair_rows([[maybe_unused]] Index K) {
    if constexpr (std::is_same_v<T, float>)
      if (bf16_) {
        for (Index v = 0; v < vectors_; v += panels_.vectors_of(v))
          bf16_->pair_right(K, columns_of_b_[v].stride, b_ + columns_of_b_[v].to, columns_of_b_[v].stride);
        return bf16_->pair_left(K, columns_, a_.first, a_.row_stride);
      }
    return {nullptr, 0};
  }

  void add_group(bool add) {
    const auto add_row = kernels::sum_kernels<T>().add;
    for (Index v = 0, next = 0; v < vectors_; v = next) {
      Index count = 0;  // of one right operand's columns
      for (next = v; next < vectors_ && columns_of_b_[next].operand == columns_of_b_[v].operand; ++next)
        count += columns_of_b_[next].count;
      for (Index m = 0; m < columns_; ++m)
        add_row(group_ + m * group_stride_ + v * kernels_.lanes, result(v) + m * result_stride(), count, add);
    }
  }

  void drop_rows(Index filled) {
    for (Index k = 0; k < filled; ++k) {
      bool zero = true;
      for (const kernels::PackColumn& column : vectors()) {
        const T* row = b_ + column.to + k * column.stride;
        zero = zero && std::all_of(row, row + column.count, [](T b) { return b == T{0}; });
      }
      for (Index m = 0; zero && m < columns_; ++m) *a_.at(k, m) = T{};
    }
  }

  // Elements that are not finite still, one by one.
  void mend_elements() {
    for (Index v = 0; v < vectors_; ++v)
      for (Index m = 0; m < columns_; ++m)
        for (Index n = 0; n < columns_of_b_[v].count; ++n) {
          T& y = result(v)[m * N_ + n];
          if (!std::isfinite(y)) y = element(first_column_ + m, columns_of_b_[v], n);
        }
  }

  T element(Index m, const kernels::PackColumn& column, Index n) const {
    std::size_t left = 0;
    for (; left < static_cast<std::size_t>(layout_.lefts) && m >= c_.x[left].shape->last(); ++left) m -= c_.x[left].shape->last();
    const bool ones = left == static_cast<std::size_t>(layout_.lefts);
    RunWalk<T> walk(c_, layout_.operands());
    RowRun<const T> runs[kMostWeightGradientOperands];
    PairwiseSum<T> sum;
    while (const Index count = walk.next(kBlockRows, runs))
      for (Index k = 0; k < count; ++k) {
        const T b = runs[layout_.lefts + column.operand].row(k)[column.column + n];
        if (b != T{0}) sum.push(ones ? b : runs[left].row(k)[m] * b);
      }
    return sum.total();
  }

  KernelCall c_;  // whose inputs are the operands
  const WeightGradientLayout& layout_;
  kernels::WeightGradientKernels<T> kernels_;
  const T* before_ = nullptr;  // states
  T* after_ = nullptr;
  T* result_ = nullptr;  // where it is a part of a state
  Index M_ = 0, N_ = 0;
  Index each_ = 0;                        // vectors of one group
  Index filled_ = 0, blocks_ = 0;         // of parts: rows of the block, blocks of the group
  bool groups_ = false;                   // ... whether there are any in the result
  Index first_column_ = 0, columns_ = 0;  // of A
  Index first_vector_ = 0, vectors_ = 0;  // of B
  bool left_is_finite_ = true;
  std::optional<kernels::Bf16Kernels> bf16_ = std::nullopt;
  kernels::Strips<T> a_ = {};
  T *b_ = nullptr, *group_ = nullptr;  // group_: [columns, vectors x lanes]
  Index group_stride_ = 0;
  kernels::Panels panels_{0, 1, 1};  // of this task's vectors
  kernels::PackColumn columns_of_b_[kTaskPanels * kernels::kMostPanelVectors];
};

}  // namespace reel::weight_gradients
