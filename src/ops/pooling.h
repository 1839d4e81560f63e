// Pooling: the largest or the mean of every window of an image [.., H, W, C], and over a whole dimension.
#pragma once

#include <reel/ops/unfold.h>

namespace reel {

// The largest along `axis` (counted without B; negative from the end), which disappears. Its gradient goes to the first element
// that attains it. NaN if any is, with a gradient that then means nothing. ShapeError for a dimension of 0.
Var max_over(Operand x, int axis);
// The mean along `axis`, which disappears; 0 for a dimension of 0. Both: ShapeError for an axis that is not there.
Var mean_over(Operand x, int axis);

// x [.., H, W, C] -> [.., H', W', C] over windows of size x size, by default side by side. ShapeError as windows() gives it.
Var max_pool(Operand x, Index size, Index stride = 0);
Var mean_pool(Operand x, Index size, Index stride = 0);

// ---- adjoints ----

// x, dy without `axis` -> dy where x is the first largest along `axis`, else 0.
Var spread_to_largest(Operand x, Operand dy, int axis);

}  // namespace reel
