// Activation functions on elements, shape in = shape out; ShapeError for ids. NaN stays NaN.
// sigmoid is the logistic function 1 / (1 + exp(-x)); satlins clamps to [-1, 1] (Hopfield networks; elsewhere hard_tanh). At
// their kinks relu and satlins have derivative 0.
#pragma once

#include <reel/ops/operand.h>

namespace reel {

Var tanh(Operand x);
Var sigmoid(Operand x);
Var relu(Operand x);
Var satlins(Operand x);
inline Var hard_tanh(Operand x) { return satlins(x); }

}  // namespace reel
