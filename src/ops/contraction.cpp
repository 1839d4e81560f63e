#include <reel/ops/contraction.h>

#include <algorithm>

#include <fmt/format.h>

#include <reel/graph/error.h>
#include <reel/ops/kernels/contraction.h>
#include <reel/ops/matmul.h>

namespace reel {
namespace {

using kernels::contraction_kernels;

constexpr Index kBlockRows = 128;    // rows taken at once: a panel of B stays in the L1 cache, all of them and A in the L2
constexpr Index kPartColumns = 512;   // of A in one part
constexpr Index kPartPanels = 8;      // of B in one part: what copying A's rows is shared by

class Contract final : public OpOf<Contract> {
 public:
  static constexpr std::string_view kName = "contract";
  explicit Contract(ContractionLayout layout = {}) : layout_(layout) {}
  auto key() const { return layout_.key(); }
  std::string attributes() const override {
    if (layout_.groups == 1 && !layout_.sums) return {};
    return fmt::format("{} groups{}", layout_.groups, layout_.sums ? " +sums" : "");
  }
  const ContractionLayout& layout() const { return layout_; }

  Signature infer(const Arguments& x) const override {
    const int each = static_cast<int>(layout_.groups) + 1;
    if (x.size() == 0 || x.size() % each)
      throw ShapeError(fmt::format("takes {} inputs per step, was given {}", each, x.size()));
    x.require_all(Type::real);
    Shape first;
    for (int i = 0; i < x.size(); ++i) {
      if (i % each == 0) continue;
      const int left = i / each * each;
      const Shape &a = x.shape(left), &b = x.shape(i);
      if (a.rank() == 0 || b.rank() == 0 || a.batched() != b.batched() || a.without(-1) != b.without(-1))
        throw ShapeError(fmt::format("leading dimensions differ: {} and {}", x.describe(left), x.describe(i)));
      const Shape pair{a.last(), b.last()};
      if (i > 1 && pair != first) throw ShapeError(fmt::format("pairs give {} and {}", first.text(), pair.text()));
      first = pair;
    }
    const Index M = first.dim(0) + layout_.sums;
    return {Type::real, in_pieces() ? Shape{layout_.groups, M, first.dim(1)} : Shape{M, first.dim(1)}};
  }
  bool in_pieces() const override { return layout_.groups > 1; }

  std::vector<Var> adjoint(std::span<const Var> x, Var, Var dy) const override {
    std::vector<Var> dx;
    const Var turned = transpose(dy);
    for (std::size_t i = 0; i < x.size(); i += 2) {
      dx.push_back(matmul(x[i + 1], turned));
      dx.push_back(matmul(x[i], dy));
    }
    return dx;
  }

  bool sum_merges() const override { return true; }
  double flop(std::span<const Signature> x, const Signature& y, Index rows) const override {
    double sum = 0;
    for (std::size_t i = 0; i < x.size(); i += static_cast<std::size_t>(layout_.groups) + 1)
      sum += static_cast<double>(x[i].shape.leading() * (x[i].shape.batched() ? rows : 1));
    return 2 * sum * static_cast<double>(y.elements(rows));
  }

  template <class S>
  void evaluate_as(const Evaluation<S>& e) const {
    const auto G = static_cast<std::size_t>(layout_.groups);
    const Index M = e.y.shape->dim(-2) - layout_.sums, N = e.y.shape->dim(-1);
    std::fill_n(e.y.real, e.y.size, S{});
    for (std::size_t i = 0; i < e.x.size(); i += G + 1) {
      const Index rows = e.rows(*e.x[i].shape) * e.x[i].shape->leading();
      for (std::size_t g = 0; g < G; ++g) {
        S* y = e.y.real + static_cast<Index>(g) * (M + layout_.sums) * N;
        for (Index r = 0; r < rows; ++r)
          for (Index m = 0; m < M + layout_.sums; ++m)
            for (Index n = 0; n < N; ++n)
              y[m * N + n] += (m < M ? e.x[i].real[r * M + m] : S(1)) * e.x[i + 1 + g].real[r * N + n];
      }
    }
  }

  // Parts are tiles of the output: some of A's columns by some of B's panels.
  Index parts(Element element, std::span<const Signature>, const Signature& y) const override {
    const auto [columns, panels] = extents(y.shape, lanes(element), width(element));
    return std::max<Index>(columns * panels, 1);
  }

  std::size_t scratch_bytes(Element element, std::span<const Signature> x) const override {
    const std::size_t number = element == Element::f32 ? sizeof(float) : sizeof(double);
    const Index M = std::min(x[0].shape.last() + 1, kPartColumns);
    return static_cast<std::size_t>(kBlockRows) *
           (static_cast<std::size_t>(stride_of(M) + width(element) * kPartPanels) * number +
            static_cast<std::size_t>(layout_.groups + 1) * sizeof(void*));
  }

  template <class T>
  void run_as(const KernelCall& c) const {
    Part<T>(*this, c).run();
  }

 private:
  static Index lanes(Element e) { return e == Element::f32 ? contraction_kernels<float>().lanes : contraction_kernels<double>().lanes; }
  static Index width(Element e) { return e == Element::f32 ? contraction_kernels<float>().width : contraction_kernels<double>().width; }

  // How many parts there are, along A's columns and along B's.
  std::pair<Index, Index> extents(const Shape& y, Index lanes, Index width) const {
    const Index vectors = (y.dim(-1) + lanes - 1) / lanes * layout_.groups;
    const Index panels = (vectors * lanes + width - 1) / width;
    return {(y.dim(-2) + kPartColumns - 1) / kPartColumns, (panels + kPartPanels - 1) / kPartPanels};
  }

  // Elements between the rows of a block of A: an odd number of cache lines, so that a column does not fall into few cache sets.
  static Index stride_of(Index M) { return ((M + 15) / 16 | 1) * 16; }

  // Pointers to the rows of a block.
  template <class T>
  struct Rows {
    const T** left;   // [kBlockRows]
    const T** right;  // [kBlockRows][groups]
    Index count = 0;
  };

  // Walks all rows of all steps in order.
  template <class T>
  class RowWalk {
   public:
    RowWalk(const KernelCall& c, Index groups) : c_(c), each_(static_cast<std::size_t>(groups) + 1) { skip_empty(); }

    void next_block(Rows<T>& rows) {
      for (rows.count = 0; rows.count < kBlockRows && step_ < c_.x.size(); ++rows.count) {
        const Port& x = c_.x[step_];
        rows.left[rows.count] = x.row<const T>(row_) + lead_ * x.shape->last();
        for (std::size_t g = 1; g < each_; ++g) {
          const Port& y = c_.x[step_ + g];
          rows.right[rows.count * static_cast<Index>(each_ - 1) + static_cast<Index>(g - 1)] =
              y.row<const T>(row_) + lead_ * y.shape->last();
        }
        if (++lead_ < leads_) continue;
        lead_ = 0;
        if (++row_ < rows_) continue;
        step_ += each_;
        skip_empty();
      }
    }

   private:
    void skip_empty() {
      row_ = 0;
      for (; step_ < c_.x.size(); step_ += each_) {
        leads_ = c_.x[step_].shape->leading();
        rows_ = c_.x[step_].shape->batched() ? c_.rows : 1;
        if (leads_ * rows_ > 0) return;
      }
    }
    const KernelCall& c_;
    std::size_t each_;
    std::size_t step_ = 0;  // index of its left operand
    Index row_ = 0, lead_ = 0, rows_ = 0, leads_ = 0;
  };

  // One part of the result.
  template <class T>
  class Part {
   public:
    Part(const Contract& op, const KernelCall& c)
        : c_(c),
          kernels_(contraction_kernels<T>()),
          G_(op.layout_.groups),
          M_(c.y.shape->dim(-2)),
          N_(c.y.shape->dim(-1)),
          each_((N_ + kernels_.lanes - 1) / kernels_.lanes),
          most_(kernels_.width / kernels_.lanes),
          sums_(op.layout_.sums) {
      const Index along_panels = std::max<Index>(op.extents(*c.y.shape, kernels_.lanes, kernels_.width).second, 1);
      first_column_ = c.part / along_panels * kPartColumns;
      columns_ = std::min(kPartColumns, M_ - first_column_);
      from_x_ = std::min(columns_, M_ - sums_ - first_column_);
      first_vector_ = c.part % along_panels * kPartPanels * most_;
      vectors_ = std::min(kPartPanels * most_, each_ * G_ - first_vector_);
      a_stride_ = stride_of(std::min(M_, kPartColumns));
      a_ = reinterpret_cast<T*>(c.scratch);
      b_ = a_ + kBlockRows * a_stride_;
      auto** pointers = reinterpret_cast<const T**>(b_ + kBlockRows * kernels_.width * kPartPanels);
      rows_ = {pointers, pointers + kBlockRows, 0};
      if (columns_ > 0 && N_ > 0) place_columns();
    }

    void run() {
      if (columns_ <= 0 || N_ == 0) return;
      RowWalk<T> walk(c_, G_);
      walk.next_block(rows_);
      bool add = false;
      do {
        run_block(add);
        add = true;
        walk.next_block(rows_);
      } while (rows_.count > 0);
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

    void run_block(bool add) {
      for (Index k = 0; k < rows_.count; ++k) {
        T* a = a_ + k * a_stride_;
        std::copy_n(rows_.left[k] + first_column_, from_x_, a);
        if (from_x_ < columns_) a[from_x_] = T{1};
      }
      kernels_.pack(rows_.count, rows_.right, G_, std::span(columns_of_b_).first(static_cast<std::size_t>(vectors_)), b_);
      for (Index v = 0; v < vectors_; v += most_) run_panel(v, rows_.count, add);
    }

    void run_panel(Index first, Index K, bool add) {
      const kernels::PackColumn* column = columns_of_b_ + first;
      const int vectors = static_cast<int>(std::min(most_, vectors_ - first));
      kernels::ContractionPanel<T> p{columns_, K, a_, a_stride_, b_ + column->to, vectors, N_, add, {}};
      for (int v = 0; v < vectors; ++v) {
        T* y = c_.results[static_cast<std::size_t>(column[v].operand)].template row<T>(0);
        p.columns[v] = {y + first_column_ * N_ + column[v].column, column[v].count};
      }
      kernels_.panel(p);
    }

    const KernelCall& c_;
    kernels::ContractionKernels<T> kernels_;
    Index G_, M_, N_;
    Index each_;  // vectors of one group
    Index most_;  // vectors of a panel
    bool sums_;
    Index first_column_, columns_, from_x_;  // of A, with and without the column of ones
    Index first_vector_, vectors_;           // of B
    Index a_stride_;
    T *a_, *b_;
    Rows<T> rows_;
    kernels::PackColumn columns_of_b_[kPartPanels * kernels::kMostPanelVectors];
  };

  ContractionLayout layout_;
};

}  // namespace

Var contract(Operand x, Operand y) { return record(Contract{}, x, y); }

Var contraction(const ContractionLayout& layout, std::span<const Var> operands, CallSite site) {
  return operands[0].tape().append(Contract(layout), operands, site);
}

const ContractionLayout* contraction_layout(const Tape& tape, NodeId id) {
  const Contract* op = Contract::from(*tape.node(id).op);
  return op ? &op->layout() : nullptr;
}

}  // namespace reel
