// constant_folding: nodes over constants alone become constants, evaluated in double by the ops' own formulas: unbatched
// ones of at most 65,536 elements, and elementwise ones or repetitions of single numbers, batched or not.
// Unchanged: values, up to the rounding of the plan's element type.
#pragma once

#include <reel/plan/rewriter.h>

namespace reel::passes {

Program constant_folding(const Program& program, Element element);

}  // namespace reel::passes
