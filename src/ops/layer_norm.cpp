#include <reel/ops/layer_norm.h>

#include <reel/ops/arithmetic.h>
#include <reel/ops/elementary.h>
#include <reel/ops/reduction.h>

namespace reel {

Var layer_norm(Operand x, double epsilon) {
  const auto here = at("layer_norm", x);
  const Var centred = x - mean(x, -1, Keep::dimension);
  return centred / sqrt(mean(square(centred), -1, Keep::dimension) + epsilon);
}

Var layer_norm(Operand x, Operand gain, Operand bias, double epsilon) {
  const auto here = at("layer_norm", x);
  return layer_norm(x, epsilon) * gain + bias;
}

}  // namespace reel
