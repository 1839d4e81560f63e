// common_subexpressions: nodes of the same op (attributes included) over the same inputs become one, the first.
// Unchanged: values, to the bit. Random sources with different keys are different ops.
#pragma once

#include <reel/plan/rewriter.h>

namespace reel::passes {

Program common_subexpressions(const Program& program, Element element);

}  // namespace reel::passes
