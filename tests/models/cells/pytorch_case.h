// Inputs and weights that PyTorch 1.13 was given in float64, to compare with what it made of them.
#pragma once

#include <reel/graph/structural.h>
#include <reel/models/parameter_set.h>
#include <reel/ops/arithmetic.h>
#include <reel/ops/joining.h>
#include <reel/ops/reduction.h>
#include <reel/ops/rows.h>

#include "models/evaluated_twice.h"

namespace reel::test {

// ((37 i + offset) mod 19 - 9) / 10: small uneven numbers that are easy to make again elsewhere.
inline Tensor<double> pattern(Shape shape, int offset) {
  Tensor<double> t(shape);
  for (Index i = 0; i < t.size(); ++i) t[i] = static_cast<double>((37 * i + offset) % 19 - 9) / 10;
  return t;
}

// PyTorch's [T, rows, n] as [rows, T, n].
inline std::vector<double> batch_first(const std::vector<double>& x, std::size_t T = 3, std::size_t rows = 2) {
  const std::size_t n = x.size() / T / rows;
  std::vector<double> y;
  for (std::size_t b = 0; b < rows; ++b)
    for (std::size_t t = 0; t < T; ++t)
      for (std::size_t j = 0; j < n; ++j) y.push_back(x[(t * rows + b) * n + j]);
  return y;
}

// Cells of 2 inputs and 3 units over a sequence, and a loss that weighs what they show.
struct PyTorchCase {
  Tape tape;
  ParameterSet set;
  Sequence x, weights;
  Data data;

  explicit PyTorchCase(Index T = 3, Index rows = 2, Index shown = 3)
      : x(tape.input("x", T, {B, 2})), weights(tape.input("weights", T, {B, shown})) {
    data.add("x", pattern(Shape{T, rows, 2}, 5)).add("weights", pattern(Shape{T, rows, shown}, 3));
  }

  Var loss(const Sequence& h) const {
    std::vector<Var> terms;
    for (std::size_t t = 0; t < h.size(); ++t) {
      const RowCount rows = h[t].shape().rows();
      terms.push_back(sum(h[t] * (rows == B ? weights[t] : first_rows(weights[t], rows))));
    }
    return accumulate(terms);
  }
  Var all(const Sequence& h) const { return stack(h); }  // [B, T, ..]

  // U_k, W_k and b_k of every gate k, each from one number further on in the pattern.
  void set_gates(ParameterValues<double>& values, const std::string& cell, const std::vector<std::string>& gates,
                 int offset = 0) const {
    for (const std::string& k : gates) {
      set_values<double>(set, values, cell + ".U_" + k, pattern(Shape{2, 3}, offset));
      set_values<double>(set, values, cell + ".W_" + k, pattern(Shape{3, 3}, offset + 4));
      set_values<double>(set, values, cell + ".b_" + k, pattern(Shape{3}, offset + 8));
      ++offset;
    }
  }
};

}  // namespace reel::test
