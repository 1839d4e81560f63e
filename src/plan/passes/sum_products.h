// sum_products: a sum of products by weights and of other terms, h' W + x U + b, becomes one products node that begins from the
// other terms. Products that hoist_products can gather over time steps (by weights that occur several times with no one
// depending on another, and over not too few k) get a node of their own, from which the rest begins, so that they stay free to
// move. Unchanged: values, up to the order of the sum.
#pragma once

#include <reel/plan/rewriter.h>

namespace reel::passes {

Program sum_products(const Program& program, Element element);

}  // namespace reel::passes
