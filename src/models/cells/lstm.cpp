#include <reel/models/cells/lstm.h>

namespace reel {

Lstm::Lstm(ParameterSet& set, const std::string& name, Index I, Index H, const CellOptions& options)
    : CellBase(name),
      i(set, name, "i", I, H, options),
      f(set, name, "f", I, H, options),
      o(set, name, "o", I, H, options),
      g(set, name, "g", I, H, options) {}

MemoryState Lstm::next(Var x, const MemoryState& previous, Var h) const {
  const Var write = sigmoid(i(x, h)), keep = sigmoid(f(x, h)), show = sigmoid(o(x, h)), candidate = tanh(g(x, h));
  const Var kept = keep * previous.c, written = write * candidate;
  const Var c = kept + written;
  return {show * tanh(c), c};
}

FirstGenerationLstm::FirstGenerationLstm(ParameterSet& set, const std::string& name, Index I, Index H, const CellOptions& options)
    : CellBase(name),
      i(set, name, "i", I, H, options),
      f(set, name, "f", I, H, options),
      o(set, name, "o", I, H, options),
      n(set, name, "n", I, H, options) {}

Var FirstGenerationLstm::next(Var x, Var previous, Var s) const {
  const Var write = sigmoid(i(x, s)), keep = sigmoid(f(x, s)), show = sigmoid(o(x, s)), candidate = tanh(n(x, show * s));
  const Var kept = keep * previous, written = write * candidate;
  return kept + written;
}

PeepholeLstm::PeepholeLstm(ParameterSet& set, const std::string& name, Index I, Index H, const CellOptions& options)
    : CellBase(name),
      i(set, name, "i", I, H, options),
      f(set, name, "f", I, H, options),
      o(set, name, "o", I, H, options),
      g(set, name, "g", I, H, options),
      p_i(set.add(name + ".p_i", {H}, options.weights_for(H))),
      p_f(set.add(name + ".p_f", {H}, options.weights_for(H))),
      p_o(set.add(name + ".p_o", {H}, options.weights_for(H))) {}

MemoryState PeepholeLstm::next(Var x, const MemoryState& previous, Var h) const {
  // The sum of a gate in the order x U + h W + p c + b.
  const auto seen = [&](const Gate& k, Var c, const Parameter& p) {
    const Var from_x = matmul(x, k.U), from_h = matmul(h, k.W), from_c = c * p;
    return sigmoid(from_x + from_h + from_c + k.b);
  };
  const Var write = seen(i, previous.c, p_i), keep = seen(f, previous.c, p_f), candidate = tanh(g(x, h));
  const Var kept = keep * previous.c, written = write * candidate;
  const Var c = kept + written;
  const Var show = seen(o, c, p_o);
  return {show * tanh(c), c};
}

}  // namespace reel
