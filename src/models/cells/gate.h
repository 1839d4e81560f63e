// Gate: one affine map of what a cell sees: its input and what it feeds back.
#pragma once

#include <string>

#include <reel/models/cells/cell_options.h>
#include <reel/ops/arithmetic.h>
#include <reel/ops/matmul.h>

namespace reel {

// x: [B, I], h: [B, H] -> x U + h W + b: [B, H]. Parameters "<cell>.U_<k>" [I, H], "<cell>.W_<k>" [H, H], "<cell>.b_<k>" [H],
// without "_<k>" where k is empty. InputError when a name is taken.
struct Gate {
  Parameter U, W, b;
  Gate(ParameterSet& set, const std::string& cell, const std::string& k, Index I, Index H, const CellOptions& options = {});
  Var operator()(Var x, Var h) const {
    const Var from_x = matmul(x, U), from_h = matmul(h, W);
    return from_x + from_h + b;
  }
  Index units() const { return b.shape().last(); }
};

}  // namespace reel
