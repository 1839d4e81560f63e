// Layer normalisation (Ba, Kiros and Hinton, 2016).
#pragma once

#include <reel/ops/operand.h>

namespace reel {

// x [.., n] -> [.., n]: (x - mean) / sqrt(variance + epsilon) over the last dimension, with the variance of a population.
// Centred twice and scaled by a power of two before it is squared: right for numbers of any size and for large ones that differ
// little. A single element (n = 1) and a row of equal ones give 0 (with an epsilon of 0: NaN). ShapeError for a shape without a
// last dimension, InputError for an epsilon that is negative or not finite.
Var layer_norm(Operand x, double epsilon = 1e-5);
// ... times gain [n] plus bias [n]; ShapeError where they do not broadcast.
Var layer_norm(Operand x, Operand gain, Operand bias, double epsilon = 1e-5);

}  // namespace reel
