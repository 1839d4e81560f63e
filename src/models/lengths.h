// Lengths: which steps each sequence of a batch has.
//
// Padded: every step is computed for all rows, and a mask keeps the state of those that have ended. Packed: sequences are
// ordered by falling length, and each step is computed for its first rows alone, so that padding costs nothing. Both give the
// same states, and no gradient comes from padding: with a mask it is exactly 0, packed there is nothing for it to come from.
// Padding may hold any finite numbers: a NaN under a mask makes the gradients of the weights that it meets NaN.
// The masks and counts of a batch of ids are made by data/sequence_batch.h.
#pragma once

#include <vector>

#include <reel/graph/tape.h>

namespace reel {

enum class Direction : std::uint8_t { forward, backward };

class Lengths {
 public:
  Lengths() = default;                                  // every row has every step
  static Lengths padded(Sequence mask);                 // mask_t [B]: 1 where the row has step t, else 0
  static Lengths packed(std::vector<RowCount> counts);  // the first n_t rows have step t; n_0 >= n_1 >= ... at run

  bool given() const { return given_; }
  // InputError unless they are of so many steps.
  void require_steps(std::size_t steps) const;

  // ---- what unroll() does with every part of a state; the first step of a direction has no step before it. `initial`: of every
  // row, or one that all begin from ----
  Var input(std::size_t t, Var x) const;                                                         // x_t of the rows that have it
  Var before(std::size_t t, Var part, Var initial, Direction direction, bool first_step) const;  // as step t takes it
  Var after(std::size_t t, Var part, Var before) const;                                          // as step t leaves it
  // Each row's part after its own last step (in `direction`); of_step: the part after each step, in the order of t.
  Var last(const std::vector<Var>& of_step, Var initial, Direction direction) const;

 private:
  bool given_ = false;
  Sequence mask_;
  std::vector<RowCount> counts_;
};

}  // namespace reel
