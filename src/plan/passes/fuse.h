// fuse: elementwise nodes of one shape that feed one another become one node that visits its elements once: the gate arithmetic
// of a step, forward or backward, keeps its intermediate values in the cache.
//
// Nodes may be one when they have equal levels: the number of other ops on the longest path to them. A node that only later
// levels read moves there when that lengthens no more lives than it ends, as 1 - y, whose y is kept for the backward anyway.
// What depends on no input stays by itself. Unchanged: values, to the bit.
#pragma once

#include <reel/plan/rewriter.h>

namespace reel::passes {

Program fuse(const Program& program, Element element);

}  // namespace reel::passes
