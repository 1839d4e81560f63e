// What hosts do with logits: their probabilities, and drawing one of several things by them.
#pragma once

#include <algorithm>
#include <cmath>
#include <span>

#include <reel/graph/random.h>

namespace reel {

// log softmax of logits, in double. False where it is none: a NaN, +inf, or no finite logit.
template <class T>
bool log_softmax_of(std::span<const T> logits, std::span<double> y) {
  const double top = *std::max_element(logits.begin(), logits.end());
  double total = 0;
  for (T z : logits) total += std::exp(z - top);
  const double all = std::log(total);
  for (std::size_t i = 0; i < logits.size(); ++i) y[i] = logits[i] - top - all;
  return std::isfinite(top) && std::isfinite(total);
}

// An index, with probabilities softmax(logits / temperature). REQUIRES: a finite logit, none that is NaN or +inf, and
// temperature > 0; at an infinite one all that are possible are equally likely.
template <class T>
std::int32_t draw_by_logits(std::span<const T> logits, double temperature, RandomStream& random) {
  const T top = *std::max_element(logits.begin(), logits.end());
  // What has no probability has none at any temperature, where -inf / inf would be NaN.
  const auto weight = [&](T z) { return std::isinf(z) ? 0.0 : std::exp((static_cast<double>(z) - top) / temperature); };
  double total = 0;
  for (T z : logits) total += weight(z);
  double u = random.uniform() * total;
  std::size_t possible = 0;  // roundings may leave a little after the last one
  for (std::size_t i = 0; i < logits.size() && u >= 0; ++i)
    if (const double w = weight(logits[i]); w > 0) possible = i, u -= w;
  return static_cast<std::int32_t>(possible);
}

}  // namespace reel
