#include <reel/ops/matmul.h>

#include <algorithm>

#include <fmt/format.h>

#include <reel/graph/error.h>
#include <reel/ops/grouped_matmul.h>
#include <reel/ops/weight_gradient.h>

namespace reel {
namespace {

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
  double flop(std::span<const Signature>, const Signature&, const RunContext&) const override { return 0; }

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
    return {matmul(dy, transpose(x[1])), weight_gradient(x[0], dy)};
  }

  Var lower(std::span<const Var> x, Var y, Element) const override {
    const GroupedMatmulLayout one{.steps = 1, .terms = 1, .groups = 1};
    return grouped_matmul(one, {{x[0]}}, {{x[1]}}, {}, y.tape().node(y.id()).site);
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

}  // namespace

Var matmul(Operand x, Operand w) { return record(Matmul{}, x, w); }
bool is_matmul(const Tape& tape, NodeId id) { return Matmul::from(*tape.node(id).op) != nullptr; }

Var transpose(Operand x) { return record(Transpose{}, x); }

}  // namespace reel
