// What the passes over products ask about a tape: which products share their weights, and which of those may be one.
#pragma once

#include <map>
#include <vector>

#include <reel/graph/tape.h>

namespace reel::passes {

// Products nodes by their weights' nodes and their count of rows, each list in tape order; those that read rows [B, K] only.
using ProductsByWeights = std::map<std::vector<NodeId>, std::vector<NodeId>>;
ProductsByWeights products_by_weights(const Tape& tape);

// The members of equal level, in tape order: the level is the largest number of members on a path to the node. No path leads
// from one member of a level to another, so all of one level may become one node without a cycle.
std::vector<std::vector<NodeId>> equal_levels(const Tape& tape, const std::vector<NodeId>& members);

}  // namespace reel::passes
