#include <reel/ops/softmax.h>

#include <fmt/format.h>

#include <reel/graph/cpp_form.h>
#include <reel/graph/onnx_form.h>
#include <reel/ops/arithmetic.h>
#include <reel/ops/chain_rule.h>
#include <reel/ops/elementary.h>
#include <reel/ops/kernels/cpp_math.h>
#include <reel/ops/kernels/softmax_rows.h>
#include <reel/ops/naive_softmax.h>
#include <reel/ops/reduction.h>
#include <reel/ops/rowwise.h>

namespace reel {
namespace {

const CppFunction kRowPeak{
    R"(// The largest element of a row, and whether it is finite; where it is not, each element's share of the whole.
template <int N>
struct RowPeak {
  float top;
  int ties = 0;
  explicit RowPeak(const float* x) : top(largest_of<N, 1>(x)) {
    for (int i = 0; i < N; ++i) ties += x[i] == top;
  }
  bool finite() const { return top - top == 0; }
  float share(float x) const { return top != top ? top : top > 0 && x == top ? 1.0f / static_cast<float>(ties) : 0.0f; }
};
)",
    {&kernels::kCppMax, &kernels::kCppExp, &kernels::kCppSum}};

const CppFunction kSoftmax{R"(template <int N>
REEL_INLINE void softmax_of(const float* x, float* y) {
  const RowPeak<N> peak(x);
  if (peak.finite()) {
    for (int i = 0; i < N; ++i) y[i] = exp_of(x[i] - peak.top);
    const float sum = sum_of<N>(y);
    for (int i = 0; i < N; ++i) y[i] /= sum;
  } else {
    for (int i = 0; i < N; ++i) y[i] = peak.share(x[i]);
  }
}
)",
                           {&kRowPeak}};

const CppFunction kLogSoftmax{R"(template <int N>
REEL_INLINE void log_softmax_of(const float* x, float* y) {
  const RowPeak<N> peak(x);
  if (peak.finite()) {
    for (int i = 0; i < N; ++i) y[i] = exp_of(x[i] - peak.top);
    const float log_sum = std::log(sum_of<N>(y));
    for (int i = 0; i < N; ++i) y[i] = (x[i] - peak.top) - log_sum;
  } else {
    for (int i = 0; i < N; ++i) y[i] = std::log(peak.share(x[i]));
  }
}
)",
                              {&kRowPeak}};

// Along the last dimension.
void write_rows(CppWriter& w, const CppFunction& function, std::string_view name) {
  const Index n = w.y_shape().last(), rows = n == 0 ? 0 : w.y_shape().row_size() / n;
  if (rows == 0) return;
  w.use(function);
  w.line(
      fmt::format("for (int g = 0; g < {0}; ++g) {1}<{2}>({3} + g * {2}, {4} + g * {2});", rows, name, n, w.pointer(0), w.y()));
}

class Softmax final : public LastAxisOp<Softmax> {
 public:
  static constexpr std::string_view kName = "softmax";
  std::vector<Var> adjoint(std::span<const Var>, Var y, Var dy) const override {
    return {chain_product(dy - sum(chain_product(dy, y), -1, Keep::dimension), y)};
  }
  void write_onnx(OnnxWriter& w) const override { w.result(w.add("Softmax", {w.input(0)}, {{"axis", -1}})); }
  void write_cpp(CppWriter& w) const override { write_rows(w, kSoftmax, "softmax_of"); }
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
  void write_onnx(OnnxWriter& w) const override { w.result(w.add("LogSoftmax", {w.input(0)}, {{"axis", -1}})); }
  void write_cpp(CppWriter& w) const override { write_rows(w, kLogSoftmax, "log_softmax_of"); }
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
