// Elman cells: the hidden state is fed back.
#pragma once

#include <reel/models/cells/cell_base.h>
#include <reel/models/cells/gate.h>

namespace reel {

// h = phi(x U + h' W + b)   (Elman, 1990). Parameters U [I, H], W [H, H], b [H].
class Elman : public CellBase<Elman, Var> {
 public:
  Elman(ParameterSet& set, const std::string& name, Index I, Index H, const CellOptions& options = {});
  Var next(Var x, Var previous, Var h) const;
  Index units() const { return a.units(); }
  Gate a;

 private:
  Activation phi_;
};

// h = phi([x, h'] A + b): Elman with A = [U; W]. Parameters A [I + H, H], b [H].
class ElmanConcat : public CellBase<ElmanConcat, Var> {
 public:
  ElmanConcat(ParameterSet& set, const std::string& name, Index I, Index H, const CellOptions& options = {});
  Var next(Var x, Var previous, Var h) const;
  Index units() const { return b.shape().last(); }
  Parameter A, b;

 private:
  Activation phi_;
};

}  // namespace reel
