// Naive formulas on one number of any evaluation type, for the oracle. They branch on the real part only, so that the
// complex step passes through them.
#pragma once

#include <cmath>
#include <complex>

namespace reel {

inline float real_part(float x) { return x; }
inline double real_part(double x) { return x; }
inline double real_part(std::complex<double> x) { return x.real(); }

template <class S>
S logistic(S x) {
  using std::exp;
  if (real_part(x) >= 0) return S(1) / (S(1) + exp(-x));
  const S e = exp(x);
  return e / (S(1) + e);
}

}  // namespace reel
