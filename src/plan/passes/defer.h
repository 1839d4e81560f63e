// defer: an accumulate of nodes f(a1..), f(a2..), .. whose op merges in sums becomes the one node f(a1.., a2.., ..).
//
// So the weight gradients of T steps, sum over t of x_t^T dy_t, are one product over T x rows, run after the backward sweep
// with no result per step; likewise sums over the batch and scatter-adds. Only terms that nothing else uses are merged.
// Unchanged: values, up to the order of the sum, which is that of the accumulate's terms, op by op.
#pragma once

#include <reel/plan/rewriter.h>

namespace reel::passes {

Program defer(const Program& program, Element element);

}  // namespace reel::passes
