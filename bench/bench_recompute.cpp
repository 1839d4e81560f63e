// Training over a long sequence with recomputation and without: the memory of a workspace, and the time of a step. One JSON line.
//
// Usage: bench_recompute [steps [units [batch [stretch]]]] (4096 256 8, 0: a stretch as it is chosen). REEL_THREADS (default 1).
#include <cstdlib>

#include <fmt/format.h>

#include "cases.h"

#include <reel/reel.h>

using namespace reel;

int main(int argc, char** argv) {
  const Index T = argc > 1 ? std::atol(argv[1]) : 4096, H = argc > 2 ? std::atol(argv[2]) : 256,
              batch = argc > 3 ? std::atol(argv[3]) : 8, stretch = argc > 4 ? std::atol(argv[4]) : 0;
  const char* text = std::getenv("REEL_THREADS");
  const ThreadPool threads(text ? std::atoi(text) : 1);
  ParameterSet set;
  const Lstm cell(set, "lstm", H, H);
  Tape tape;
  const Sequence x = tape.input("x", T, {B, H});
  const Var last = unroll(cell, x, zero_state(tape, cell)).outputs.back();
  const Var loss = mean(square(last));
  std::vector<Var> outputs = gradients(loss, set.all());
  outputs.push_back(loss);
  std::swap(outputs.front(), outputs.back());
  const auto values = set.initial<float>(1);
  Tensor<float> data(Shape{T, batch, H});
  RandomStream random(1);
  for (float& v : data) v = static_cast<float>(random.normal());

  std::vector<double> found[2];
  double bytes[2], ms[2];
  for (const bool recompute : {false, true}) {
    const auto plan =
        compile<float>(tape, outputs, {.recompute = !recompute || stretch == 0 ? Recompute(recompute) : Recompute(stretch)});
    Workspace<float> workspace(plan, &values, threads);
    ms[recompute] = bench::median_ms([&] { plan.run(workspace, {{"x", data}}); });
    bytes[recompute] = static_cast<double>(workspace.bytes());
    for (const Var& g : outputs)
      for (float v : workspace.value(g)) found[recompute].push_back(v);
  }
  fmt::print(
      "{{\"case\":\"lstm_b{}_t{}_h{}\",\"threads\":{},\"mb\":{:.1f},\"ms\":{:.1f},\"recompute_mb\":{:.1f},\"recompute_ms\":{:.1f}"
      ","
      "\"of_memory\":{:.4f},\"of_time\":{:.3f},\"same_bits\":{}}}\n",
      batch, T, H, threads.count(), bytes[0] / 1e6, ms[0], bytes[1] / 1e6, ms[1], bytes[1] / bytes[0], ms[1] / ms[0],
      found[0] == found[1]);
}
