#include <reel/models/hopfield.h>

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include <reel/graph/error.h>
#include <reel/ops/activation.h>
#include <reel/ops/arithmetic.h>
#include <reel/ops/matmul.h>
#include <reel/ops/reduction.h>

namespace reel {
namespace {

void check_patterns(TensorView<const double> a) {
  if (a.shape().rank() != 2) throw InputError(fmt::format("Hopfield: patterns must be [P, N], not {}", a.shape().text()));
  for (Index i = 0; i < a.size(); ++i)
    if (a[i] != 1 && a[i] != -1)
      throw InputError(fmt::format("Hopfield: element {} of the patterns is {}, neither -1 nor 1", i, a[i]));
}

void clear_diagonal(Tensor<double>& W) {
  const Index N = W.shape().dim(0);
  for (Index i = 0; i < N; ++i) W[i * N + i] = 0;
}

const Tensor<double>& checked_weights(const std::string& name, const Tensor<double>& W) {
  if (W.shape().rank() != 2 || W.shape().dim(0) != W.shape().dim(1))
    throw ShapeError(fmt::format("Hopfield {}: the weights must be [N, N], not {}", name, W.shape().text()));
  return W;
}

// How large the diagonal of the projection on the patterns leaves the rest: 1 - max_i P_ii. A unit whose part is 0 follows from
// no others.
double least_rest(const Tensor<double>& P) {
  double rest = 1;
  const Index N = P.shape().dim(0);
  for (Index i = 0; i < N; ++i) {
    rest = std::min(rest, 1 - P[i * N + i]);
    if (rest < 1e-9) throw InputError(fmt::format("Hopfield: the patterns are too many: unit {} follows from no others", i));
  }
  return rest;
}

// Solves C X = A in place, C [P, P] symmetric and positive definite, A [P, N]: Gauss-Jordan with pivoting.
void solve(Tensor<double>& C, Tensor<double>& A) {
  const Index P = A.shape().dim(0), N = A.shape().dim(1);
  for (Index k = 0; k < P; ++k) {
    Index pivot = k;
    for (Index i = k + 1; i < P; ++i)
      if (std::abs(C[i * P + k]) > std::abs(C[pivot * P + k])) pivot = i;
    if (std::abs(C[pivot * P + k]) < 1e-9 * static_cast<double>(N))
      throw InputError("Hopfield: the patterns are linearly dependent");
    if (pivot != k) {
      std::swap_ranges(C.begin() + k * P, C.begin() + (k + 1) * P, C.begin() + pivot * P);
      std::swap_ranges(A.begin() + k * N, A.begin() + (k + 1) * N, A.begin() + pivot * N);
    }
    for (Index i = 0; i < P; ++i) {
      if (i == k) continue;
      const double factor = C[i * P + k] / C[k * P + k];
      for (Index j = 0; j < P; ++j) C[i * P + j] -= factor * C[k * P + j];
      for (Index j = 0; j < N; ++j) A[i * N + j] -= factor * A[k * N + j];
    }
  }
  for (Index i = 0; i < P; ++i)
    for (Index j = 0; j < N; ++j) A[i * N + j] /= C[i * P + i];
}

}  // namespace

Tensor<double> hebbian(TensorView<const double> patterns) {
  check_patterns(patterns);
  const Index P = patterns.shape().dim(0), N = patterns.shape().dim(1);
  Tensor<double> W(Shape{N, N});
  for (Index p = 0; p < P; ++p)
    for (Index i = 0; i < N; ++i)
      for (Index j = 0; j < N; ++j) W[i * N + j] += patterns[p * N + i] * patterns[p * N + j];
  clear_diagonal(W);
  return W;
}

Tensor<double> projection(TensorView<const double> patterns) {
  check_patterns(patterns);
  const Index P = patterns.shape().dim(0), N = patterns.shape().dim(1);
  Tensor<double> C(Shape{P, P});
  for (Index p = 0; p < P; ++p)
    for (Index q = 0; q < P; ++q)
      for (Index i = 0; i < N; ++i) C[p * P + q] += patterns[p * N + i] * patterns[q * N + i];
  Tensor<double> X(Shape{P, N}), W(Shape{N, N});
  std::copy(patterns.begin(), patterns.end(), X.begin());
  solve(C, X);
  for (Index p = 0; p < P; ++p)
    for (Index i = 0; i < N; ++i)
      for (Index j = 0; j < N; ++j) W[i * N + j] += patterns[p * N + i] * X[p * N + j];
  // What a unit of a stored pattern is sent, scale (1 - P_ii), must be past 1, whatever the roundings.
  const double scale = std::max(static_cast<double>(N), 2 / least_rest(W));
  for (double& w : W) w *= scale;
  clear_diagonal(W);
  return W;
}

Hopfield::Hopfield(ParameterSet& set, const std::string& name, const Tensor<double>& weights)
    : W(set.add(name + ".W", checked_weights(name, weights).shape(), init::values({weights.begin(), weights.end()}))),
      b(set.add(name + ".b", {weights.shape().last()}, init::zeros())) {}

Var Hopfield::step(Var a) const { return satlins(matmul(a, W) + b); }

Sequence Hopfield::recall(Var a, Index steps) const {
  if (steps < 0) throw InputError(fmt::format("Hopfield: recall of {} steps", steps));
  Sequence all;
  for (Index k = 0; k < steps; ++k) {
    const auto scope = a.tape().scope(fmt::format("step {}", k));
    all.push_back(a = step(a));
  }
  return all;
}

Var Hopfield::energy(Var a) const {
  const Var between = sum(matmul(a, W) * a, -1), own = sum(a * b, -1);
  return -0.5 * between - own;
}

}  // namespace reel
