// Dropout in recurrent networks: one mask per sequence on what enters the input weights, and one on what is fed back through
// the recurrent weights, the same at every step (Gal and Ghahramani, 2016).
#pragma once

#include <vector>

#include <reel/models/cells/recurrent_cell.h>
#include <reel/ops/arithmetic.h>
#include <reel/ops/dropout.h>
#include <reel/ops/rows.h>

namespace reel {

// Cells whose products with the recurrent weights can be given something else than the state (models/cells/cells.h).
template <class C>
concept RecurrentDropoutCell = SizedCell<C> && requires(const C& cell, Var x, typename C::State state) {
  { cell.step(x, state, cell.recurrent(state)) } -> std::convertible_to<typename C::State>;
};

struct DropoutRates {
  double input = 0, recurrent = 0;  // in [0, 1)
};

// The cell with its masks, which are drawn at the first step of a sequence. In inference it is the cell itself.
template <RecurrentDropoutCell C>
class WithDropout {
 public:
  struct State {
    typename C::State cell;
    Var input_mask, recurrent_mask;  // [B, I] and [B, H]; empty at first, and where nothing is dropped
    std::vector<Var*> parts() { return state_parts(cell); }
  };

  WithDropout(C cell, DropoutRates rates, Mode mode)
      : cell_(std::move(cell)), rates_(mode == Mode::training ? rates : DropoutRates{}) {}

  State step(Var x, const State& previous) const {
    State next = previous;
    const Var fed_back = cell_.recurrent(previous.cell);
    const RowCount rows = x.shape().batched() ? x.shape().rows() : fed_back.shape().rows();
    const Var masked_x = masked(x, rows, rates_.input, next.input_mask);
    next.cell = cell_.step(masked_x, previous.cell, masked(fed_back, rows, rates_.recurrent, next.recurrent_mask));
    return next;
  }
  Var output(const State& state) const { return cell_output(cell_, state.cell); }
  std::vector<StatePart> state_layout() const { return cell_.state_layout(); }
  State make_state(std::span<const Var> parts) const { return {reel::make_state(cell_, parts), Var(), Var()}; }
  const C& cell() const { return cell_; }

 private:
  // Of a v that all rows share, each drops its own.
  static Var masked(Var v, RowCount rows, double rate, Var& mask) {
    if (rate == 0) return v;
    if (!mask) mask = dropout_mask(v.tape(), v.shape().with_rows(rows.batched() ? B : rows), rate);
    return v * (rows == mask.shape().rows() ? mask : first_rows(mask, rows));
  }

  C cell_;
  DropoutRates rates_;
};

}  // namespace reel
