// Levels of cross-entropy that an Elman network reaches on the toy memory problem, as in the slides: batch 200, Adagrad .1,
// 10^6 new points an epoch cut into 200 stretches, the state zeroed at each epoch and carried between windows.
#include <reel/models/cells/elman.h>
#include <reel/models/layers.h>
#include <reel/models/parameter_set.h>
#include <reel/models/unroll.h>
#include <reel/ops/arithmetic.h>
#include <reel/ops/embedding.h>
#include <reel/ops/loss.h>
#include <reel/train/clipping.h>
#include <reel/train/optimizers.h>
#include <reel/train/trainer.h>

#include "train/toy_problem.h"

using namespace reel;
using namespace reel::test;

namespace {

constexpr Index kRows = 200, kPoints = 1000000;

class ToyNetwork {
 public:
  ToyNetwork(Index steps, Index units, std::uint64_t seed)
      : steps_(steps), cell_(set_, "elman", 2, units), head_(set_, "head", units, 2) {
    Sequence x;
    for (const Var& id : tape_.ids("x", steps, {B})) x.push_back(one_hot(id, 2));
    const auto run = unroll(cell_, x, carried_state(tape_, cell_, "state"));
    const Var loss = cross_entropy(map_steps(run.outputs, head_), tape_.ids("y", steps, {B}));
    trainer_ = std::make_unique<Trainer<float>>(loss, set_, Adagrad{.lr = .1}, Clip(),
                                                TrainerOptions{.seed = seed, .threads = ThreadPool(1)});
  }

  // Learns 10^6 new points; then the mean loss on 10^6 others.
  double epoch(std::uint64_t seed) {
    run(seed, true);
    const double level = run(1000 + seed, false);
    MESSAGE(steps_, " steps, ", cell_.a.W.shape().last(), " units: ", level);
    return level;
  }

 private:
  double run(std::uint64_t seed, bool learn) {
    const ToyPoints points = toy_points(kPoints, seed);
    const Index stretch = kPoints / kRows, windows = stretch / steps_;
    Tensor<std::int32_t> x(Shape{steps_, kRows}), y(Shape{steps_, kRows});
    trainer_->reset_state();
    trainer_->reset_evaluation();
    double sum = 0;
    for (Index w = 0; w < windows; ++w) {
      for (Index t = 0; t < steps_; ++t)
        for (Index b = 0; b < kRows; ++b) {
          const auto at = static_cast<std::size_t>(b * stretch + w * steps_ + t);
          x[t * kRows + b] = points.x[at];
          y[t * kRows + b] = points.y[at];
        }
      sum += learn ? trainer_->step({{"x", x}, {"y", y}}) : trainer_->evaluate({{"x", x}, {"y", y}});
    }
    return sum / static_cast<double>(windows);
  }

  Index steps_;
  Tape tape_;
  ParameterSet set_;
  Elman cell_;
  Linear head_;
  std::unique_ptr<Trainer<float>> trainer_;
};

}  // namespace

TEST_CASE("toy problem: 5 steps and 4 units learn the first dependency in one epoch" * doctest::test_suite("slow")) {
  // The slides have .519 to .522. The carried state lets some networks see a little of the second dependency.
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    CAPTURE(seed);
    const double level = ToyNetwork(5, 4, seed).epoch(100 + seed);
    CHECK(level > 0.514);
    CHECK(level < 0.523);
  }
}

TEST_CASE("toy problem: 10 steps and 16 units learn the second one too" * doctest::test_suite("slow")) {
  // The slides have .469 to .477 over the first epoch's end and .460 at epoch 3. No model goes below .454454.
  for (std::uint64_t seed : {1, 2, 3}) {
    CAPTURE(seed);
    ToyNetwork net(10, 16, seed);
    const double first = net.epoch(200);
    CHECK(first > 0.458);
    CHECK(first < 0.477);
    net.epoch(201);
    net.epoch(202);
    const double fourth = net.epoch(203);
    CHECK(fourth < first);
    CHECK(fourth > toy_entropies().both - 0.0015);
    CHECK(fourth < 0.4625);
  }
}

TEST_CASE("toy problem: one step of gradient does not find the dependencies" * doctest::test_suite("slow")) {
  for (std::uint64_t seed : {1, 2, 3, 4, 5}) {
    CAPTURE(seed);
    const double level = ToyNetwork(1, 4, seed).epoch(300 + seed);
    CHECK(level > 0.53);
    CHECK(level < toy_entropies().nothing + 0.002);
  }
}
