// join_contractions: contractions of the same left operands with different right ones, the gradients of all gates' weights by one
// input, become one contraction with several results; and sums over the batch of those right operands, the gradients of the
// gates' biases, become its last row, as if x had a column of ones.
// Only of equal level: the largest number of contractions and sums on a path to the node. Unchanged: values, up to the rounding of
// the biases' sums.
#pragma once

#include <reel/graph/program.h>

namespace reel::passes {

Program join_contractions(const Program& program, Element element);

}  // namespace reel::passes
