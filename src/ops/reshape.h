// The same numbers under another shape.
#pragma once

#include <reel/ops/operand.h>

namespace reel {

// x to `shape`, which has B exactly when x has and as many elements per row; ShapeError otherwise. Costs nothing in a plan.
Var reshape(Operand x, Shape shape);

}  // namespace reel
