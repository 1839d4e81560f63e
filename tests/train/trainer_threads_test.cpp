#include <reel/models/cells/any_cell.h>
#include <reel/models/layers.h>
#include <reel/models/parameter_set.h>
#include <reel/models/unroll.h>
#include <reel/ops/arithmetic.h>
#include <reel/ops/loss.h>
#include <reel/train/clipping.h>
#include <reel/train/optimizers.h>
#include <reel/train/trainer.h>

#include "models/cells/cell_table.h"
#include "train/stream_task.h"

using namespace reel;
using namespace reel::test;

namespace {

struct Trained {
  std::vector<double> losses;
  std::string parameters;
  bool operator==(const Trained&) const = default;
};

// 200 steps of a next-number task on a batch of 37 rows with carried state.
Trained train(const TestedCell& kind, int threads, Recompute recompute = {}) {
  Tape tape;
  ParameterSet set;
  const AnyCell cell = kind.make(set, 5, 9);
  const auto run = unroll(cell, tape.input("x", 4, {B, 5}), carried_state(tape, cell, "state"));
  const Linear head(set, "head", run.outputs[0].shape().last(), 7);
  const Var loss = cross_entropy(map_steps(run.outputs, head), tape.ids("y", 4, {B}));
  Trainer<float> trainer(loss, set, Adam{.lr = .01}, ClipNorm{.5}, {.threads = ThreadPool(threads), .recompute = recompute});
  const Tensor<float> x = cast<float>(random_tensor(Shape{4, 37, 5}, 1));
  const Tensor<std::int32_t> y = random_ids(Shape{4, 37}, 2, 7);
  Trained result;
  for (int i = 0; i < 200; ++i) result.losses.push_back(trainer.step({{"x", x}, {"y", y}}));
  result.parameters = bits(trainer);
  return result;
}

}  // namespace

TEST_CASE("trainer: losses and parameters after 200 steps have the same bits for 1, 2, 3 and 8 threads") {
  for (const TestedCell& kind : every_cell()) {
    CAPTURE(kind.name);
    const Trained one = train(kind, 1);
    CHECK(one.losses.back() < one.losses.front());
    for (int threads : {2, 3, 8}) {
      CAPTURE(threads);
      CHECK(train(kind, threads) == one);
    }
  }
}

TEST_CASE("trainer: the same bits where the forward part is computed again, with carried state") {
  for (const TestedCell& kind : every_cell()) {
    CAPTURE(kind.name);
    const Trained plain = train(kind, 1);
    CHECK(train(kind, 2, true) == plain);
    CHECK(train(kind, 1, 3) == plain);
  }
}
