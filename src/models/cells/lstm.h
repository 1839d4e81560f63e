// Long short-term memory: the cell of today, the one that came first, and the one whose gates see the memory.
#pragma once

#include <reel/models/cells/cell_base.h>
#include <reel/models/cells/gate.h>

namespace reel {

// i, f, o = sigmoid(x U + h' W + b), g = tanh(x U_g + h' W_g + b_g), c = f * c' + i * g, h = o * tanh(c)
// (Hochreiter and Schmidhuber, 1997; forget gate: Gers et al., 2000). Parameters U_k [I, H], W_k [H, H], b_k [H] for k in i, f,
// o, g.
class Lstm : public CellBase<Lstm, MemoryState> {
 public:
  Lstm(ParameterSet& set, const std::string& name, Index I, Index H, const CellOptions& options = {});
  MemoryState next(Var x, const MemoryState& previous, Var h) const;
  Index units() const { return i.units(); }
  Gate i, f, o, g;
};

// i, f, o = sigmoid(x U + s' W + b), n = tanh(x U_n + (o * s') W_n + b_n), s = f * s' + i * n: the first generation (Hochreiter
// and Schmidhuber, 1997), with one state s, which the output gate masks within the candidate; the output is s itself. Parameters
// U_k, W_k, b_k for k in i, f, o, n.
class FirstGenerationLstm : public CellBase<FirstGenerationLstm, Var> {
 public:
  static constexpr const char* kState = "s";
  FirstGenerationLstm(ParameterSet& set, const std::string& name, Index I, Index H, const CellOptions& options = {});
  Var next(Var x, Var previous, Var s) const;
  Index units() const { return i.units(); }
  Gate i, f, o, n;
};

// Lstm whose gates also see the memory, each unit its own: i, f = sigmoid(x U + h' W + p * c' + b), o with c in the place of c'
// (Gers and Schmidhuber, 2000). Parameters as Lstm's and p_i, p_f, p_o [H].
class PeepholeLstm : public CellBase<PeepholeLstm, MemoryState> {
 public:
  PeepholeLstm(ParameterSet& set, const std::string& name, Index I, Index H, const CellOptions& options = {});
  MemoryState next(Var x, const MemoryState& previous, Var h) const;
  Index units() const { return i.units(); }
  Gate i, f, o, g;
  Parameter p_i, p_f, p_o;
};

}  // namespace reel
