// Dropout (Srivastava et al., 2014), inverted: kept elements are divided by the probability of being kept.
//
// Masks compare integers of the counter-based generator Philox4x32-10 (Salmon et al., 2011), keyed by the run's seed and
// counter, a key fixed when the mask is recorded, and the global row and column: the same for every element type, plan,
// number of threads, and the interpreter.
#pragma once

#include <reel/graph/mode.h>
#include <reel/ops/operand.h>

namespace reel {

// Elements of `shape` that are 0 with probability `rate`, else 1 / (1 - rate). InputError unless 0 <= rate <= 1 - 2^-20.
// Apply one mask at several steps for dropout with one mask per sequence.
Var dropout_mask(Tape& tape, Shape shape, double rate, CallSite site = CallSite::current());

// x times a fresh mask of its shape when training; x itself in inference and for rate 0.
Var dropout(Operand x, double rate, Mode mode);

}  // namespace reel
