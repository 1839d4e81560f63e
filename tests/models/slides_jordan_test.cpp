// Example 2 of the slides: Jordan, 2-3-1, a batch of two sequences, sigmoid output, y(0) = 0.
#include <reel/models/cells/jordan.h>
#include <reel/models/initializers.h>
#include <reel/models/parameter_set.h>
#include <reel/models/unroll.h>
#include <reel/ops/activation.h>
#include <reel/ops/arithmetic.h>
#include <reel/ops/loss.h>

#include "models/evaluated_twice.h"

using namespace reel;
using namespace reel::test;

namespace {

struct Example2 {
  Tape tape;
  ParameterSet set;
  Jordan cell{set, "jordan", 2, 3, 1, sigmoid, {.bias = init::constant(.2)}};
  Unrolled<Jordan::State> run = unroll(cell, tape.input("x", 3, {B, 2}), zero_state(tape, cell));
  ParameterValues<double> values = set.initial<double>(1);
  // Time-major: step 1 of both sequences, step 2 of both, step 3 of both.
  Data data = Data().add("x", Tensor<double>(Shape{3, 2, 2}, {1, 2, -1, 0, -1, 1, 2, -1, 0, 3, 3, -1}));
  Example2() {
    set_values<double>(set, values, "jordan.U", Tensor<double>(Shape{2, 3}, {-1, .5, .2, .5, .1, -2}));
    set_values<double>(set, values, "jordan.W", Tensor<double>(Shape{1, 3}, {2, 1.3, -1}));
    set_values<double>(set, values, "jordan.V", Tensor<double>(Shape{3, 1}, {2, -1.5, .2}));
    set_values<double>(set, values, "jordan.c", Tensor<double>(Shape{1}, {.1}));
  }
};

}  // namespace

TEST_CASE("example 2 (Jordan): outputs of both sequences") {
  Example2 example;
  const Sequence& y = example.run.outputs;
  check_twice(example.tape,
              {{"y(1)", y[0], {.3144496985233183, .9006330313097569}},
               {"y(2)", y[1], {.8260045983849307, .10875271633210422}},
               {"y(3)", y[2], {.6268341974878593, .04294172772950846}}},
              example.data, &example.values);
}

TEST_CASE("example 2 (Jordan): logits are the outputs before the sigmoid") {
  // h of the third step times V plus c, from the worked hidden states.
  const std::vector<double> h1 = {.9975510512732269, .9176290460402186, -.9999964863802112};
  const std::vector<double> h2 = {-.9958053337018336, .9403863069372511, .9908493759294327};
  const auto logit = [](const std::vector<double>& h) { return 2 * h[0] - 1.5 * h[1] + .2 * h[2] + .1; };
  Example2 example;
  check_twice(example.tape, {{"logits", example.run.last.logits, {logit(h1), logit(h2)}}}, example.data, &example.values);
}

TEST_CASE("example 2 (Jordan): gradients through the fed-back output") {
  Example2 example;
  const Var loss = half_squared_error(example.run.last.y, 0.3);
  std::vector<Var> wrt;
  for (const Parameter& p : example.set.all()) wrt.push_back(example.tape.parameter(p));
  check_gradient(loss, wrt, example.data, &example.values);
}
