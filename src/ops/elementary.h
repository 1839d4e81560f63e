// Elementary functions on elements, shape in = shape out; ShapeError for ids. IEEE results at the ends: exp(-inf) = 0, exp(inf) =
// inf, log(0) = -inf, log(x < 0) = NaN, sqrt(x < 0) = NaN; NaN stays NaN, but sign and step of it are 0. At a kink the derivative
// is 0: abs at 0, step and sign everywhere.
#pragma once

#include <reel/ops/operand.h>

namespace reel {

Var exp(Operand x);
Var log(Operand x);
Var sqrt(Operand x);
Var square(Operand x);
Var abs(Operand x);
Var sign(Operand x);  // -1, 0 or 1; no gradient
Var step(Operand x);  // 1 where x > 0, else 0 (Heaviside); no gradient

}  // namespace reel
