// A program of several ranks, against the installed reel::mpi: mpirun -np 2 ranks.
#include <cstdio>

#include <reel/models/layers.h>
#include <reel/ops/arithmetic.h>
#include <reel/ops/elementary.h>
#include <reel/ops/reduction.h>
#include <reel/train/distributed/mpi_group.h>
#include <reel/train/trainer.h>

using namespace reel;

int main(int argc, char** argv) {
  MpiGroup group(argc, argv);
  try {
    ParameterSet set;
    const Linear layer(set, "layer", 1, 1);
    Tape tape;
    const Var loss = mean(square(layer(tape.input("x", {B, 1})) - tape.input("y", {B, 1})));
    Trainer<float> trainer(loss, set, Sgd{.lr = .3}, {}, {.threads = ThreadPool(1), .sharding = {.group = &group}});
    constexpr Index kRows = 11;  // y = 2 x + 1
    const Index here = trainer.rows().among(kRows);
    Tensor<float> x({here, 1}), y({here, 1});
    for (Index k = 0; k < here; ++k) {
      x[k] = static_cast<float>(trainer.rows().in_batch(k)) / kRows;
      y[k] = 2 * x[k] + 1;
    }
    double last = 0;
    for (int i = 0; i < 300; ++i) last = trainer.step({{"x", x}, {"y", y}});
    const float slope = trainer.get("layer.W")[0], shift = trainer.get("layer.b")[0];
    if (group.rank() == 0) std::printf("%d ranks: y = %.3f x + %.3f\n", static_cast<int>(group.size()), slope, shift);
    return last < 1e-4 ? 0 : 1;
  } catch (const Error& e) {
    group.fail(e.what());
    return 1;
  }
}
