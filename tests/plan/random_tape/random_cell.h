// Random recurrent cells: 1 to 3 layers of 1 to 3 states and 1 to 5 gates, each gate a sum of products by weights of its own,
// by shared or by joint ones, or a product by [x, h], with biases and peepholes; and how they combine to the next states.
#pragma once

#include "growth.h"

namespace reel::test {

// The step section: input, layers, head. REQUIRES: growth.section is Section::step.
void add_cells(Growth& growth);

}  // namespace reel::test
