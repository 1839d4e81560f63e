// A power of two of the size of a row: what a row is divided by so that its squares neither overflow nor vanish, without a
// rounding error.
#pragma once

#include <reel/ops/operand.h>

namespace reel {

// x [.., n] -> [.., 1]: the largest power of two that is at most max |x| along the last dimension, but no less than `least`; 1
// for a row of zeros where `least` is 0, and for one that is not finite. No gradient flows through it. ShapeError for a shape
// without a last dimension, InputError unless `least` is 0 or more.
Var row_scale(Operand x, double least = 0);

}  // namespace reel
