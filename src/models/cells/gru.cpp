#include <reel/models/cells/gru.h>

namespace reel {

Gru::Gru(ParameterSet& set, const std::string& name, Index I, Index H, const CellOptions& options)
    : CellBase(name), r(set, name, "r", I, H, options), z(set, name, "z", I, H, options), n(set, name, "n", I, H, options) {}

Var Gru::next(Var x, Var previous, Var h) const {
  const Var reset = sigmoid(r(x, h)), keep = sigmoid(z(x, h)), candidate = tanh(n(x, reset * h));
  const Var kept = keep * previous, renewed = (1.0 - keep) * candidate;
  return kept + renewed;
}

GruResetAfter::GruResetAfter(ParameterSet& set, const std::string& name, Index I, Index H, const CellOptions& options)
    : CellBase(name),
      r(set, name, "r", I, H, options),
      z(set, name, "z", I, H, options),
      n(set, name, "n", I, H, options),
      c_n(set.add(name + ".c_n", {H}, options.bias)) {}

Var GruResetAfter::next(Var x, Var previous, Var h) const {
  const Var reset = sigmoid(r(x, h)), keep = sigmoid(z(x, h));
  const Var from_x = matmul(x, n.U) + n.b, from_h = matmul(h, n.W) + c_n;
  const Var candidate = tanh(from_x + reset * from_h);
  const Var kept = keep * previous, renewed = (1.0 - keep) * candidate;
  return kept + renewed;
}

}  // namespace reel
