// join_weight_gradients: weight gradients by one right operand dy, the gradients of all weights of a gate, become one weight
// gradient of their left operands side by side; the sum of dy over the batch, the gate's bias, becomes its last row, as if x had
// a column of ones. Of what is left, weight gradients of the same left operands, those of several gates, become one with several
// results. Only of equal level: the largest number of weight gradients and sums on a path to the node. Unchanged: values, up to
// the rounding of the biases' sums.
#pragma once

#include <reel/plan/rewriter.h>

namespace reel::passes {

Program join_weight_gradients(const Program& program, Element element);

}  // namespace reel::passes
