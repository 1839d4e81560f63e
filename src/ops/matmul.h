// The matrix product, its adjoint's contraction over rows, and the transpose.
//
// Each element is one chain of multiply-adds over ascending k. A plan packs a weight once per update of the parameters.
#pragma once

#include <reel/ops/operand.h>

namespace reel {

// x: [.., K] by w: [K, N] -> [.., N]. w has no B; x may be [K], [M, K], [B, K], [B, M, K], ...
// An empty K gives zeros. ShapeError when the inner dimensions differ.
Var matmul(Operand x, Operand w);

// x: [.., K], y: [.., N] with equal leading dimensions -> x^T y: [K, N], summed over all leading dimensions and the batch
// in row order. The gradient of matmul's weight is contract(x, dy).
Var contract(Operand x, Operand y);

// [M, N] -> [N, M]. Refuses B: rows are independent.
Var transpose(Operand x);

}  // namespace reel
