// round_products: products and weight gradients take bf16 operands. Changed: values, by the rounding of operands.
#pragma once

#include <reel/graph/precision.h>
#include <reel/plan/rewriter.h>

namespace reel::passes {

// The pass for a precision; with Precision::full none changes.
Pass round_products(Precision products);

}  // namespace reel::passes
