#include <reel/train/clipping.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include <reel/plan/denormals.h>

namespace reel {
namespace {

Squares operator+(Squares a, Squares b) {
  if (b.sum == 0) return a;
  if (a.sum == 0 || b.power > a.power) std::swap(a, b);
  a.sum += std::ldexp(b.sum, static_cast<int>(2 * (b.power - a.power)));
  return a;
}
double root(const Squares& s) { return std::sqrt(s.sum); }                                         // times 2^power
double norm(const Squares& s) { return std::ldexp(std::sqrt(s.sum), static_cast<int>(s.power)); }  // may be infinite

// Eight chains in double: the same order on every run. NaN where an element is not finite, or where the squares overflow.
template <class T>
double plain_sum(std::span<const T> x, double scale) {
  std::array<double, 8> sums{};
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double v = static_cast<double>(x[i]) * scale;
    sums[i % 8] += v * v;
  }
  double total = 0;
  for (double s : sums) total += s;
  return total;
}

// Doubles far from 1 are scaled by a power of two, so that their squares neither overflow nor vanish.
template <class T>
Squares squares_of(std::span<const T> x) {
  const double sum = plain_sum(x, 1);
  if (sum > 1e-200 && sum < 1e300) return Squares{sum, 0};
  double largest = 0;
  for (T v : x) {
    if (!std::isfinite(v)) return {std::numeric_limits<double>::quiet_NaN(), 0};
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
  const double size = norm(squares);
  if (!(size > limit)) return {};
  const double factor = limit / size;
  if (factor >= static_cast<double>(std::numeric_limits<T>::min())) return {.scale = factor};
  const int own = static_cast<int>(squares.power);
  const int power = std::min(std::ilogb(root(squares)) + own, std::numeric_limits<T>::max_exponent - 2);
  return {.scale = std::ldexp(1.0, -power), .then = limit / std::ldexp(root(squares), own - power)};
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
std::vector<Squares> squares(std::span<const TensorView<const T>> gradients, const OwnPieces& pieces) {
  const FlushDenormals flush;
  std::vector<Squares> result;
  for (const auto& gradient : gradients)
    for (Index piece = pieces.first; piece < pieces.first + pieces.own; ++piece) {
      const Index begin = pieces.cut(gradient.size(), piece), end = pieces.cut(gradient.size(), piece + 1);
      result.push_back(squares_of(std::span<const T>(gradient.data() + begin, static_cast<std::size_t>(end - begin))));
    }
  return result;
}

template <class T>
ClippedGradients clip_by(const Clip& rule, std::span<const Parameter> parameters, std::span<const Squares> of_pieces) {
  check<T>(rule);
  const std::size_t pieces = parameters.empty() ? 1 : of_pieces.size() / parameters.size();
  ClippedGradients result;
  std::vector<Squares> each;
  Squares total;
  for (std::size_t k = 0; k < parameters.size(); ++k) {
    Squares own;
    for (const Squares& piece : of_pieces.subspan(k * pieces, pieces)) own = own + piece;
    if (std::isnan(own.sum))
      throw NumericError(fmt::format("the gradient of {} {} is not finite", parameters[k].name(), parameters[k].shape().text()));
    each.push_back(own);
    total = total + own;
  }
  result.norm = norm(total);
  for (const Squares& own : each) {
    GradientEdit& edit = result.edits.emplace_back();
    if (const auto* value = std::get_if<ClipValue>(&rule)) edit.limit = value->limit;
    if (const auto* all = std::get_if<ClipNorm>(&rule)) edit = shrink<T>(all->limit, total);
    if (const auto* by_itself = std::get_if<ClipNormEach>(&rule)) edit = shrink<T>(by_itself->limit, own);
  }
  return result;
}

template <class T>
ClippedGradients clip(const Clip& rule, std::span<const Parameter> parameters, std::span<const TensorView<const T>> gradients) {
  return clip_by<T>(rule, parameters, squares<T>(gradients, OwnPieces{}));
}

template void check<float>(const Clip&);
template void check<double>(const Clip&);
template ClippedGradients clip<float>(const Clip&, std::span<const Parameter>, std::span<const TensorView<const float>>);
template ClippedGradients clip<double>(const Clip&, std::span<const Parameter>, std::span<const TensorView<const double>>);
template std::vector<Squares> squares<float>(std::span<const TensorView<const float>>, const OwnPieces&);
template std::vector<Squares> squares<double>(std::span<const TensorView<const double>>, const OwnPieces&);
template ClippedGradients clip_by<float>(const Clip&, std::span<const Parameter>, std::span<const Squares>);
template ClippedGradients clip_by<double>(const Clip&, std::span<const Parameter>, std::span<const Squares>);

std::string text(const Clip& rule) {
  if (const auto* value = std::get_if<ClipValue>(&rule)) return fmt::format("value {}", value->limit);
  if (const auto* norm = std::get_if<ClipNorm>(&rule)) return fmt::format("norm {}", norm->limit);
  if (const auto* each = std::get_if<ClipNormEach>(&rule)) return fmt::format("norm of each {}", each->limit);
  return "none";
}

}  // namespace reel
