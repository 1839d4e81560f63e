// Gated recurrent units.
#pragma once

#include <reel/models/cells/cell_options.h>

namespace reel {

// r, z = sigmoid(x U + h' W + b), n = tanh(x U_n + (r * h') W_n + b_n), h = z * h' + (1 - z) * n   (Cho et al., 2014):
// the reset gate acts before the product, and z = 1 keeps the past. Parameters U_k [I, H], W_k [H, H], b_k [H] for k in r, z, n.
class Gru {
 public:
  using State = Var;
  Gru(ParameterSet& set, const std::string& name, Index I, Index H, const CellOptions& options = {});
  State step(Var x, State h) const { return step(x, h, h); }
  State step(Var x, State h, Var recurrent) const;
  Var recurrent(State h) const { return h; }
  std::vector<StatePart> state_layout() const;
  Parameter U_r, W_r, b_r, U_z, W_z, b_z, U_n, W_n, b_n;

 private:
  std::string name_;
};

// As Gru, but the reset gate acts after the product, which has a bias of its own:
// n = tanh(x U_n + b_n + r * (h' W_n + c_n))   (the variant of cuDNN and PyTorch). One more parameter, c_n [H].
class GruResetAfter {
 public:
  using State = Var;
  GruResetAfter(ParameterSet& set, const std::string& name, Index I, Index H, const CellOptions& options = {});
  State step(Var x, State h) const { return step(x, h, h); }
  State step(Var x, State h, Var recurrent) const;
  Var recurrent(State h) const { return h; }
  std::vector<StatePart> state_layout() const;
  Parameter U_r, W_r, b_r, U_z, W_z, b_z, U_n, W_n, b_n, c_n;

 private:
  std::string name_;
};

}  // namespace reel
