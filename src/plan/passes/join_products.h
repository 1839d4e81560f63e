// join_products: products nodes of the same left operands by different weights of equal shape become one node with several
// results: the four gates of an LSTM are one product over weights packed side by side.
// Only where what the later ones need besides is there when the first is computed, or can be: parameters, and few nodes that need
// no other product. Those that the products begin from join first. Unchanged: values, to the bit.
#pragma once

#include <reel/plan/rewriter.h>

namespace reel::passes {

Program join_products(const Program& program, Element element);

}  // namespace reel::passes
