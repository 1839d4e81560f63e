// The transpose of a matrix.
#pragma once

#include <reel/ops/operand.h>

namespace reel {

// [M, N] -> [N, M]. ShapeError for any other rank and for B: rows are independent.
Var transpose(Operand x);

// Whether a node is one: products read transposed weights as they lie.
bool is_transpose(const Tape& tape, NodeId id);

}  // namespace reel
