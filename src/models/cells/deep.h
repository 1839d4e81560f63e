// Deep: a stack of cells, each fed with the output of the one below.
#pragma once

#include <vector>

#include <reel/models/cells/any_cell.h>

namespace reel {

// h^l = cell_l(h^(l-1), h^l'); the output is the last layer's (Schmidhuber, 1992; Graves, Mohamed and Hinton, 2013). x [B, I],
// the state a list of its layers'. InputError for no layer, and in step() for a state of another number of layers.
class Deep {
 public:
  using State = std::vector<AnyCell::State>;
  explicit Deep(std::vector<AnyCell> layers);
  State step(Var x, const State& previous) const;
  Var output(const State& state) const { return layers_.back().output(state.back()); }
  std::vector<StatePart> state_layout() const;  // parts are called "0.h", "0.c", "1.h", ...
  State make_state(std::span<const Var> parts) const;
  const std::vector<AnyCell>& layers() const { return layers_; }

 private:
  std::vector<AnyCell> layers_;
};

}  // namespace reel
