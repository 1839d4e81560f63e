// lower: every op that has a form made for plans (Op::lower) is replaced by it, e.g. a product by a weight becomes a product
// by a packed weight. Unchanged: values.
#pragma once

#include <reel/plan/rewriter.h>

namespace reel::passes {

Program lower(const Program& program, Element element);

}  // namespace reel::passes
