#include <reel/ops/softmax.h>

#include <fmt/format.h>

#include <reel/graph/error.h>
#include <reel/ops/arithmetic.h>
#include <reel/ops/elementary.h>
#include <reel/ops/kernels/softmax_rows.h>
#include <reel/ops/naive_softmax.h>
#include <reel/ops/reduction.h>

namespace reel {
namespace {

// What softmax and log_softmax share: rows along the last dimension.
template <class Self>
class RowwiseOp : public OpOf<Self> {
 public:
  Signature infer(const Arguments& x) const override {
    x.require_count(1);
    x.require_type(0, Type::real);
    if (x.shape(0).rank() == 0) throw ShapeError(fmt::format("{} has no last dimension", x.describe(0)));
    return x[0];
  }

  template <class S>
  void evaluate_as(const Evaluation<S>& e) const {
    const Index n = e.y.shape->last();
    for (Index i = 0; i < e.y.size; i += n) Self::naive_row(e.x[0].real + i, e.y.real + i, n);
  }

  template <class T>
  void run_as(const KernelCall& c) const {
    const Index n = c.y.shape->last();
    const auto row = Self::row_kernel(kernels::softmax_rows<T>());
    for (Index r = 0; r < c.rows; ++r)
      for (Index i = 0; i < c.y.shape->row_size(); i += n) row(c.x[0].row<const T>(r) + i, c.y.row<T>(r) + i, n);
  }
};

class Softmax final : public RowwiseOp<Softmax> {
 public:
  static constexpr std::string_view kName = "softmax";
  std::vector<Var> adjoint(std::span<const Var>, Var y, Var dy) const override {
    return {y * (dy - sum_last(dy * y, Keep::dimension))};
  }
  template <class S>
  static void naive_row(const S* x, S* y, Index n) {
    naive_softmax(x, y, n);
  }
  template <class T>
  static auto row_kernel(const kernels::SoftmaxRows<T>& k) {
    return k.softmax;
  }
};

class LogSoftmax final : public RowwiseOp<LogSoftmax> {
 public:
  static constexpr std::string_view kName = "log_softmax";
  std::vector<Var> adjoint(std::span<const Var>, Var y, Var dy) const override {
    return {dy - exp(y) * sum_last(dy, Keep::dimension)};
  }
  template <class S>
  static void naive_row(const S* x, S* y, Index n) {
    naive_log_softmax(x, y, n);
  }
  template <class T>
  static auto row_kernel(const kernels::SoftmaxRows<T>& k) {
    return k.log_softmax;
  }
};

}  // namespace

Var softmax(Operand x) { return record(Softmax{}, x); }
Var log_softmax(Operand x) { return record(LogSoftmax{}, x); }

}  // namespace reel
