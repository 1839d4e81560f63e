// Broadcasting, its adjoint, and the sums they are made of.
//
// Row dimensions align at the end; an absent or size-1 dimension repeats; a shape without B repeats over the batch. So [n],
// [] and [B] all broadcast to [B, n] ([B] holds one number per row). Beside a shape with dimensions after B one without B has no
// more of them: [B, n] and [n, n] do not broadcast, since the matrix product is what is meant.
#pragma once

#include <reel/ops/operand.h>

namespace reel {

// x repeated to `shape`. ShapeError when it does not repeat evenly or would lose B.
Var broadcast(Operand x, Shape shape);

// The adjoint of broadcast: x [.., m, n] summed down to `shape`, which x's shape repeats.
Var sum_to(Operand x, Shape shape);

// Brings the Vars to their common shape in place. ShapeError naming `op` when there is none.
void broadcast_together(std::string_view op, std::span<Var> x, CallSite site);

}  // namespace reel
