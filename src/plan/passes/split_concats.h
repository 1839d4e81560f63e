// split_concats: products and weight gradients of operands that were put together come apart, so that the parts can hoist and
// join:
//   matmul(concat(x, h), A)      -> matmul(x, A's first rows) + matmul(h, A's last rows)
//   slices of matmul(x, A)       -> matmul(x, A's columns), where nothing else reads the product
//   weight_gradient(concat(x, h), dy)   -> one weight gradient with two left operands
//   weight_gradient(x, concat(dy, dz))  -> concat of two weight gradients
//   batch_sum(concat(dy, dz))    -> concat of two sums
//   a sum of disjoint pads, the adjoint of slices -> concat; else its cost grows with the square of their number
// Parts are rows or columns of a weight; those of a parameter are made once per update. Unchanged: values, up to the order of
// sums.
#pragma once

#include <reel/plan/rewriter.h>

namespace reel::passes {

Program split_concats(const Program& program, Element element);

}  // namespace reel::passes
