// Softmax over the last dimension, shape in = shape out.
//
// Stated results: a row of only -inf gives softmax 0 and log_softmax -inf; +inf entries share the whole mass equally; a row
// with a NaN is NaN; logits of any finite size neither overflow nor lose the row's sum. ShapeError for ids and for a shape
// without a last dimension.
#pragma once

#include <reel/ops/operand.h>

namespace reel {

Var softmax(Operand x);      // s_i = exp(x_i) / sum_j exp(x_j), with the full Jacobian s_i (d_ij - s_j)
Var log_softmax(Operand x);  // log s_i

}  // namespace reel
