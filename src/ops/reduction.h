// Sums, means and maxima over the last dimension, over the batch, or over everything.
//
// An empty sum is 0; an empty mean is 0; the maximum over an empty dimension is refused with a ShapeError.
#pragma once

#include <reel/ops/broadcast.h>
#include <reel/ops/operand.h>

namespace reel {

enum class Keep : std::uint8_t { nothing, dimension };  // whether the reduced dimension stays, with size 1

Var sum_last(Operand x, Keep keep = Keep::nothing);  // [.., n] -> [..] or [.., 1]
Var mean_last(Operand x, Keep keep = Keep::nothing);
Var sum(Operand x);         // everything, over the batch too -> []
Var mean(Operand x);        // sum(x) / number of elements, of a count of rows those of its rows; 0 for an empty batch
Var batch_mean(Operand x);  // [B, ..] or [n, ..] -> [..]; 0 for an empty batch

// [.., n] -> [..] or [.., 1]: the largest of each row; its gradient goes to the first element that attains it. NaN if any is.
Var max_last(Operand x, Keep keep = Keep::nothing);
// [.., n] -> ids [..]: the index of the first largest element; of the first NaN, if any.
Var argmax(Operand x);

}  // namespace reel
