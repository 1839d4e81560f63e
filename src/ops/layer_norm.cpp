#include <reel/ops/layer_norm.h>

#include <cmath>

#include <fmt/format.h>

#include <reel/graph/error.h>
#include <reel/graph/structural.h>
#include <reel/ops/arithmetic.h>
#include <reel/ops/elementary.h>
#include <reel/ops/reduction.h>
#include <reel/ops/row_scale.h>

namespace reel {

Var layer_norm(Operand x, double epsilon) {
  const auto here = at("layer_norm", x);
  if (!(epsilon >= 0 && std::isfinite(epsilon)))
    throw InputError(fmt::format("[layer_norm] epsilon must be finite and not negative, not {} ({})", epsilon, x.site().text()));
  const double least = std::sqrt(epsilon);
  const Var shifted = x - mean(x, -1, Keep::dimension);
  // The mean of large numbers misses by some of their last digits, and the mean of what is left tells by how much.
  const Var centred = shifted - stop_gradient(mean(shifted, -1, Keep::dimension));
  // The result does not depend on the scale, so no gradient is due to it.
  const Var scale = row_scale(centred, least);
  const Var scaled = centred / scale;
  const Var variance = mean(square(scaled), -1, Keep::dimension);
  return scaled / sqrt(variance + square(least / scale));
}

Var layer_norm(Operand x, Operand gain, Operand bias, double epsilon) {
  const auto here = at("layer_norm", x);
  return layer_norm(x, epsilon) * gain + bias;
}

}  // namespace reel
