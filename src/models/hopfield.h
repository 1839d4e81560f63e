// Hopfield network (Hopfield, 1982): recalls stored patterns from damaged ones.
#pragma once

#include <string>

#include <reel/models/parameter_set.h>
#include <reel/ops/operand.h>

namespace reel {

// Hebb's rule over patterns [P, N] of -1 and 1: W = sum_p a_p^T a_p with a zero diagonal, so large that satlins, but for ties,
// answers -1 or 1. InputError for other numbers.
Tensor<double> hebbian(TensorView<const double> patterns);

// The projection rule: W = s A^T (A A^T)^-1 A with a zero diagonal, which stores linearly independent patterns without crosstalk
// (Personnaz et al., 1986); s is N, or more where patterns are so many that satlins would not answer -1 or 1. InputError when
// they are dependent, or when a unit follows from no others (N patterns always leave one).
Tensor<double> projection(TensorView<const double> patterns);

// a(k) = satlins(a(k-1) W + b): all units at once. Parameters "<name>.W" [N, N] and "<name>.b" [N], which begin as they are
// given.
class Hopfield {
 public:
  // ShapeError for weights that are not square.
  Hopfield(ParameterSet& set, const std::string& name, const Tensor<double>& W);
  Var step(Var a) const;                      // [B, N] -> [B, N]
  Sequence recall(Var a, Index steps) const;  // a(1) .. a(steps); InputError for steps < 0
  // -a W a^T / 2 - a b^T for each row: [B]. With symmetric weights without a diagonal, recall of one unit at a time never raises
  // it while the units are -1, 0 or 1; an answer between them may.
  Var energy(Var a) const;
  Parameter W, b;
};

}  // namespace reel
