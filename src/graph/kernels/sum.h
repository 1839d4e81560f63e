// Vector kernels of the n-ary sum.
#pragma once

#include <optional>

#include <reel/graph/op.h>

namespace reel::kernels {

// x_1 + ... + x_n from left to right; nothing for more than kMostTileInputs.
std::optional<Tiles> sum_tiles(int inputs);

}  // namespace reel::kernels
