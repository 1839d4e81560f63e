#include <reel/train/clipping.h>

#include <array>
#include <cmath>

#include <fmt/format.h>

namespace reel {
namespace {

// Eight chains in double: the same order on every run.
template <class T>
double sum_of_squares(TensorView<const T> x) {
  std::array<double, 8> sums{};
  for (Index i = 0; i < x.size(); ++i) sums[i % 8] += static_cast<double>(x[i]) * static_cast<double>(x[i]);
  double total = 0;
  for (double s : sums) total += s;
  return total;
}

double checked_limit(double limit) {
  if (!(limit > 0)) throw InputError(fmt::format("clipping: the limit must be positive, not {}", limit));
  return limit;
}

double factor(double limit, double norm) { return norm > limit ? limit / norm : 1; }

}  // namespace

template <class T>
ClippedGradients clip(const Clip& rule, std::span<const Parameter> parameters, std::span<const TensorView<const T>> gradients) {
  ClippedGradients result;
  std::vector<double> squares;
  double total = 0;
  for (std::size_t k = 0; k < gradients.size(); ++k) {
    squares.push_back(sum_of_squares(gradients[k]));
    if (!std::isfinite(squares[k]))
      throw NumericError(fmt::format("the gradient of {} {} is not finite; the parameters were not updated", parameters[k].name(),
                                     parameters[k].shape().text()));
    total += squares[k];
  }
  result.norm = std::sqrt(total);
  result.edits.resize(gradients.size());
  for (std::size_t k = 0; k < gradients.size(); ++k) {
    GradientEdit& edit = result.edits[k];
    if (const auto* value = std::get_if<ClipValue>(&rule)) edit.limit = checked_limit(value->limit);
    if (const auto* norm = std::get_if<ClipNorm>(&rule)) edit.scale = factor(checked_limit(norm->limit), result.norm);
    if (const auto* each = std::get_if<ClipNormEach>(&rule))
      edit.scale = factor(checked_limit(each->limit), std::sqrt(squares[k]));
  }
  return result;
}
template ClippedGradients clip<float>(const Clip&, std::span<const Parameter>, std::span<const TensorView<const float>>);
template ClippedGradients clip<double>(const Clip&, std::span<const Parameter>, std::span<const TensorView<const double>>);

}  // namespace reel
