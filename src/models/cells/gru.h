// Gated recurrent units.
#pragma once

#include <reel/models/cells/cell_base.h>
#include <reel/models/cells/gate.h>

namespace reel {

// r, z = sigmoid(x U + h' W + b), n = tanh(x U_n + (r * h') W_n + b_n), h = z * h' + (1 - z) * n   (Cho et al., 2014):
// the reset gate acts before the product, and z = 1 keeps the past. Parameters U_k [I, H], W_k [H, H], b_k [H] for k in r, z, n.
class Gru : public CellBase<Gru, Var> {
 public:
  Gru(ParameterSet& set, const std::string& name, Index I, Index H, const CellOptions& options = {});
  Var next(Var x, Var previous, Var h) const;
  Index units() const { return n.units(); }
  Gate r, z, n;
};

// As Gru, but the reset gate acts after the product, which has a bias of its own:
// n = tanh(x U_n + b_n + r * (h' W_n + c_n))   (the variant of cuDNN and PyTorch). One more parameter, c_n [H].
class GruResetAfter : public CellBase<GruResetAfter, Var> {
 public:
  GruResetAfter(ParameterSet& set, const std::string& name, Index I, Index H, const CellOptions& options = {});
  Var next(Var x, Var previous, Var h) const;
  Index units() const { return n.units(); }
  Gate r, z, n;
  Parameter c_n;
};

}  // namespace reel
