// Recurrent cells as plain equations over the ops. x: [B, I] or [I], state h: [B, H] or [H]; ' is the previous step, *
// is elementwise. Every weight is [n_in, n_out]. A cell adds its parameters to a set under its name and is immutable.
#pragma once

#include <string>
#include <vector>

#include <reel/models/layers.h>
#include <reel/models/recurrent_cell.h>
#include <reel/ops/activation.h>

namespace reel {

struct CellOptions {
  Initializer weights = {};  // default: uniform +-1/sqrt(H)
  Initializer bias = init::zeros();
  Activation activation = tanh;  // phi of Elman and Jordan
};

// h = phi(x U + h' W + b)   (Elman, 1990). Parameters U [I, H], W [H, H], b [H].
class Elman {
 public:
  using State = Var;
  Elman(ParameterSet& set, const std::string& name, Index I, Index H, const CellOptions& options = {});
  State step(Var x, State h) const;
  std::vector<StatePart> state_layout() const;
  Parameter U, W, b;

 private:
  std::string name_;
  Activation phi_;
};

// h = phi([x, h'] A + b): Elman with A = [U; W]. Parameters A [I + H, H], b [H].
class ElmanConcat {
 public:
  using State = Var;
  ElmanConcat(ParameterSet& set, const std::string& name, Index I, Index H, const CellOptions& options = {});
  State step(Var x, State h) const;
  std::vector<StatePart> state_layout() const;
  Parameter A, b;

 private:
  std::string name_;
  Activation phi_;
};

// h = phi(x U + y' W + b), y = out(h V + c)   (Jordan, 1986): the output is fed back, after `out`; y(0) = 0.
// Parameters U [I, H], W [O, H], b [H], V [H, O], c [O].
class Jordan {
 public:
  struct State {
    Var y;       // [B, O], fed back
    Var logits;  // [B, O], h V + c of this step: what cross_entropy takes; empty at first
    std::vector<Var*> parts() { return {&y}; }
  };
  Jordan(ParameterSet& set, const std::string& name, Index I, Index H, Index O, Activation out, const CellOptions& options = {});
  State step(Var x, const State& previous) const;
  Var output(const State& state) const { return state.y; }
  std::vector<StatePart> state_layout() const;
  Parameter U, W, b, V, c;

 private:
  std::string name_;
  Activation phi_, out_;
};

// r, z = sigmoid(x U + h' W + b), n = tanh(x U_n + (r * h') W_n + b_n), h = z * h' + (1 - z) * n   (Cho et al., 2014):
// the reset gate acts before the product, and z = 1 keeps the past. Parameters U_k, W_k, b_k for k in r, z, n.
class Gru {
 public:
  using State = Var;
  Gru(ParameterSet& set, const std::string& name, Index I, Index H, const CellOptions& options = {});
  State step(Var x, State h) const;
  std::vector<StatePart> state_layout() const;
  Parameter U_r, W_r, b_r, U_z, W_z, b_z, U_n, W_n, b_n;

 private:
  std::string name_;
};

// i, f, o = sigmoid(x U + h' W + b), g = tanh(x U_g + h' W_g + b_g), c = f * c' + i * g, h = o * tanh(c)
// (Hochreiter and Schmidhuber, 1997; forget gate: Gers et al., 2000). Parameters U_k, W_k, b_k for k in i, f, o, g.
class Lstm {
 public:
  struct State {
    Var h, c;
  };
  Lstm(ParameterSet& set, const std::string& name, Index I, Index H, const CellOptions& options = {});
  State step(Var x, const State& previous) const;
  std::vector<StatePart> state_layout() const;
  Parameter U_i, W_i, b_i, U_f, W_f, b_f, U_o, W_o, b_o, U_g, W_g, b_g;

 private:
  std::string name_;
};

}  // namespace reel
