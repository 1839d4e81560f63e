// The matrix product and the transpose.
//
// Each element is one chain of multiply-adds over ascending k. A plan packs a weight once per update of the parameters.
#pragma once

#include <reel/ops/operand.h>

namespace reel {

// x: [.., K] by w: [K, N] -> [.., N]. w has no B; x may be [K], [M, K], [B, K], [B, M, K], ...
// An empty K gives zeros. ShapeError when the inner dimensions differ.
Var matmul(Operand x, Operand w);

// [M, N] -> [N, M]. Refuses B: rows are independent.
Var transpose(Operand x);

// Whether a node is a matmul.
bool is_matmul(const Tape& tape, NodeId id);

}  // namespace reel
