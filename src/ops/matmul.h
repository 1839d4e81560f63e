// The matrix product.
//
// Each element adds up chains of multiply-adds over ascending k, cut at constant places. A plan packs a weight once per update of
// the parameters.
#pragma once

#include <reel/ops/operand.h>

namespace reel {

// x: [.., K] by w: [K, N] -> [.., N]. w has no B; x may be [K], [M, K], [B, K], [B, M, K], ...
// An empty K gives zeros. ShapeError when the inner dimensions differ.
Var matmul(Operand x, Operand w);

// Whether a node is one.
bool is_matmul(const Tape& tape, NodeId id);

}  // namespace reel
