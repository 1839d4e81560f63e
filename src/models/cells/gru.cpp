#include <reel/models/cells/gru.h>

namespace reel {

Gru::Gru(ParameterSet& set, const std::string& name, Index I, Index H, const CellOptions& options)
    : CellBase(name), r(set, name, "r", I, H, options), z(set, name, "z", I, H, options), n(set, name, "n", I, H, options) {}

Var Gru::next(Var x, Var previous, Var h) const {
  const Var reset = sigmoid(r(x, h)), keep = sigmoid(z(x, h)), candidate = tanh(n(x, reset * h));
  return keep * previous + (1.0 - keep) * candidate;
}

GruResetAfter::GruResetAfter(ParameterSet& set, const std::string& name, Index I, Index H, const CellOptions& options)
    : CellBase(name),
      r(set, name, "r", I, H, options),
      z(set, name, "z", I, H, options),
      n(set, name, "n", I, H, options),
      c_n(set.add(name + ".c_n", {H}, options.bias)) {}

Var GruResetAfter::next(Var x, Var previous, Var h) const {
  const Var reset = sigmoid(r(x, h)), keep = sigmoid(z(x, h));
  const Var candidate = tanh(matmul(x, n.U) + n.b + reset * (matmul(h, n.W) + c_n));
  return keep * previous + (1.0 - keep) * candidate;
}

}  // namespace reel
