// materialise_roots: a root that is a leaf, or a view that is not dense in the memory of the node it reads, becomes a copy, so
// that every root lies dense in the workspace. Unchanged: values.
#pragma once

#include <reel/plan/rewriter.h>

namespace reel::passes {

Program materialise_roots(const Program& program, Element element);

}  // namespace reel::passes
