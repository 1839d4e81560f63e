// Long short-term memory: the cell of today, the one that came first, and the one whose gates see the memory.
#pragma once

#include <reel/models/cells/cell_options.h>

namespace reel {

// i, f, o = sigmoid(x U + h' W + b), g = tanh(x U_g + h' W_g + b_g), c = f * c' + i * g, h = o * tanh(c)
// (Hochreiter and Schmidhuber, 1997; forget gate: Gers et al., 2000). Parameters U_k [I, H], W_k [H, H], b_k [H] for k in i, f,
// o, g.
class Lstm {
 public:
  struct State {
    Var h, c;
  };
  Lstm(ParameterSet& set, const std::string& name, Index I, Index H, const CellOptions& options = {});
  State step(Var x, const State& previous) const { return step(x, previous, previous.h); }
  State step(Var x, const State& previous, Var recurrent) const;
  Var recurrent(const State& previous) const { return previous.h; }
  std::vector<StatePart> state_layout() const;
  Parameter U_i, W_i, b_i, U_f, W_f, b_f, U_o, W_o, b_o, U_g, W_g, b_g;

 private:
  std::string name_;
};

// i, f, o = sigmoid(x U + s' W + b), n = tanh(x U_n + (o * s') W_n + b_n), s = f * s' + i * n: the first generation, with one
// state s, which the output gate masks within the candidate; the output is s itself.
// Parameters U_k, W_k, b_k for k in i, f, o, n.
class FirstGenerationLstm {
 public:
  using State = Var;
  FirstGenerationLstm(ParameterSet& set, const std::string& name, Index I, Index H, const CellOptions& options = {});
  State step(Var x, State s) const { return step(x, s, s); }
  State step(Var x, State s, Var recurrent) const;
  Var recurrent(State s) const { return s; }
  std::vector<StatePart> state_layout() const;
  Parameter U_i, W_i, b_i, U_f, W_f, b_f, U_o, W_o, b_o, U_n, W_n, b_n;

 private:
  std::string name_;
};

// Lstm whose gates also see the memory, each unit its own: i, f = sigmoid(x U + h' W + p * c' + b), o with c in the place of c'
// (Gers and Schmidhuber, 2000). Parameters as Lstm's and p_i, p_f, p_o [H].
class PeepholeLstm {
 public:
  struct State {
    Var h, c;
  };
  PeepholeLstm(ParameterSet& set, const std::string& name, Index I, Index H, const CellOptions& options = {});
  State step(Var x, const State& previous) const { return step(x, previous, previous.h); }
  State step(Var x, const State& previous, Var recurrent) const;
  Var recurrent(const State& previous) const { return previous.h; }
  std::vector<StatePart> state_layout() const;
  Parameter U_i, W_i, b_i, U_f, W_f, b_f, U_o, W_o, b_o, U_g, W_g, b_g, p_i, p_f, p_o;

 private:
  std::string name_;
};

}  // namespace reel
