// Arithmetic on elements. Operands broadcast: [n] and [] over [B, n], [B] (one number per row) over [B, n].
// ShapeError where the shapes do not broadcast, naming both. Division by zero gives the IEEE infinity or NaN; so do overflows.
#pragma once

#include <reel/ops/operand.h>

namespace reel {

Var add(Operand a, Operand b);
Var subtract(Operand a, Operand b);
Var multiply(Operand a, Operand b);  // elementwise; matmul() is the matrix product
Var divide(Operand a, Operand b);
Var negate(Operand x);

inline Var operator+(Operand a, Operand b) { return add(a, b); }
inline Var operator-(Operand a, Operand b) { return subtract(a, b); }
inline Var operator*(Operand a, Operand b) { return multiply(a, b); }
inline Var operator/(Operand a, Operand b) { return divide(a, b); }
inline Var operator-(Operand x) { return negate(x); }

}  // namespace reel
