#include <reel/ops/row_scale.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include <reel/graph/error.h>
#include <reel/ops/kernels/power_below.h>
#include <reel/ops/kernels/row_extremes.h>
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
    for (Index g = 0; g < r.y_shape().row_size(); ++g) r.y()[g] = S(scale_of(largest(r.x(0) + g * n, n)));
  }

  template <class T>
  void run_as(const KernelCall& c) const {
    const Index n = c.x[0].shape->last();
    const auto largest = kernels::row_extremes<T>().largest_size;
    for (Index r = 0; r < c.rows; ++r)
      for (Index g = 0; g < c.y.shape->row_size(); ++g) c.y.row<T>(r)[g] = scale_of(largest(c.x[0].row<const T>(r) + g * n, n));
  }

 private:
  template <class S>
  static auto largest(const S* x, Index n) {
    using T = decltype(real_part(S{}));
    T top{};
    for (Index i = 0; i < n; ++i) {
      if (!std::isfinite(real_part(x[i]))) return std::numeric_limits<T>::infinity();
      top = std::max(top, std::abs(real_part(x[i])));
    }
    return top;
  }

  template <class T>
  T scale_of(T size) const {
    return kernels::power_below(size, static_cast<T>(least_));
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
