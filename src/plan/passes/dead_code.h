// dead_code: drops nodes that no root depends on. Unchanged: every remaining node, its order and value.
#pragma once

#include <reel/plan/rewriter.h>

namespace reel::passes {

Program dead_code(const Program& program, Element element);

// The live part of a tape as a first program.
Program live_part(const Tape& tape, std::vector<NodeId> roots);

}  // namespace reel::passes
