#include <reel/ops/layer_norm.h>

#include <reel/ops/arithmetic.h>
#include <reel/ops/elementary.h>
#include <reel/ops/reduction.h>

namespace reel {

Var layer_norm(Operand x, double epsilon) {
  const auto at = [&](Var v) { return Operand(v, x.site()); };
  const Var centred = subtract(x, at(mean_last(x, Keep::dimension)));
  const Var variance = mean_last(at(square(at(centred))), Keep::dimension);
  return divide(at(centred), at(sqrt(at(add(at(variance), epsilon)))));
}

Var layer_norm(Operand x, Operand gain, Operand bias, double epsilon) {
  const Var scaled = multiply(Operand(layer_norm(x, epsilon), x.site()), gain);
  return add(Operand(scaled, x.site()), bias);
}

}  // namespace reel
