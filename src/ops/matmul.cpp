#include <reel/ops/matmul.h>

#include <algorithm>

#include <fmt/format.h>

#include <reel/graph/error.h>
#include <reel/graph/fixed_sum.h>
#include <reel/graph/onnx_form.h>
#include <reel/ops/grouped_matmul.h>
#include <reel/ops/transpose.h>
#include <reel/ops/weight_gradient.h>

namespace reel {
namespace {

Signature product_signature(const Shape& x, Index N) { return {Type::real, x.with_dim(-1, N)}; }

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

  void write_onnx(OnnxWriter& w) const override { w.result(w.add("MatMul", {w.input(0), w.input(1)})); }

  template <class S>
  void evaluate_as(const Evaluation<S>& e) const {
    const Index K = e.x[1].shape->dim(0), N = e.x[1].shape->dim(1);
    if (N == 0) return;
    for (Index m = 0; m < e.y.size / N; ++m)
      for (Index n = 0; n < N; ++n)
        e.y.real[m * N + n] = sum_across<S>(K, [&](Index k) { return e.x[0].real[m * K + k] * e.x[1].real[k * N + n]; });
  }
};

}  // namespace

Var matmul(Operand x, Operand w) { return record(Matmul{}, x, w); }
bool is_matmul(const Tape& tape, NodeId id) { return Matmul::from(*tape.node(id).op) != nullptr; }

}  // namespace reel
