// materialise_roots: a root that is a leaf, or only another way to read a node, becomes a copy, so that every root owns its
// memory. Unchanged: values.
#pragma once

#include <reel/graph/program.h>

namespace reel::passes {

Program materialise_roots(const Program& program, Element element);

}  // namespace reel::passes
