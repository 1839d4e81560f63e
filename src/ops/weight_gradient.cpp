#include <reel/ops/transpose.h>
#include <reel/ops/weight_gradient.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <type_traits>

#include <fmt/format.h>

#include <reel/graph/error.h>
#include <reel/graph/fixed_sum.h>
#include <reel/graph/kernels/sum.h>
#include <reel/ops/kernels/bf16.h>
#include <reel/ops/kernels/weight_gradient.h>
#include <reel/ops/matmul.h>
#include <reel/ops/run_walk.h>
#include <reel/ops/scalar.h>

namespace reel {
namespace {

using kernels::RowRun;
using kernels::weight_gradient_kernels;

constexpr Index kBlockRows = 128;    // rows taken at once: a panel of B stays in the L1 cache, all of them and A in the L2
constexpr Index kTaskColumns = 516;  // of A in one task, at most: whole register tiles of 12, 6 or 4 rows, all but the last of 8
constexpr Index kTaskPanels = 8;     // of B in one task: what copying A's rows is shared by
constexpr Index kGroupBlocks = 64;   // that add up in one place; longer sums add such groups up in the result

Index lanes_of(Element e) {
  return e == Element::f32 ? weight_gradient_kernels<float>().lanes : weight_gradient_kernels<double>().lanes;
}
Index width_of(Element e) {
  return e == Element::f32 ? weight_gradient_kernels<float>().width : weight_gradient_kernels<double>().width;
}

// How a result is cut into tasks: tiles of some of A's columns by some of B's panels. It depends on shapes alone.
struct Tasks {
  Index along_columns, columns;  // how many, and how wide
  Index along_panels;

  Tasks(Index M, Index N, Index groups, Index lanes, Index width) {
    along_columns = ceil_div(M, kTaskColumns);
    columns = along_columns == 0 ? 0 : std::min(round_up(ceil_div(M, along_columns), 12), kTaskColumns);
    const Index panels = ceil_div(round_up(N, lanes) * groups, width);
    along_panels = ceil_div(panels, kTaskPanels);
  }
};

// Elements between the rows of a block of A: an odd number of cache lines, so that a column does not fall into few cache sets.
Index stride_of(Index columns) { return ((columns + 15) / 16 | 1) * 16; }

// One task of a result.
template <class T>
class PartCall {
 public:
  PartCall(const WeightGradientLayout& layout, const KernelCall& c)
      : c_(c),
        layout_(layout),
        kernels_(weight_gradient_kernels<T>()),
        M_(c.y.shape->dim(-2)),
        N_(c.y.shape->dim(-1)),
        each_(ceil_div(N_, kernels_.lanes)),
        most_(kernels_.width / kernels_.lanes) {
    const Tasks tasks(M_, N_, layout.groups, kernels_.lanes, kernels_.width);
    if (M_ == 0 || N_ == 0) return;
    first_column_ = c.task / tasks.along_panels * tasks.columns;
    columns_ = std::min(tasks.columns, M_ - first_column_);
    first_vector_ = c.task % tasks.along_panels * kTaskPanels * most_;
    vectors_ = std::min(kTaskPanels * most_, each_ * layout.groups - first_vector_);
    if (layout.products != Precision::full) bf16_ = kernels::bf16_kernels(kernels::bf16_path(layout.products));
    a_stride_ = stride_of(tasks.columns);
    a_ = reinterpret_cast<T*>(c.scratch);
    b_ = a_ + kBlockRows * a_stride_;
    group_ = b_ + kBlockRows * kernels_.width * kTaskPanels;
    place_columns();
  }

  void run() {
    if (columns_ <= 0) return;
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
      const Index panel = v / most_ * most_, wide = std::min(most_, vectors_ - panel);
      const Index column = (first_vector_ + v) % each_ * kernels_.lanes;
      columns_of_b_[v] = {(first_vector_ + v) / each_, column, std::min(kernels_.lanes, N_ - column),
                          (panel * kBlockRows + v - panel) * kernels_.lanes, wide * kernels_.lanes};
    }
  }

  // What this task has of the left operands' columns, and of the ones.
  void copy_left(Index count, const RowRun<const T>* runs, Index filled) {
    Index begin = 0;  // of the operand's columns in A
    for (Index l = 0; l < layout_.lefts; ++l) {
      const Index width = c_.x[static_cast<std::size_t>(l)].shape->last();
      const Index from = std::max(begin, first_column_), to = std::min(begin + width, first_column_ + columns_);
      if (from < to)
        left_is_finite_ &= kernels_.copy(count, to - from, {runs[l].first + (from - begin), runs[l].stride},
                                         a_ + filled * a_stride_ + from - first_column_, a_stride_);
      begin += width;
    }
    if (layout_.sums && first_column_ + columns_ == M_)
      for (Index k = 0; k < count; ++k) a_[(filled + k) * a_stride_ + columns_ - 1] = T{1};
  }

  // Where this task's columns of A meet a vector of B, in the result.
  T* result(const kernels::PackColumn& column) const {
    return c_.results[static_cast<std::size_t>(column.operand)].template row<T>(0) + first_column_ * N_ + column.column;
  }
  std::span<const kernels::PackColumn> vectors() const {
    return std::span(columns_of_b_).first(static_cast<std::size_t>(vectors_));
  }

  // All rows, in blocks; `drop`: without those whose right operands are all 0 here.
  void add_up(bool drop) {
    const bool direct = RunWalk<T>::total_rows(c_, layout_.operands()) <= kBlockRows * kGroupBlocks;
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

  // The sums of one block, to the result or to the group's.
  void multiply(Index K, bool add, bool direct) {
    const bool pairs = pair_rows(K);
    for (Index v = 0; v < vectors_; v += most_) {
      const kernels::PackColumn* column = columns_of_b_ + v;
      const int count = static_cast<int>(std::min(most_, vectors_ - v));
      const Index group_stride = vectors_ * kernels_.lanes;
      kernels::WeightGradientPanel<T> p{columns_, pairs ? ceil_div(K, 2) : K, a_,  a_stride_, b_ + column->to,
                                        count,    direct ? N_ : group_stride, add, {}};
      for (int i = 0; i < count; ++i) {
        if (direct)
          p.columns[i] = {result(column[i]), column[i].count};
        else
          p.columns[i] = {group_ + (v + i) * kernels_.lanes, kernels_.lanes};
      }
      if constexpr (std::is_same_v<T, float>)
        if (pairs) {
          bf16_->weight_gradient_panel(p);
          continue;
        }
      kernels_.panel(p);
    }
  }

  // Makes pairs of bf16 of the block's rows, where the layout asks for them.
  bool pair_rows([[maybe_unused]] Index K) {
    if constexpr (std::is_same_v<T, float>) {
      if (!bf16_) return false;
      bf16_->pair_rows(K, columns_, a_, a_stride_);
      for (Index v = 0; v < vectors_; v += most_)
        bf16_->pair_rows(K, columns_of_b_[v].stride, b_ + columns_of_b_[v].to, columns_of_b_[v].stride);
      return true;
    }
    return false;
  }

  void add_group(bool add) {
    const auto add_row = kernels::sum_kernels<T>().add;
    for (Index v = 0; v < vectors_; ++v)
      for (Index m = 0; m < columns_; ++m)
        add_row(group_ + (m * vectors_ + v) * kernels_.lanes, result(columns_of_b_[v]) + m * N_, columns_of_b_[v].count, add);
  }

  void drop_rows(Index filled) {
    for (Index k = 0; k < filled; ++k) {
      bool zero = true;
      for (const kernels::PackColumn& column : vectors()) {
        const T* row = b_ + column.to + k * column.stride;
        zero = zero && std::all_of(row, row + column.count, [](T b) { return b == T{0}; });
      }
      if (zero) std::fill_n(a_ + k * a_stride_, columns_, T{});
    }
  }

  // Elements that are not finite still, one by one.
  void mend_elements() {
    for (Index v = 0; v < vectors_; ++v)
      for (Index m = 0; m < columns_; ++m)
        for (Index n = 0; n < columns_of_b_[v].count; ++n) {
          T& y = result(columns_of_b_[v])[m * N_ + n];
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

  const KernelCall& c_;
  const WeightGradientLayout& layout_;
  kernels::WeightGradientKernels<T> kernels_;
  Index M_, N_;
  Index each_;                            // vectors of one group
  Index most_;                            // vectors of a panel
  Index first_column_ = 0, columns_ = 0;  // of A
  Index first_vector_ = 0, vectors_ = 0;  // of B
  Index a_stride_ = 0;
  bool left_is_finite_ = true;
  std::optional<kernels::Bf16Kernels> bf16_ = std::nullopt;
  T *a_ = nullptr, *b_ = nullptr, *group_ = nullptr;  // group_: [columns, vectors x lanes]
  kernels::PackColumn columns_of_b_[kTaskPanels * kernels::kMostPanelVectors];
};

class WeightGradient final : public OpOf<WeightGradient> {
 public:
  static constexpr std::string_view kName = "weight_gradient";
  explicit WeightGradient(WeightGradientLayout layout = {}) : layout_(layout) {}
  auto key() const { return layout_.key(); }
  std::string attributes() const override {
    if (layout_.key() == WeightGradientLayout{}.key()) return {};
    return fmt::format("{} lefts {} groups{}{}", layout_.lefts, layout_.groups, layout_.sums ? " +sums" : "",
                       layout_.products == Precision::full ? "" : " bf16");
  }
  const WeightGradientLayout& layout() const { return layout_; }

  Signature infer(const Arguments& x) const override {
    const int L = static_cast<int>(layout_.lefts), each = static_cast<int>(layout_.operands());
    if (x.size() == 0 || x.size() % each) throw ShapeError(fmt::format("takes {} inputs per step, was given {}", each, x.size()));
    x.require_all(Type::real);
    for (int i = 0; i < x.size(); ++i) {
      const int left = i / each * each, first = i % each;
      const Shape &a = x.shape(left), &b = x.shape(i);
      if (a.rank() == 0 || b.rank() == 0 || a.rows() != b.rows() || a.without(-1) != b.without(-1))
        throw ShapeError(fmt::format("leading dimensions differ: {} and {}", x.describe(left), x.describe(i)));
      const int like = first < L ? first : L;  // of the first step
      if (b.last() != x.shape(like).last())
        throw ShapeError(fmt::format("widths differ: {} and {}", x.describe(like), x.describe(i)));
    }
    Index M = layout_.sums ? 1 : 0;
    for (int l = 0; l < L; ++l) M = checked_sum(M, x.shape(l).last());
    const Index N = x.shape(L).last();
    return {Type::real, layout_.groups > 1 ? Shape{layout_.groups, M, N} : Shape{M, N}};
  }

  std::vector<Var> adjoint(std::span<const Var> x, Var y, Var dy) const override {
    if (layout_.operands() != 2 || layout_.sums) return Op::adjoint(x, y, dy);  // a form of plans
    std::vector<Var> dx;
    const Var turned = transpose(dy);
    for (std::size_t i = 0; i < x.size(); i += 2) {
      dx.push_back(matmul(x[i + 1], turned));
      dx.push_back(matmul(x[i], dy));
    }
    return dx;
  }

  Traits traits() const override { return {.merges_in_sums = true, .multi_output = layout_.groups > 1}; }
  double flop(std::span<const Signature> x, const Signature& y, const RunContext& run) const override {
    double sum = 0;
    for (std::size_t i = 0; i < x.size(); i += static_cast<std::size_t>(layout_.operands()))
      sum += static_cast<double>(x[i].shape.leading() * run.rows_of(x[i].shape));
    return 2 * sum * static_cast<double>(y.elements(run));
  }

  template <class S>
  void evaluate_as(const Evaluation<S>& e) const {
    const auto L = static_cast<std::size_t>(layout_.lefts), each = static_cast<std::size_t>(layout_.operands());
    const Index N = e.y.shape->dim(-1);
    std::vector<std::pair<std::size_t, Index>> rows;  // of all steps: the step's first operand, and the row
    for (std::size_t i = 0; i < e.x.size(); i += each)
      for (Index r = 0; r < e.rows(*e.x[i].shape) * e.x[i].shape->leading(); ++r) rows.emplace_back(i, r);
    // y[m, n] of a group; `left` gives what multiplies the right operand's element in a row.
    const auto sum_over_rows = [&](std::size_t right, Index n, auto left) {
      return sum_across<S>(static_cast<Index>(rows.size()), [&](Index i) {
        const auto [step, r] = rows[static_cast<std::size_t>(i)];
        const S b = e.x[step + right].real[r * N + n];
        if (b == S(0)) return S{};
        const S a = left(step, r);
        return layout_.products == Precision::full ? a * b : rounded_to_bf16(a) * rounded_to_bf16(b);
      });
    };
    S* y = e.y.real;
    for (std::size_t g = L; g < each; ++g) {
      for (std::size_t l = 0; l < L; ++l) {
        const Index width = e.x[l].shape->last();
        for (Index m = 0; m < width; ++m)
          for (Index n = 0; n < N; ++n)
            *y++ = sum_over_rows(g, n, [&](std::size_t step, Index r) { return e.x[step + l].real[r * width + m]; });
      }
      for (Index n = 0; n < N && layout_.sums; ++n) *y++ = sum_over_rows(g, n, [](std::size_t, Index) { return S(1); });
    }
  }

  Index tasks(Element element, std::span<const Signature>, const Signature& y) const override {
    const Tasks p(y.shape.dim(-2), y.shape.dim(-1), layout_.groups, lanes_of(element), width_of(element));
    return std::max<Index>(p.along_columns * p.along_panels, 1);
  }

  std::size_t scratch_bytes(Element element, std::span<const Signature> x) const override {
    const std::size_t number = element == Element::f32 ? sizeof(float) : sizeof(double);
    Index M = 1;
    for (const Signature& left : x.first(static_cast<std::size_t>(layout_.lefts))) M += left.shape.last();
    const Index columns = std::min(M + 11, kTaskColumns), width = width_of(element) * kTaskPanels;
    const Index N = round_up(x[static_cast<std::size_t>(layout_.lefts)].shape.last(), lanes_of(element)) * layout_.groups;
    return static_cast<std::size_t>(kBlockRows * (stride_of(columns) + width) + columns * std::min(N, width)) * number;
  }

  template <class T>
  void run_as(const KernelCall& c) const {
    PartCall<T>(layout_, c).run();
  }

 private:
  WeightGradientLayout layout_;
};

}  // namespace

Var weight_gradient(Operand x, Operand y) { return record(WeightGradient{}, x, y); }

Var grouped_weight_gradient(const WeightGradientLayout& layout, std::span<const Var> operands, CallSite site) {
  return operands[0].tape().append(WeightGradient(layout), operands, site);
}

const WeightGradientLayout* weight_gradient_layout(const Tape& tape, NodeId id) {
  const WeightGradient* op = WeightGradient::from(*tape.node(id).op);
  return op ? &op->layout() : nullptr;
}

}  // namespace reel
