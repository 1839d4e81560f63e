// Elman cells: the hidden state is fed back.
#pragma once

#include <reel/models/cells/cell_options.h>

namespace reel {

// h = phi(x U + h' W + b)   (Elman, 1990). Parameters U [I, H], W [H, H], b [H].
class Elman {
 public:
  using State = Var;
  Elman(ParameterSet& set, const std::string& name, Index I, Index H, const CellOptions& options = {});
  State step(Var x, State h) const { return step(x, h, h); }
  State step(Var x, State h, Var recurrent) const;
  Var recurrent(State h) const { return h; }
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
  State step(Var x, State h) const { return step(x, h, h); }
  State step(Var x, State h, Var recurrent) const;
  Var recurrent(State h) const { return h; }
  std::vector<StatePart> state_layout() const;
  Parameter A, b;

 private:
  std::string name_;
  Activation phi_;
};

}  // namespace reel
