// Choosing elements. A condition is a real Var: true where it is not 0 (NaN is true). The branch that is not chosen gets a
// gradient of exactly 0, whatever its value, NaN and infinity included. Operands broadcast; ShapeError where they do not.
#pragma once

#include <reel/ops/operand.h>

namespace reel {

Var select(Operand condition, Operand x, Operand otherwise);
Var mask(Operand x, Operand keep);  // x where keep is not 0, else 0

}  // namespace reel
