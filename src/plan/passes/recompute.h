// recompute: of a training program over many steps, keeps the states between stretches of steps, and computes the rest of a
// stretch again when the gradients come to it (Chen et al., Training Deep Nets with Sublinear Memory Cost, 2016). The memory of T
// steps becomes that of a stretch and of T / stretch states; the forward part is computed twice.
//
// The first root is the loss: what it depends on is the forward part. A node's step is the last that its inputs (of Sequences)
// are of. Weight gradients over the steps are added up stretch by stretch. Unchanged: every value, bit for bit, but a weight
// gradient to which a row adds 0 times what is not finite where not all that it multiplies there is 0. Kept besides: what the
// forward part needs in a later stretch, and what depends on no batched value (masks). Nothing is gained where steps depend on
// later ones (a backward direction), nor by programs of one stretch.
#pragma once

#include <reel/plan/rewriter.h>

namespace reel::passes {

// `every`: steps of a stretch; 0: the square root of the number of steps.
Pass recompute(Index every);

}  // namespace reel::passes
