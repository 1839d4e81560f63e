// The products of the chain rule: a gradient that arrives, times a derivative. Where the gradient is exactly 0 the result is
// exactly 0, whatever the derivative, infinity and NaN included: what a mask or a select left out, or what the loss does not
// depend on, cannot spoil the other gradients. Everywhere else they are multiply and divide, bit for bit.
//
// The adjoints of all elementwise ops, and of those along a row, are made of them, so that select (ops/selection.h) gives the
// operand that is not chosen a gradient of exactly 0 all the way down. In products of matrices the same holds for the gradient
// of the weight (ops/weight_gradient.h); that of the left operand is IEEE's, so 0 times a weight that is not finite is NaN.
// Operands broadcast; ShapeError where they do not.
#pragma once

#include <reel/ops/operand.h>

namespace reel {

Var chain_product(Operand dy, Operand derivative);
Var chain_quotient(Operand dy, Operand divisor);  // dy / divisor

}  // namespace reel
