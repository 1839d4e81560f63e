// regroup: what passes share that rewrite groups of nodes as one node each.
#pragma once

#include <functional>

#include <reel/graph/program.h>

namespace reel {

// Emits every node of the program in a legal order. When all that the members of a group need has been emitted, `rewrite` is
// called with them and must replace each; other nodes are kept, unless `rewrite` has replaced them already.
// REQUIRES: no member depends on another member of its group through nodes outside it, and groups do not depend on one another
// in a cycle.
Program regroup(const Program& program, const std::vector<std::vector<NodeId>>& groups,
                const std::function<void(Rewriter&, std::span<const NodeId>)>& rewrite);

}  // namespace reel
