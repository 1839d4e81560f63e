#include <reel/ops/layer_norm.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include <fmt/format.h>

#include <reel/graph/cpp_form.h>
#include <reel/graph/error.h>
#include <reel/graph/fixed_sum.h>
#include <reel/graph/onnx_form.h>
#include <reel/graph/structural.h>
#include <reel/ops/arithmetic.h>
#include <reel/ops/chain_rule.h>
#include <reel/ops/elementary.h>
#include <reel/ops/kernels/cpp_math.h>
#include <reel/ops/kernels/layer_norm_rows.h>
#include <reel/ops/kernels/power_below.h>
#include <reel/ops/reduction.h>
#include <reel/ops/row_scale.h>
#include <reel/ops/rowwise.h>
#include <reel/ops/scalar.h>

namespace reel {
namespace {

// The naive formula of a row. The mean of large numbers misses by some of their last digits, and the mean of what is left tells
// by how much; what is centred is divided by a power of two before it is squared.
template <class S>
struct NormalRow {
  using T = decltype(real_part(S{}));
  std::vector<S> y;
  S rate{};  // 1 / sqrt(variance + epsilon)

  NormalRow(const S* x, Index n, T least) : y(x, x + n) {
    subtract(mean_of([](S v) { return v; }));
    subtract(S(real_part(mean_of([](S v) { return v; }))));
    T largest{};
    for (const S& v : y)
      largest = std::isfinite(real_part(v)) ? std::max(largest, std::abs(real_part(v))) : std::numeric_limits<T>::infinity();
    const T scale = kernels::power_below(largest, least);
    for (S& v : y) v /= scale;
    const S deviation = std::sqrt(mean_of([](S v) { return v * v; }) + S(least / scale) * S(least / scale));
    for (S& v : y) v /= deviation;
    rate = S(1) / deviation / S(scale);
  }

 private:
  template <class F>
  S mean_of(F f) const {
    const auto n = static_cast<Index>(y.size());
    return sum_along<S>(n, [&](Index i) { return f(y[static_cast<std::size_t>(i)]); }) / static_cast<T>(n);
  }
  void subtract(S v) {
    for (S& e : y) e -= v;
  }
};

// 1 / sqrt(variance + epsilon) of each row, in other ops.
Var inverse_deviation(Var x, double least) {
  const Var centred = x - mean(x, -1, Keep::dimension);
  // The result does not depend on the scale, so no gradient is due to it.
  const Var scale = row_scale(centred, least);
  return 1.0 / (sqrt(mean(square(centred / scale), -1, Keep::dimension) + square(least / scale)) * scale);
}

const CppFunction kLayerNorm{
    R"(// (x - mean) / sqrt(variance + least^2), centred twice and scaled by a power of two before it is squared.
template <int N>
REEL_INLINE void layer_norm_of(const float* x, float* y, float least) {
  const float n = N, mean = sum_of<N>(x) / n;
  for (int i = 0; i < N; ++i) y[i] = x[i] - mean;
  const float rest = sum_of<N>(y) / n;
  float squares[N], largest = 0;
  for (int i = 0; i < N; ++i) y[i] -= rest;
  for (int i = 0; i < N; ++i) largest = std::fabs(y[i]) > largest ? std::fabs(y[i]) : largest;
  largest = largest < least ? least : largest;
  const float scale = largest > 1e-37f && largest < 3e38f ? from_bits(to_bits(largest) & 0x7f800000) : 1.0f;
  for (int i = 0; i < N; ++i) y[i] /= scale;
  for (int i = 0; i < N; ++i) squares[i] = y[i] * y[i];
  const float deviation = std::sqrt(sum_of<N>(squares) / n + (least / scale) * (least / scale));
  for (int i = 0; i < N; ++i) y[i] /= deviation;
}
)",
    {&kernels::kCppSum, &kernels::kCppBits}};

class LayerNorm final : public RowOp<LayerNorm> {
 public:
  static constexpr std::string_view kName = "layer_norm";
  explicit LayerNorm(double least) : least_(least) {}
  auto key() const { return std::tuple(least_); }
  std::string attributes() const override { return fmt::format("epsilon={:.3g}", least_ * least_); }

  Signature infer(const Arguments& x) const override {
    x.require_count(1);
    x.require_type(0, Type::real);
    x.require_last(0);
    return x[0];
  }
  std::vector<Var> adjoint(std::span<const Var> x, Var, Var dy) const override;

  void write_onnx(OnnxWriter& w) const override {
    const std::vector<float> ones(static_cast<std::size_t>(w.y_shape().last()), 1);
    w.result(w.add("LayerNormalization", {w.input(0), w.numbers(ones, Shape{w.y_shape().last()})},
                   {{"axis", -1}, {"epsilon", static_cast<float>(least_ * least_)}}));
  }
  void write_cpp(CppWriter& w) const override {
    const Index n = w.y_shape().last(), rows = n == 0 ? 0 : w.y_shape().row_size() / n;
    if (rows == 0) return;
    w.use(kLayerNorm);
    w.line(fmt::format("for (int g = 0; g < {0}; ++g) layer_norm_of<{1}>({2} + g * {1}, {3} + g * {1}, {4});", rows, n,
                       w.pointer(0), w.y(), cpp_literal(static_cast<float>(least_))));
  }

  template <class Row>
  void row(const Row& r) const {
    using S = typename Row::Number;
    const Index n = r.y_shape().last();
    for (Index i = 0; i < r.y_shape().row_size(); i += n)
      std::ranges::copy(NormalRow<S>(r.x(0) + i, n, static_cast<decltype(real_part(S{}))>(least_)).y, r.y() + i);
  }
  template <class T>
  void run_as(const KernelCall& c) const {
    const auto normalise = kernels::layer_norm_rows<T>().normalise;
    const Index n = c.y.shape->last();
    for (Index r = 0; r < c.rows; ++r)
      for (Index i = 0; i < c.y.shape->row_size(); i += n)
        normalise(c.x[0].row<const T>(r) + i, c.y.row<T>(r) + i, n, static_cast<T>(least_));
  }

 private:
  double least_;  // sqrt(epsilon)
};

// (x, dy) -> dx = rate (dy - mean(dy) - y mean(y dy)), with y = layer_norm(x) and rate = 1 / sqrt(variance + epsilon). Where a
// row of dy is 0, so is that of dx, whatever x holds.
class LayerNormGradient final : public RowOp<LayerNormGradient> {
 public:
  static constexpr std::string_view kName = "layer_norm_gradient";
  explicit LayerNormGradient(double least) : least_(least) {}
  auto key() const { return std::tuple(least_); }
  std::string attributes() const override { return fmt::format("epsilon={:.3g}", least_ * least_); }

  Signature infer(const Arguments& x) const override {
    x.require_count(2);
    x.require_all(Type::real);
    x.require_same_shapes();
    x.require_last(0);
    return x[0];
  }

  // Symmetric in dy and d. By x, <d, result> changes with the rate, by -rate^2 y / n, and with y.
  std::vector<Var> adjoint(std::span<const Var> x, Var result, Var d) const override {
    const Var dy = x[1], y = record(LayerNorm(least_), x[0]), rate = inverse_deviation(x[0], least_);
    const auto dot = [](Var a, Var b) { return sum(chain_product(a, b), -1, Keep::dimension); };
    const Var share = rate / static_cast<double>(std::max<Index>(y.shape().last(), 1));
    const Var by_rate = chain_product(dot(d, result), share * y);
    const Var by_y = chain_product(chain_product(d, dot(dy, y)) + chain_product(dot(d, y), dy), share);
    return {negate(by_rate + record(*this, x[0], by_y)), record(*this, x[0], d)};
  }

  template <class Row>
  void row(const Row& r) const {
    const Index n = r.y_shape().last();
    for (Index i = 0; i < r.y_shape().row_size(); i += n) naive(r.x(0) + i, r.x(1) + i, r.y() + i, n);
  }
  template <class T>
  void run_as(const KernelCall& c) const {
    const auto gradient = kernels::layer_norm_rows<T>().gradient;
    const Index n = c.y.shape->last();
    for (Index r = 0; r < c.rows; ++r)
      for (Index i = 0; i < c.y.shape->row_size(); i += n)
        gradient(c.x[0].row<const T>(r) + i, c.x[1].row<const T>(r) + i, c.y.row<T>(r) + i, n, static_cast<T>(least_));
  }

 private:
  template <class S>
  void naive(const S* x, const S* dy, S* dx, Index n) const {
    using T = decltype(real_part(S{}));
    if (std::all_of(dy, dy + n, [](S v) { return v == S(0); })) return std::fill_n(dx, n, S(0)), void();
    const NormalRow<S> row(x, n, static_cast<T>(least_));
    const S* y = row.y.data();
    const S mean = sum_along<S>(n, [&](Index i) { return dy[i]; }) / static_cast<T>(n);
    const S along = sum_along<S>(n, [&](Index i) { return dy[i] * y[i]; }) / static_cast<T>(n);
    for (Index i = 0; i < n; ++i) dx[i] = (dy[i] - mean - y[i] * along) * row.rate;
  }

  double least_;
};

std::vector<Var> LayerNorm::adjoint(std::span<const Var> x, Var, Var dy) const {
  return {record(LayerNormGradient(least_), x[0], dy)};
}

}  // namespace

Var layer_norm(Operand x, double epsilon) {
  const auto here = at("layer_norm", x);
  if (!(epsilon >= 0 && std::isfinite(epsilon)))
    throw InputError(fmt::format("[layer_norm] epsilon must be finite and not negative, not {} ({})", epsilon, x.site().text()));
  return record(LayerNorm(std::sqrt(epsilon)), x);
}

Var layer_norm(Operand x, Operand gain, Operand bias, double epsilon) {
  const auto here = at("layer_norm", x);
  return layer_norm(x, epsilon) * gain + bias;
}

}  // namespace reel
