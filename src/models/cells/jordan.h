// Jordan cells: the output is fed back, after its activation.
#pragma once

#include <reel/models/cells/cell_options.h>
#include <reel/models/cells/recurrent_cell.h>

namespace reel {

// h = phi(x U + y' W + b), y = out(h V + c)   (Jordan, 1986); y(0) = 0.
// Parameters U [I, H], W [O, H], b [H], V [H, O], c [O].
class Jordan {
 public:
  struct State {
    Var y;       // [B, O], fed back
    Var logits;  // [B, O], h V + c of this step: what cross_entropy takes; empty at first and after sequences with lengths
    std::vector<Var*> parts() { return {&y}; }
  };
  Jordan(ParameterSet& set, const std::string& name, Index I, Index H, Index O, Activation out, const CellOptions& options = {});
  State step(Var x, const State& previous) const { return step(x, previous, previous.y); }
  State step(Var x, const State& previous, Var recurrent) const;
  Var recurrent(const State& previous) const { return previous.y; }
  Var output(const State& state) const { return state.y; }
  std::vector<StatePart> state_layout() const;
  Parameter U, W, b, V, c;

 private:
  std::string name_;
  Activation phi_, out_;
};

// A stack whose memory comes from above: with h^0 = x and h^(L+1) = y,
//   h^l = phi(h^(l-1) U^l + h^(l+1)' W^l + b^l) for l = 1..L,   y = out(h^L V + c):
// each layer sees the previous step of the layer above it, the last one the previous output, and none its own. One layer is
// Jordan's network. Parameters "<name>.<l>.U" [n_(l-1), n_l], ".W" [n_(l+1), n_l], ".b" [n_l], "<name>.V" [n_L, O], "<name>.c"
// [O].
class DeepJordan {
 public:
  struct State {
    std::vector<Var> above;  // h^2 .. h^L, then y: what is fed back to layers 1 .. L
    Var logits;              // as in Jordan
    std::vector<Var*> parts();
  };
  // units: n_1 .. n_L. InputError for no layer.
  DeepJordan(ParameterSet& set, const std::string& name, Index I, const std::vector<Index>& units, Index O, Activation out,
             const CellOptions& options = {});
  State step(Var x, const State& previous) const;
  Var output(const State& state) const { return state.above.back(); }
  std::vector<StatePart> state_layout() const;
  State make_state(std::span<const Var> parts) const;
  struct Layer {
    Parameter U, W, b;
  };
  std::vector<Layer> layers;
  Parameter V, c;

 private:
  std::string name_;
  Activation phi_, out_;
};

}  // namespace reel
