#include <reel/ops/matmul.h>

#include <algorithm>

#include <fmt/format.h>

#include <reel/graph/error.h>
#include <reel/ops/kernels/gemm.h>
#include <reel/ops/products.h>

namespace reel {
namespace {

using kernels::gemm_kernels;
using kernels::GemmKernels;

Signature product_signature(const Shape& x, Index N) { return {Type::real, x.with_dim(-1, N)}; }

class Transpose final : public OpOf<Transpose> {
 public:
  static constexpr std::string_view kName = "transpose";
  Signature infer(const Arguments& x) const override {
    x.require_count(1);
    x.require_type(0, Type::real);
    const Shape& s = x.shape(0);
    if (s.batched()) throw ShapeError(fmt::format("{} has a batch; only matrices without B are transposed", x.describe(0)));
    if (s.rank() != 2) throw ShapeError(fmt::format("{} is no matrix", x.describe(0)));
    return {Type::real, Shape{s.dim(1), s.dim(0)}};
  }
  std::vector<Var> adjoint(std::span<const Var>, Var, Var dy) const override { return {transpose(dy)}; }
  bool transposes() const override { return true; }
  double flop(std::span<const Signature>, const Signature&, Index) const override { return 0; }

  template <class S>
  void evaluate_as(const Evaluation<S>& e) const {
    turn(*e.y.shape, e.x[0].real, e.y.real);
  }
  template <class T>
  void run_as(const KernelCall& c) const {
    turn(*c.y.shape, c.x[0].row<const T>(0), c.y.row<T>(0));
  }

 private:
  template <class S>
  static void turn(const Shape& y_shape, const S* x, S* y) {
    const Index M = y_shape.dim(0), N = y_shape.dim(1);
    for (Index m = 0; m < M; ++m)
      for (Index n = 0; n < N; ++n) y[m * N + n] = x[n * M + m];
  }
};

class Matmul final : public OpOf<Matmul> {
 public:
  static constexpr std::string_view kName = "matmul";

  Signature infer(const Arguments& x) const override {
    x.require_count(2);
    x.require_all(Type::real);
    const Shape& w = x.shape(1);
    if (w.batched() || w.rank() != 2)
      throw ShapeError(
          fmt::format("the right operand must be a matrix [K, N] without B: {} by {}", x.describe(0), x.describe(1)));
    if (x.shape(0).rank() == 0)
      throw ShapeError(fmt::format("the left operand needs a last dimension: {} by {}", x.describe(0), x.describe(1)));
    if (x.shape(0).last() != w.dim(0))
      throw ShapeError(fmt::format("inner dimensions differ: {} by {}", x.describe(0), x.describe(1)));
    return product_signature(x.shape(0), w.dim(1));
  }

  std::vector<Var> adjoint(std::span<const Var> x, Var, Var dy) const override {
    return {matmul(dy, transpose(x[1])), contract(x[0], dy)};
  }

  Var lower(std::span<const Var> x, Var y, Element) const override {
    const ProductsLayout one{.steps = 1, .terms = 1, .groups = 1};
    return products(one, {{x[0]}}, {{x[1]}}, {}, y.tape().node(y.id()).site);
  }

  template <class S>
  void evaluate_as(const Evaluation<S>& e) const {
    const Index K = e.x[1].shape->dim(0), N = e.x[1].shape->dim(1);
    if (N == 0) return;
    for (Index m = 0; m < e.y.size / N; ++m) {
      std::fill_n(e.y.real + m * N, N, S{});
      for (Index k = 0; k < K; ++k)
        for (Index n = 0; n < N; ++n) e.y.real[m * N + n] += e.x[0].real[m * K + k] * e.x[1].real[k * N + n];
    }
  }
};

// sum_i x_i^T y_i over pairs of inputs (x_1, y_1, x_2, y_2, ...), so that a sum of contractions is one node.
class Contract final : public OpOf<Contract> {
 public:
  static constexpr std::string_view kName = "contract";

  Signature infer(const Arguments& x) const override {
    if (x.size() == 0 || x.size() % 2) throw ShapeError(fmt::format("takes pairs of inputs, was given {}", x.size()));
    x.require_all(Type::real);
    Shape result;
    for (int i = 0; i < x.size(); i += 2) {
      const Shape &a = x.shape(i), &b = x.shape(i + 1);
      if (a.rank() == 0 || b.rank() == 0 || a.batched() != b.batched() || a.without(-1) != b.without(-1))
        throw ShapeError(fmt::format("leading dimensions differ: {} and {}", x.describe(i), x.describe(i + 1)));
      const Shape pair{a.last(), b.last()};
      if (i > 0 && pair != result) throw ShapeError(fmt::format("pairs give {} and {}", result.text(), pair.text()));
      result = pair;
    }
    return {Type::real, result};
  }

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
    for (std::size_t i = 0; i < x.size(); i += 2)
      sum += static_cast<double>(x[i].shape.leading() * (x[i].shape.batched() ? rows : 1));
    return 2 * sum * static_cast<double>(y.elements(rows));
  }

  template <class S>
  void evaluate_as(const Evaluation<S>& e) const {
    const Index K = e.y.shape->dim(0), N = e.y.shape->dim(1);
    std::fill_n(e.y.real, e.y.size, S{});
    for (std::size_t i = 0; i < e.x.size(); i += 2) {
      const Index rows = e.rows(*e.x[i].shape) * e.x[i].shape->leading();
      for (Index r = 0; r < rows; ++r)
        for (Index k = 0; k < K; ++k)
          for (Index n = 0; n < N; ++n) e.y.real[k * N + n] += e.x[i].real[r * K + k] * e.x[i + 1].real[r * N + n];
    }
  }

  // One part per panel of columns. Rows of all pairs are taken in order, a block of them at a time.
  Index parts(Element element, std::span<const Signature>, const Signature& y) const override {
    return std::max<Index>((y.shape.dim(1) + width(element) - 1) / width(element), 1);
  }

  std::size_t scratch_bytes(Element element, std::span<const Signature>) const override {
    const std::size_t number = element == Element::f32 ? sizeof(float) : sizeof(double);
    return kernels::kContractionRows * (static_cast<std::size_t>(width(element)) * number + 2 * sizeof(void*));
  }

  template <class T>
  void run_as(const KernelCall& c) const {
    const Index columns = width(element_of<T>());
    Block<T> block(c, c.part * columns, std::min(columns, c.y.shape->dim(1) - c.part * columns));
    for (std::size_t i = 0; i < c.x.size(); i += 2)
      for (Index r = 0; r < (c.x[i].shape->batched() ? c.rows : 1); ++r)
        for (Index m = 0; m < c.x[i].shape->leading(); ++m) block.push(c.x[i], c.x[i + 1], r, m);
    block.finish();
  }

 private:
  static Index width(Element element) {
    return element == Element::f32 ? gemm_kernels<float>().width : gemm_kernels<double>().width;
  }

  // Gathers row pointers and multiplies whenever a block is full.
  template <class T>
  class Block {
   public:
    Block(const KernelCall& c, Index first, Index columns)
        : first_(first), columns_(columns), K_(c.y.shape->dim(0)), N_(c.y.shape->dim(1)), y_(c.y.row<T>(0) + first) {
      left_ = reinterpret_cast<const T**>(c.scratch);
      right_ = left_ + kernels::kContractionRows;
      panel_ = reinterpret_cast<T*>(right_ + kernels::kContractionRows);
    }
    void push(const Port& x, const Port& y, Index row, Index lead) {
      left_[count_] = x.row<const T>(row) + lead * K_;
      right_[count_] = y.row<const T>(row) + lead * N_ + first_;
      if (++count_ == kernels::kContractionRows) flush();
    }
    void finish() {
      if (count_ > 0 || !started_) flush();
    }

   private:
    void flush() {
      gemm_kernels<T>().contract_panel(K_, columns_, count_, left_, right_, y_, N_, started_, panel_);
      started_ = true;
      count_ = 0;
    }
    Index first_, columns_, K_, N_;
    T* y_;
    const T** left_;
    const T** right_;
    T* panel_;
    Index count_ = 0;
    bool started_ = false;
  };
};

}  // namespace

Var matmul(Operand x, Operand w) { return record(Matmul{}, x, w); }
Var contract(Operand x, Operand y) { return record(Contract{}, x, y); }
Var transpose(Operand x) { return record(Transpose{}, x); }

}  // namespace reel
