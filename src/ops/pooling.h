// Pooling: the largest or the mean of every window of an image [.., H, W, C].
#pragma once

#include <reel/ops/unfold.h>

namespace reel {

// x [.., H, W, C] -> [.., H', W', C] over windows of size x size, by default side by side. ShapeError as unfold() gives it.
Var max_pool(Operand x, Index size, Index stride = 0);
Var mean_pool(Operand x, Index size, Index stride = 0);

}  // namespace reel
