// The contraction over rows: the gradient of a weight, of one step or of all.
//
// Each element is one chain of multiply-adds over steps and rows in order.
#pragma once

#include <reel/ops/operand.h>

namespace reel {

// x: [.., M], y: [.., N] with equal leading dimensions -> x^T y: [M, N], summed over all leading dimensions and the batch
// in row order. The gradient of matmul's weight is contract(x, dy).
Var contract(Operand x, Operand y);

// ---- the form into which passes bring contractions; plans only ----
//
//   y_g = sum over steps s of x_s^T y_sg      for groups g
//
// x_s: [.., M], y_sg: [.., N] -> [M, N] each; with `sums` [M + 1, N], whose last row is the sum of y_sg's rows.
struct ContractionLayout {
  Index groups = 1;
  bool sums = false;
  auto key() const { return std::tuple(groups, sums); }
};

// `operands`: step by step x_s, y_s1 .. y_sG. Of one group the result is [M (+ 1), N], else [G, M (+ 1), N] in pieces.
Var contraction(const ContractionLayout& layout, std::span<const Var> operands, CallSite site);

// The layout of a node that contract() or contraction() appended; nullptr for others.
const ContractionLayout* contraction_layout(const Tape& tape, NodeId id);

inline constexpr Index kMostContractionGroups = 16;

}  // namespace reel
