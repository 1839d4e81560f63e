// What nodes of a tape depend on.
#pragma once

#include <vector>

#include <reel/graph/tape.h>

namespace reel {

// By node: whether it depends on parameters and constants alone, neither on an input nor on the run. Such nodes may be computed
// at any time, and once per update.
std::vector<char> parameter_only(const Tape& tape);

}  // namespace reel
