#include <reel/ops/softmax.h>

#include <reel/ops/arithmetic.h>
#include <reel/ops/chain_rule.h>
#include <reel/ops/elementary.h>
#include <reel/ops/kernels/softmax_rows.h>
#include <reel/ops/naive_softmax.h>
#include <reel/ops/reduction.h>
#include <reel/ops/rowwise.h>

namespace reel {
namespace {

class Softmax final : public LastAxisOp<Softmax> {
 public:
  static constexpr std::string_view kName = "softmax";
  std::vector<Var> adjoint(std::span<const Var>, Var y, Var dy) const override {
    return {chain_product(dy - sum(chain_product(dy, y), -1, Keep::dimension), y)};
  }
  template <class S>
  static void naive(const S* x, S* y, Index n) {
    naive_softmax(x, y, n);
  }
  template <class T>
  static auto kernel() {
    return kernels::softmax_rows<T>().softmax;
  }
};

class LogSoftmax final : public LastAxisOp<LogSoftmax> {
 public:
  static constexpr std::string_view kName = "log_softmax";
  std::vector<Var> adjoint(std::span<const Var>, Var y, Var dy) const override {
    return {dy - chain_product(sum(dy, -1, Keep::dimension), exp(y))};
  }
  template <class S>
  static void naive(const S* x, S* y, Index n) {
    naive_log_softmax(x, y, n);
  }
  template <class T>
  static auto kernel() {
    return kernels::softmax_rows<T>().log_softmax;
  }
};

}  // namespace

Var softmax(Operand x) { return record(Softmax{}, x); }
Var log_softmax(Operand x) { return record(LogSoftmax{}, x); }

}  // namespace reel
