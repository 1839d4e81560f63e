// Naive formulas on one number of any evaluation type, for the oracle. They branch on the real part only, so that the
// complex step passes through them.
#pragma once

#include <cmath>
#include <complex>

#include <reel/graph/bf16.h>

namespace reel {

inline float real_part(float x) { return x; }
inline double real_part(double x) { return x; }
inline double real_part(std::complex<double> x) { return x.real(); }

// x as bf16 has it; the derivative is that of x.
inline float rounded_to_bf16(float x) { return from_bf16(to_bf16(x)); }
inline double rounded_to_bf16(double x) { return static_cast<double>(rounded_to_bf16(static_cast<float>(x))); }
inline std::complex<double> rounded_to_bf16(std::complex<double> x) { return {rounded_to_bf16(x.real()), x.imag()}; }

template <class S>
S logistic(S x) {
  using std::exp;
  if (real_part(x) >= 0) return S(1) / (S(1) + exp(-x));
  const S e = exp(x);
  return e / (S(1) + e);
}

}  // namespace reel
