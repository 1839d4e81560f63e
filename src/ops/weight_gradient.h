// The weight gradient over rows: the gradient of a weight, of one step or of all.
//
// Each element adds up chains of multiply-adds over steps and rows in order, cut at constant places. Where an element of y is
// exactly 0 it adds 0, whatever x holds there, NaN and infinity included: a step that a mask leaves out has no part in it.
#pragma once

#include <reel/graph/precision.h>
#include <reel/ops/operand.h>

namespace reel {

// x: [.., M], y: [.., N] with equal leading dimensions -> x^T y: [M, N], summed over all leading dimensions and the batch
// in row order. The gradient of matmul's weight is weight_gradient(x, dy).
Var weight_gradient(Operand x, Operand y);

// ---- the form into which passes bring weight gradients; plans only ----
//
//   y_g = sum over steps s of [x_s1 x_s2 .. 1]^T y_sg      for groups g
//
// The left operands [.., M_l] of a step stand side by side, with a column of ones after them if `sums`: the last row of a result
// is then the sum of y_sg's rows. y_sg: [.., N].
struct WeightGradientLayout {
  Index lefts = 1;
  Index groups = 1;
  bool sums = false;
  Precision products = Precision::full;
  // A sum may be done in parts, of some steps each, with the same bits: a part that is not the last gives a state, and one that
  // is not the first takes, as its first input, that of the part before.
  bool continues = false, suspends = false;
  Index state = 0;  // numbers of a state: weight_gradient_state() of the layout
  auto key() const { return std::tuple(lefts, groups, sums, static_cast<int>(products), continues, suspends, state); }
  Index operands() const { return lefts + groups; }  // of one step
};

// The numbers of a state for a result of these operands (those of one step), in plans of this type.
Index weight_gradient_state(const WeightGradientLayout& layout, std::span<const Var> operands, Element element);

// `operands`: step by step x_s1 .. x_sL, y_s1 .. y_sG. Of one group the result is [M_1 + .. + M_L (+ 1), N], of several
// [G, .., N] in pieces.
Var grouped_weight_gradient(const WeightGradientLayout& layout, std::span<const Var> operands, CallSite site);

// The layout of a node that weight_gradient() or grouped_weight_gradient() appended; nullptr for others.
const WeightGradientLayout* weight_gradient_layout(const Tape& tape, NodeId id);

inline constexpr Index kMostWeightGradientOperands = 16;  // of one step

}  // namespace reel
