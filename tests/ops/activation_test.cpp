#include "support.h"

using namespace reel;
using namespace reel::test;

namespace {

void check_activation(Activation f, const char* name) {
  CAPTURE(name);
  for (const auto& [rows, n] : {std::pair<Index, Index>{1, 1}, {3, 7}, {33, 65}}) {
    Tape tape;
    const Var x = tape.input("x", {B, n});
    // Kinks lie at 0 and +-1; 0.013 keeps the random numbers off them.
    Tensor<double> values = random_tensor(Shape{rows, n}, 5, 1.5);
    for (double& v : values) v += 0.013;
    check_op(f(x), {{x}}, Data().add("x", values));
  }
}

}  // namespace

TEST_CASE("activation: gradients, second gradients and plan") {
  check_activation(tanh, "tanh");
  check_activation(sigmoid, "sigmoid");
  check_activation(relu, "relu");
  check_activation(satlins, "satlins");
}
