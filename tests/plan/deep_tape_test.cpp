// An unrolled tape of more than a million nodes. Nothing may recurse over it: this is run with a stack of 256 KiB.
#include <reel/models/cells/elman.h>
#include <reel/models/parameter_set.h>
#include <reel/models/unroll.h>
#include <reel/ops/arithmetic.h>
#include <reel/ops/reduction.h>

#include "network.h"

using namespace reel;
using namespace reel::test;

TEST_CASE("deep tape: 100,000 steps are recorded, differentiated, compiled, run and freed without recursion") {
  constexpr Index T = 100'000;
  ParameterSet set;
  const Elman cell(set, "cell", 1, 2);
  const auto values = set.initial<double>(1);
  auto tape = std::make_unique<Tape>();
  const auto run = unroll(cell, tape->input("x", T, {B, 1}), zero_state(*tape, cell));
  const Var loss = sum(run.last);
  std::vector<Var> outputs = gradients(loss, set.all());
  outputs.push_back(loss);
  CHECK(tape->size() > 1'000'000);

  const Plan<double> plan = compile<double>(*tape, outputs);
  Workspace<double> workspace(plan, &values, ThreadPool(2));
  const Tensor<double> x = random_tensor({T, 3, 1}, 2);
  plan.run(workspace, {{"x", x}});

  // The same recurrence, and its backpropagation through time, by hand.
  const auto U = values[cell.a.U], W = values[cell.a.W], b = values[cell.a.b];
  std::vector<std::array<double, 2>> h(T + 1);
  std::array<double, 4> dW{};
  std::array<double, 2> dU{}, db{};
  double expected = 0;
  for (Index row = 0; row < 3; ++row) {
    for (Index t = 0; t < T; ++t)
      for (std::size_t k = 0; k < 2; ++k) {
        const auto i = static_cast<Index>(k);
        h[t + 1][k] = std::tanh(x[t * 3 + row] * U[i] + h[t][0] * W[i] + h[t][1] * W[2 + i] + b[i]);
      }
    expected += h[T][0] + h[T][1];
    std::array<double, 2> dh{1, 1};
    for (Index t = T; t-- > 0;) {
      std::array<double, 2> da{}, previous{};
      for (std::size_t k = 0; k < 2; ++k) {
        da[k] = dh[k] * (1 - h[t + 1][k] * h[t + 1][k]);
        dU[k] += x[t * 3 + row] * da[k];
        db[k] += da[k];
        for (std::size_t j = 0; j < 2; ++j) {
          dW[j * 2 + k] += h[t][j] * da[k];
          previous[j] += W[static_cast<Index>(j * 2 + k)] * da[k];
        }
      }
      dh = previous;
    }
  }
  CHECK(workspace.value(loss)[0] == doctest::Approx(expected).epsilon(1e-12));
  check_close(workspace.value(outputs[0]), {dU.begin(), dU.end()}, 1e-10);
  check_close(workspace.value(outputs[1]), {dW.begin(), dW.end()}, 1e-10);
  check_close(workspace.value(outputs[2]), {db.begin(), db.end()}, 1e-10);
  tape.reset();
}
