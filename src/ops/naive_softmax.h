// Softmax for the oracle, for any evaluation type. Shifts by a real number, so that the complex step passes through.
// Results where the maximum is not finite are stated in ops/softmax.h.
#pragma once

#include <algorithm>
#include <limits>

#include <reel/graph/fixed_sum.h>
#include <reel/ops/scalar.h>

namespace reel {

template <class S>
struct RowPeak {
  decltype(real_part(S{})) top;
  Index ties = 0;
  bool nan = false;
  bool finite() const { return !nan && std::isfinite(top); }

  RowPeak(const S* x, Index n) : top(-std::numeric_limits<decltype(top)>::infinity()) {
    for (Index i = 0; i < n; ++i) nan |= std::isnan(real_part(x[i]));
    for (Index i = 0; i < n; ++i) top = std::max(top, real_part(x[i]));
    for (Index i = 0; i < n; ++i) ties += real_part(x[i]) == top;
  }
  S degenerate(S x) const {
    if (nan) return S(std::numeric_limits<decltype(top)>::quiet_NaN());
    return top > 0 && real_part(x) == top ? S(1) / S(static_cast<decltype(top)>(ties)) : S(0);
  }
};

template <class S>
S naive_log_sum_exp(const S* x, Index n, const RowPeak<S>& peak) {
  return std::log(sum_along<S>(n, [&](Index i) { return std::exp(x[i] - S(peak.top)); }));
}

template <class S>
void naive_softmax(const S* x, S* y, Index n) {
  const RowPeak<S> peak(x, n);
  if (!peak.finite()) {
    std::transform(x, x + n, y, [&](S v) { return peak.degenerate(v); });
    return;
  }
  const S sum = sum_along<S>(n, [&](Index i) { return y[i] = std::exp(x[i] - S(peak.top)); });
  for (Index i = 0; i < n; ++i) y[i] /= sum;
}

template <class S>
void naive_log_softmax(const S* x, S* y, Index n) {
  const RowPeak<S> peak(x, n);
  const S log_sum = peak.finite() ? naive_log_sum_exp(x, n, peak) : S{};
  for (Index i = 0; i < n; ++i) {
    // log of a real share, not of a complex 0, whose logarithm is not a clean -inf
    y[i] = peak.finite() ? x[i] - S(peak.top) - log_sum : S(std::log(real_part(peak.degenerate(x[i]))));
  }
}

}  // namespace reel
