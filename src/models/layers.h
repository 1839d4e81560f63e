// Feed-forward layers. Each adds its parameters to a set under its name and is immutable afterwards.
#pragma once

#include <string>
#include <vector>

#include <reel/models/parameter_set.h>
#include <reel/ops/operand.h>

namespace reel {

using Activation = Var (*)(Operand);

// y = x, as an Activation: a linear output.
Var identity(Operand x);

// x [.., I] -> [.., O]: x W + b. Parameters "<name>.W" [I, O] and "<name>.b" [O].
class Linear {
 public:
  Linear(ParameterSet& set, const std::string& name, Index I, Index O, Initializer weights = init::glorot(),
         Initializer bias = init::zeros());
  Var operator()(Operand x) const;
  Parameter W, b;
};

// ids [..] -> [.., E]: rows of the table "<name>" [V, E].
class Embedding {
 public:
  Embedding(ParameterSet& set, const std::string& name, Index V, Index E, Initializer begin = init::normal(1));
  Var operator()(Var ids, CallSite site = CallSite::current()) const;
  Parameter table;
};

// x [.., sizes.front()] -> [.., sizes.back()]: Linear layers "<name>.0", "<name>.1", ... with `hidden` between them and
// `output` after the last. InputError for fewer than two sizes.
class Mlp {
 public:
  Mlp(ParameterSet& set, const std::string& name, const std::vector<Index>& sizes, Activation hidden,
      Activation output = identity, Initializer weights = init::glorot());
  Var operator()(Operand x) const;
  std::vector<Linear> layers;

 private:
  Activation hidden_, output_;
};

}  // namespace reel
