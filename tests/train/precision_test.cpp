// Training with bf16 products: as good as in float, with the same bits on any number of threads and when it is resumed.
#include <cmath>

#include <reel/data/files.h>
#include <reel/models/cells/cells.h>
#include <reel/models/layers.h>
#include <reel/models/unroll.h>
#include <reel/ops/ops.h>
#include <reel/train/trainer.h>

#include "directory.h"
#include "support.h"

using namespace reel;
using namespace reel::test;

namespace {

// Of a number's digits, the one three steps ago.
struct Task {
  ParameterSet set;
  Lstm cell{set, "cell", 4, 24};
  Linear head{set, "head", 24, 4};
  Builder builder() const {
    return [this](Tape& tape, Index steps, Mode) {
      const Sequence x = map_steps(tape.ids("x", steps, {B}), [](Var id) { return one_hot(id, 4); });
      const Sequence y = unroll(cell, x, zero_state(tape, cell)).outputs;
      return cross_entropy(map_steps(y, head), tape.ids("y", steps, {B}));
    };
  }
};

struct Batch {
  Tensor<std::int32_t> x{Shape{10, 16}}, y{Shape{10, 16}};
  explicit Batch(RandomStream& random) {
    for (std::int32_t& v : x) v = static_cast<std::int32_t>(random.below(4));
    for (Index t = 0; t < 10; ++t)
      for (Index r = 0; r < 16; ++r) y[t * 16 + r] = t < 3 ? 0 : x[(t - 3) * 16 + r];
  }
  std::vector<Binding> bindings() const { return {{"x", x}, {"y", y}}; }
};

Trainer<float> trainer_of(const Task& task, Precision products, int threads = 1) {
  return Trainer<float>(task.builder(), task.set, Adam{.lr = .02}, ClipNorm{1},
                        {.seed = 2, .threads = ThreadPool(threads), .products = products});
}

std::vector<double> losses(Trainer<float>& trainer, RandomStream& random, int updates) {
  std::vector<double> all;
  for (int i = 0; i < updates; ++i) all.push_back(trainer.step(Batch(random).bindings(), 10));
  return all;
}

}  // namespace

TEST_CASE("precision: a task that float learns, bf16 learns too, without scaling the loss") {
  const Task task;
  for (Precision products :
       {Precision::full, Precision::bf16, Precision::bf16_weights, Precision::bf16_portable, Precision::bf16_emulated_tiles}) {
    CAPTURE(static_cast<int>(products));
    Trainer<float> trainer = trainer_of(task, products);
    RandomStream random(7);
    CHECK(losses(trainer, random, 1)[0] > 1);
    losses(trainer, random, 299);
    RandomStream other(8);
    CHECK(trainer.evaluate(Batch(other).bindings(), 10) < .05);
  }
}

TEST_CASE("precision: small gradients reach the parameters as they are") {
  // A loss of 1e-30: a scale at which half-precision floats would hold nothing; bf16 has the exponents of float.
  ParameterSet set;
  const Linear layer(set, "layer", 8, 3);
  Tape tape;
  const Var x = tape.input("x", {B, 8});
  const Var loss = sum(square(layer(x))) * 1e-30;
  Tensor<float> data(Shape{4, 8});
  for (Index i = 0; i < data.size(); ++i) data[i] = static_cast<float>(i % 5) - 2;
  const auto norm = [&](Precision products) {
    Trainer<float> trainer(loss, set, Sgd{}, {}, {.threads = ThreadPool(1), .products = products});
    trainer.step({{"x", data}});
    return trainer.gradient_norm();
  };
  const double full = norm(Precision::full), rounded = norm(Precision::bf16);
  CHECK(full > 1e-31);
  CHECK(std::abs(rounded - full) < .01 * full);
}

TEST_CASE("precision: the same bits on any number of threads, and when a run is resumed; others are refused") {
  const Directory directory;
  const Task task;
  Trainer<float> whole = trainer_of(task, Precision::bf16), parts = trainer_of(task, Precision::bf16, 2),
                 resumed = trainer_of(task, Precision::bf16, 3);
  RandomStream a(7), b(7);
  auto expected = losses(whole, a, 12);
  auto got = losses(parts, b, 5);
  parts.save(directory / "run");
  resumed.resume(directory / "run");
  const auto rest = losses(resumed, b, 7);
  got.insert(got.end(), rest.begin(), rest.end());
  CHECK(got == expected);
  Trainer<float> full = trainer_of(task, Precision::full);
  CHECK_THROWS_WITH_AS(full.resume(directory / "run"), doctest::Contains("products is bf16 there, but full here"), FileError);
}

TEST_CASE("precision: bf16 is of float trainers") {
  const Task task;
  RandomStream random(1);
  const Batch batch(random);
  CHECK_THROWS_WITH_AS(
      Trainer<double>(task.builder(), task.set, Sgd{}, {}, {.products = Precision::bf16}).step(batch.bindings(), 10),
      doctest::Contains("products of bf16 are of float plans, not of double"), InputError);
}
