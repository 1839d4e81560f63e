// Example 3 of the slides: 16 sequences of 64 steps, 8 inputs of U[0, 1), random labels of {0, 1, 2}; Elman of 5 units with
// truncated normal weights and zero biases, learning them by heart with Adam at 1e-4.
#include <reel/models/cells/elman.h>
#include <reel/models/initializers.h>
#include <reel/models/layers.h>
#include <reel/models/parameter_set.h>
#include <reel/models/unroll.h>
#include <reel/ops/arithmetic.h>
#include <reel/ops/loss.h>
#include <reel/train/optimizers.h>
#include <reel/train/trainer.h>

#include "support.h"

using namespace reel;
using namespace reel::test;

namespace {

constexpr Index kSteps = 64, kRows = 16, kInputs = 8, kUnits = 5, kLabels = 3;

struct Curve {
  double start, after_1000, after_5000;
};

Curve learn(std::uint64_t seed) {
  Tape tape;
  ParameterSet set;
  const Elman cell(set, "elman", kInputs, kUnits, {.weights = init::truncated_normal()});
  const Linear head(set, "head", kUnits, kLabels, init::truncated_normal());
  const auto run = unroll(cell, tape.input("x", kSteps, {B, kInputs}), zero_state(tape, cell));
  const Var loss = cross_entropy(map_steps(run.outputs, head), tape.ids("y", kSteps, {B}));
  Trainer<float> trainer(loss, set, Adam{.lr = 1e-4}, {}, {.seed = seed, .threads = ThreadPool(1)});
  const Tensor<float> x = cast<float>(uniform_tensor(Shape{kSteps, kRows, kInputs}, 10 + seed, 0, 1));
  const Tensor<std::int32_t> y = random_ids(Shape{kSteps, kRows}, 20 + seed, kLabels);
  Curve curve{};
  for (int i = 0; i < 5000; ++i) {
    const double level = trainer.step({{"x", x}, {"y", y}});
    if (i == 0) curve.start = level;
    if (i == 1000) curve.after_1000 = level;
    curve.after_5000 = level;
  }
  MESSAGE("seed ", seed, ": ", curve.start, " ", curve.after_1000, " ", curve.after_5000);
  return curve;
}

}  // namespace

// Numbers of the slides' network, the average of two inits; here of ten.
TEST_CASE("example 3: the learning curve with Adam 1e-4" * doctest::test_suite("slow")) {
  Curve mean{};
  constexpr int kRuns = 10;
  for (std::uint64_t seed = 1; seed <= kRuns; ++seed) {
    const Curve c = learn(seed);
    CHECK(c.after_1000 < c.start);
    CHECK(c.after_5000 < c.after_1000);
    mean.start += c.start / kRuns;
    mean.after_1000 += c.after_1000 / kRuns;
    mean.after_5000 += c.after_5000 / kRuns;
  }
  MESSAGE("mean: ", mean.start, " ", mean.after_1000, " ", mean.after_5000);
  CHECK(mean.start == doctest::Approx(1.199).epsilon(0.03));
  CHECK(mean.after_1000 == doctest::Approx(1.112).epsilon(0.015));
  CHECK(mean.after_5000 == doctest::Approx(1.079).epsilon(0.015));
}
