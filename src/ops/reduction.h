// Sums, means and maxima over one dimension, over the batch, or over everything.
//
// An axis counts without B; a negative one from the end. ShapeError for an axis that there is not. An empty sum is 0; an empty
// mean is 0; the maximum over an empty dimension is refused with a ShapeError.
#pragma once

#include <reel/ops/broadcast.h>
#include <reel/ops/operand.h>

namespace reel {

enum class Keep : std::uint8_t { nothing, dimension };  // whether the reduced dimension stays, with size 1

// Over one axis: [.., n, ..] -> [.., ..], or [.., 1, ..].
Var sum(Operand x, int axis, Keep keep = Keep::nothing);
Var mean(Operand x, int axis, Keep keep = Keep::nothing);
// The largest; NaN if any element is. Its gradient goes to the first element that attains it.
Var max(Operand x, int axis, Keep keep = Keep::nothing);

// [.., n] -> ids [..]: the index of the first largest element along the last axis; of the first NaN, if any. No gradient.
Var argmax(Operand x);

Var sum(Operand x);         // everything, over the batch too -> []
Var mean(Operand x);        // sum(x) / number of elements, of a count of rows those of its rows; 0 for an empty batch
Var batch_mean(Operand x);  // [B, ..] or [n, ..] -> [..]; 0 for an empty batch

// ---- adjoints ----

// dy [.., ..] at the first largest element of x along `axis`, zeros elsewhere -> the shape of x. The adjoint of max.
Var spread_to_largest(Operand x, Operand dy, int axis);

}  // namespace reel
