// Layer normalisation (Ba, Kiros and Hinton, 2016).
#pragma once

#include <reel/ops/operand.h>

namespace reel {

// x [.., n] -> [.., n]: (x - mean) / sqrt(variance + epsilon) over the last dimension, with the variance of a population.
// A single element (n = 1) gives 0. ShapeError for a shape without a last dimension.
Var layer_norm(Operand x, double epsilon = 1e-5);
// ... times gain [n] plus bias [n]; ShapeError where they do not broadcast.
Var layer_norm(Operand x, Operand gain, Operand bias, double epsilon = 1e-5);

}  // namespace reel
