#include <reel/ops/transpose.h>

#include <fmt/format.h>

#include <reel/graph/cpp_form.h>
#include <reel/graph/error.h>
#include <reel/graph/onnx_form.h>

namespace reel {
namespace {

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
  double flop(std::span<const Signature>, const Signature&, const RunContext&) const override { return 0; }

  void write_onnx(OnnxWriter& w) const override {
    w.result(w.add("Transpose", {w.input(0)}, {{"perm", std::vector<std::int64_t>{1, 0}}}));
  }
  void write_cpp(CppWriter& w) const override {
    const Index M = w.y_shape().dim(0), N = w.y_shape().dim(1);
    w.line(fmt::format("for (int m = 0; m < {0}; ++m)", M));
    w.line(fmt::format("  for (int n = 0; n < {0}; ++n) {1}[m * {0} + n] = {2};", N, w.y(),
                       cpp_element_at(w.pointer(0), fmt::format("n * {} + m", M))));
  }

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

}  // namespace

Var transpose(Operand x) { return record(Transpose{}, x); }
bool is_transpose(const Tape& tape, NodeId id) { return Transpose::from(*tape.node(id).op) != nullptr; }

}  // namespace reel
