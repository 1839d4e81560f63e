// How the parameters of a recurrent cell begin, and what its families share.
#pragma once

#include <string>

#include <reel/models/cells/recurrent_cell.h>
#include <reel/models/layers.h>
#include <reel/ops/activation.h>

namespace reel {

struct CellOptions {
  Initializer weights = {};  // default: uniform +-1/sqrt(H)
  Initializer bias = init::zeros();
  Activation activation = tanh;  // phi of Elman and Jordan
};

namespace detail {

inline Initializer weights_of(const CellOptions& options, Index H) {
  return options.weights ? options.weights : init::uniform_by_units(H);
}

// The parameters of one gate k: "<name>.U_k" [I, H], "<name>.W_k" [H, H], "<name>.b_k" [H].
inline void add_gate(ParameterSet& set, const std::string& name, const char* k, Index I, Index H, const CellOptions& options,
                     Parameter& U, Parameter& W, Parameter& b) {
  U = set.add(name + ".U_" + k, {I, H}, weights_of(options, H));
  W = set.add(name + ".W_" + k, {H, H}, weights_of(options, H));
  b = set.add(name + ".b_" + k, {H}, options.bias);
}

}  // namespace detail
}  // namespace reel
