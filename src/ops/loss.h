// Losses.
//
// Cross-entropy is -log softmax(logits)[id] in nats, taken from logits so that no probability underflows. A weight of 0
// gives exactly 0 loss and gradient, whatever the logits, infinities and NaN included: that is where padding goes.
#pragma once

#include <span>

#include <reel/ops/operand.h>

namespace reel {

enum class Reduction : std::uint8_t { mean, sum };

// One step, per row: logits [.., V], ids [..], weights [..] -> [..]. Weights get the unweighted losses as their gradient.
Var cross_entropy_rows(Operand logits, Var ids);
Var cross_entropy_rows(Operand logits, Var ids, Operand weights);

// Whole sequences -> []. Each step as above. Sum: over steps and batch. Mean: that sum divided by the summed weights
// (by the number of ids where there are none); 0 where the weights sum to 0 and for an empty batch.
// weights: none, or one per step. InputError when the lengths differ, and for T = 0, which has no tape to record on.
Var cross_entropy(std::span<const Var> logits, std::span<const Var> ids, Reduction reduction = Reduction::mean,
                  CallSite site = CallSite::current());
Var cross_entropy(std::span<const Var> logits, std::span<const Var> ids, std::span<const Var> weights,
                  Reduction reduction = Reduction::mean, CallSite site = CallSite::current());
Var cross_entropy(Var logits, Var ids, Reduction reduction = Reduction::mean, CallSite site = CallSite::current());

// 1/2 sum (y - target)^2 over everything -> []; equal shapes up to broadcasting, ShapeError for others.
Var half_squared_error(Operand y, Operand target);

}  // namespace reel
