#include <reel/train/clipping.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <optional>

#include <fmt/format.h>

#include <reel/plan/denormals.h>

namespace reel {
namespace {

// A sum of squares, times 4^power.
struct Squares {
  double sum = 0;
  int power = 0;

  void add(Squares other) {
    if (other.sum == 0) return;
    if (sum == 0 || other.power > power) std::swap(*this, other);
    sum += std::ldexp(other.sum, 2 * (other.power - power));
  }
  double root() const { return std::sqrt(sum); }                     // times 2^power
  double norm() const { return std::ldexp(std::sqrt(sum), power); }  // may be infinite
};

// Eight chains in double: the same order on every run. NaN where an element is not finite, or where the squares overflow.
template <class T>
double plain_sum(TensorView<const T> x, double scale) {
  std::array<double, 8> sums{};
  for (Index i = 0; i < x.size(); ++i) {
    const double v = static_cast<double>(x[i]) * scale;
    sums[static_cast<std::size_t>(i % 8)] += v * v;
  }
  double total = 0;
  for (double s : sums) total += s;
  return total;
}

// Doubles far from 1 are scaled by a power of two, so that their squares neither overflow nor vanish. Nothing where an element is
// not finite.
template <class T>
std::optional<Squares> squares_of(TensorView<const T> x) {
  const double sum = plain_sum(x, 1);
  if (sum > 1e-200 && sum < 1e300) return Squares{sum, 0};
  double largest = 0;
  for (T v : x) {
    if (!std::isfinite(v)) return std::nullopt;
    largest = std::max(largest, std::abs(static_cast<double>(v)));
  }
  if (largest == 0) return Squares{};
  const int power = std::clamp(std::ilogb(largest), -1000, 1000);
  return Squares{plain_sum(x, std::ldexp(1.0, -power)), power};
}

// What makes a gradient of this norm one of norm `limit`, where it is larger. A factor that is no normal number of T is two: a
// power of two near 1 / norm, and the rest.
template <class T>
GradientEdit shrink(double limit, Squares squares) {
  const double norm = squares.norm();
  if (!(norm > limit)) return {};
  const double factor = limit / norm;
  if (factor >= static_cast<double>(std::numeric_limits<T>::min())) return {.scale = factor};
  const int power = std::min(std::ilogb(squares.root()) + squares.power, std::numeric_limits<T>::max_exponent - 2);
  return {.scale = std::ldexp(1.0, -power), .then = limit / std::ldexp(squares.root(), squares.power - power)};
}

}  // namespace

template <class T>
void check(const Clip& rule) {
  const auto check_limit = [](double limit) {
    if (!(limit > 0)) throw InputError(fmt::format("clipping: the limit must be positive, not {}", limit));
    if (limit < static_cast<double>(std::numeric_limits<T>::min()))
      throw InputError(fmt::format("clipping: a limit of {} is 0 in {}", limit, element_name(element_of<T>())));
  };
  if (const auto* value = std::get_if<ClipValue>(&rule)) check_limit(value->limit);
  if (const auto* norm = std::get_if<ClipNorm>(&rule)) check_limit(norm->limit);
  if (const auto* each = std::get_if<ClipNormEach>(&rule)) check_limit(each->limit);
}

template <class T>
ClippedGradients clip(const Clip& rule, std::span<const Parameter> parameters, std::span<const TensorView<const T>> gradients) {
  const FlushDenormals flush;
  check<T>(rule);
  ClippedGradients result;
  std::vector<Squares> squares;
  Squares total;
  for (std::size_t k = 0; k < gradients.size(); ++k) {
    const auto own = squares_of(gradients[k]);
    if (!own)
      throw NumericError(fmt::format("the gradient of {} {} is not finite", parameters[k].name(), parameters[k].shape().text()));
    squares.push_back(*own);
    total.add(*own);
  }
  result.norm = total.norm();
  result.edits.resize(gradients.size());
  for (std::size_t k = 0; k < gradients.size(); ++k) {
    GradientEdit& edit = result.edits[k];
    if (const auto* value = std::get_if<ClipValue>(&rule)) edit.limit = value->limit;
    if (const auto* norm = std::get_if<ClipNorm>(&rule)) edit = shrink<T>(norm->limit, total);
    if (const auto* each = std::get_if<ClipNormEach>(&rule)) edit = shrink<T>(each->limit, squares[k]);
  }
  return result;
}

template void check<float>(const Clip&);
template void check<double>(const Clip&);
template ClippedGradients clip<float>(const Clip&, std::span<const Parameter>, std::span<const TensorView<const float>>);
template ClippedGradients clip<double>(const Clip&, std::span<const Parameter>, std::span<const TensorView<const double>>);

std::string text(const Clip& rule) {
  if (const auto* value = std::get_if<ClipValue>(&rule)) return fmt::format("value {}", value->limit);
  if (const auto* norm = std::get_if<ClipNorm>(&rule)) return fmt::format("norm {}", norm->limit);
  if (const auto* each = std::get_if<ClipNormEach>(&rule)) return fmt::format("norm of each {}", each->limit);
  return "none";
}

}  // namespace reel
