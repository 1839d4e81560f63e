#include <reel/ops/row_scale.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include <reel/graph/error.h>
#include <reel/ops/rowwise.h>
#include <reel/ops/scalar.h>

namespace reel {
namespace {

class RowScale final : public RowOp<RowScale> {
 public:
  static constexpr std::string_view kName = "row_scale";
  explicit RowScale(double least) : least_(least) {}
  auto key() const { return std::tuple(least_); }
  std::string attributes() const override { return least_ > 0 ? fmt::format("least={:.3g}", least_) : ""; }

  Signature infer(const Arguments& x) const override {
    x.require_count(1);
    x.require_type(0, Type::real);
    x.require_last(0);
    return {Type::real, x.shape(0).with_dim(-1, 1)};
  }
  std::vector<Var> adjoint(std::span<const Var> x, Var, Var) const override { return no_gradients(x.size()); }

  template <class Row>
  void row(const Row& r) const {
    using S = typename Row::Number;
    const Index n = r.x_shape(0).last();
    for (Index g = 0; g < r.y_shape().row_size(); ++g) r.y()[g] = S(power_below(largest(r.x(0) + g * n, n)));
  }

 private:
  template <class S>
  static auto largest(const S* x, Index n) {
    using T = decltype(real_part(S{}));
    constexpr Index kLanes = 16;  // independent of one another
    std::array<T, kLanes> top{};
    T nan{};  // NaN where an element is not finite, else 0
    for (Index i = 0; i + kLanes <= n; i += kLanes)
      for (Index k = 0; k < kLanes; ++k) {
        const T size = std::abs(real_part(x[i + k]));
        top[static_cast<std::size_t>(k)] = std::max(top[static_cast<std::size_t>(k)], size);
      }
    T all = *std::ranges::max_element(top);
    for (Index i = n / kLanes * kLanes; i < n; ++i) all = std::max(all, std::abs(real_part(x[i])));
    for (Index i = 0; i < n; ++i) nan += real_part(x[i]) * T{0};
    return nan == T{0} ? all : std::numeric_limits<T>::infinity();
  }

  template <class T>
  T power_below(T size) const {
    if (!(size <= std::numeric_limits<T>::max())) return T{1};
    const T least = static_cast<T>(least_);
    if (size < least || size == T{0}) size = least > T{0} ? least : T{1};
    return std::max(std::ldexp(T{1}, std::ilogb(size)), std::numeric_limits<T>::min());
  }

  double least_;
};

}  // namespace

Var row_scale(Operand x, double least) {
  if (!(least >= 0 && std::isfinite(least)))
    throw InputError(fmt::format("[row_scale] the least scale must be 0 or more, not {} ({})", least, x.site().text()));
  return record(RowScale(least), x);
}

}  // namespace reel
