// Sums over the batch.
#pragma once

#include <reel/ops/operand.h>

namespace reel {

// x: [B, ...] -> [...], rows added as graph/fixed_sum.h says; an empty batch gives 0.
Var batch_sum(Operand x);

// Whether a node is a batch_sum, of one term or, after passes, of several.
bool is_batch_sum(const Tape& tape, NodeId id);

}  // namespace reel
