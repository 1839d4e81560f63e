// verify(): checks that a tape is legal. Run after recording by hand-written ops and after every pass.
#pragma once

#include <reel/graph/tape.h>

namespace reel {

// Error, naming the node, when an input does not come before its user, when a type or shape is not what the op infers, or
// when a carried value's next state does not fit.
void verify(const Tape& tape);

}  // namespace reel
