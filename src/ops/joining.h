// Putting parts together along a dimension and taking them apart. Axes count without B; negative ones from the end.
#pragma once

#include <optional>
#include <span>

#include <reel/ops/operand.h>

namespace reel {

// Parts that agree in every other dimension, in order along `axis` -> [.., n_1 + .. + n_k, ..]. ShapeError where they do not;
// InputError for none. A Parameter or number among them needs a Var beside it.
Var concat(std::span<const Var> x, int axis = -1, CallSite site = CallSite::current());
Var concat(std::initializer_list<Operand> x, int axis = -1);

// Elements [begin, end) of `axis` -> [.., end - begin, ..]. ShapeError unless 0 <= begin <= end <= its size.
Var slice(Operand x, int axis, Index begin, Index end);

// Equal shapes [B, ...] x T -> [B, T, ...]. ShapeError where they differ; InputError for none.
Var stack(std::span<const Var> x, CallSite site = CallSite::current());

// ---- what passes ask of nodes ----

// Along which axis, counted from the front, and where of the larger shape: a slice's input, a pad's result.
struct AxisRange {
  int axis;
  Index begin, end;
};
std::optional<AxisRange> slice_range(const Tape& tape, NodeId id);  // of a slice
std::optional<AxisRange> pad_range(const Tape& tape, NodeId id);    // of a pad
std::optional<int> concat_axis(const Tape& tape, NodeId id);        // of a concat

// ---- adjoints ----

// Zeros before and after along `axis`: the adjoint of slice.
Var pad(Operand x, int axis, Index before, Index after);

}  // namespace reel
