#include <reel/graph/structural.h>
#include <reel/ops/activation.h>
#include <reel/ops/arithmetic.h>
#include <reel/plan/passes/fused.h>

#include "network.h"

using namespace reel;
using namespace reel::test;

// Regression: the key of a fused op ran steps and results together, so these two were taken for one op.
TEST_CASE("fused: a step's operands are not mistaken for another's results") {
  Tape tape;
  const Var x = tape.input("x", {B, 3}), z = tape.input("z", {B, 3});
  const Var t = tanh(x), one_result = accumulate({{t, t, x}});
  const Var u = tanh(z), two_results = accumulate({{u, u}});
  check_plan(tape, {{one_result, u, two_results}}, Data().add("x", random_tensor({4, 3}, 1)).add("z", random_tensor({4, 3}, 2)));
}
