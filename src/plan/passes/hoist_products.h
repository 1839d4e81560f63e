// hoist_products: products by the same weights that do not depend on one another become one node over all their left operands:
// x_t U of every step t is one large product before the recurrence, and the gradients of all x_t are one after it.
// Weights are taken one after the other: of those with equal level (see product_levels.h) up to 8 steps are gathered at a time,
// and the tape is put in a new legal order. Unchanged: values, to the bit.
#pragma once

#include <reel/plan/rewriter.h>

namespace reel::passes {

Program hoist_products(const Program& program, Element element);

}  // namespace reel::passes
