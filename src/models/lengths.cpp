#include <reel/models/lengths.h>

#include <algorithm>

#include <fmt/format.h>

#include <reel/graph/error.h>
#include <reel/ops/broadcast.h>
#include <reel/ops/rows.h>
#include <reel/ops/selection.h>

namespace reel {
namespace {

// Of every row, where all begin from one state.
Var of_rows(Var state) { return state.shape().batched() ? state : broadcast(state, state.shape().with_rows(B)); }

}  // namespace

Lengths Lengths::padded(Sequence mask) {
  Lengths lengths;
  lengths.given_ = true;
  lengths.mask_ = std::move(mask);
  return lengths;
}

Lengths Lengths::packed(std::vector<RowCount> counts) {
  Lengths lengths;
  lengths.given_ = true;
  lengths.counts_ = std::move(counts);
  return lengths;
}

void Lengths::require_steps(std::size_t steps) const {
  const std::size_t own = std::max(mask_.size(), counts_.size());
  if (given_ && own != steps) throw InputError(fmt::format("unroll: a sequence of {} steps with lengths for {}", steps, own));
}

Var Lengths::input(std::size_t t, Var x) const { return counts_.empty() ? x : first_rows(x, counts_[t]); }

Var Lengths::before(std::size_t t, Var part, Var initial, Direction direction, bool first_step) const {
  if (counts_.empty()) return part;
  if (direction == Direction::forward) return first_rows(of_rows(part), counts_[t]);
  // Backward, sequences join as their last steps come.
  const Var begin = first_rows(of_rows(initial), counts_[t]);
  return first_step ? begin : update_rows(begin, part);
}

Var Lengths::after(std::size_t t, Var part, Var before) const { return mask_.empty() ? part : select(mask_[t], part, before); }

Var Lengths::last(const std::vector<Var>& of_step, Var initial, Direction direction) const {
  if (of_step.empty()) return initial;
  if (direction == Direction::backward) return counts_.empty() ? of_step.front() : update_rows(of_rows(initial), of_step.front());
  Var last = of_step.back();
  if (counts_.empty()) return last;
  for (std::size_t t = of_step.size() - 1; t-- > 0;) last = update_rows(of_step[t], last);
  return update_rows(of_rows(initial), last);
}

}  // namespace reel
