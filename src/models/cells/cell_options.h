// How the parameters of a recurrent cell begin.
#pragma once

#include <reel/models/layers.h>
#include <reel/ops/activation.h>

namespace reel {

struct CellOptions {
  Initializer weights = {};  // default: uniform +-1/sqrt(H)
  Initializer bias = init::zeros();
  Activation activation = tanh;  // phi of Elman and Jordan

  // Of a cell, or a layer of one, with H units.
  Initializer weights_for(Index H) const { return weights ? weights : init::uniform_by_units(H); }
};

}  // namespace reel
