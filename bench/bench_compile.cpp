// What compile() costs: microseconds per node of the tape, over sequences of growing length.
//
// Usage: bench_compile [longest sequence, 4000]. The tape is one layer's forward and backward, as in bench_rnn; medians of
// several compilations.
#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <vector>

#include <fmt/format.h>

#include <reel/reel.h>

using namespace reel;

namespace {

template <class Cell>
void report(const char* name, Index T) {
  ParameterSet set;
  const Cell cell(set, name, 32, 32);
  Tape tape;
  const Sequence x = tape.input("x", T, {B, 32}), dy = tape.input("dy", T, {B, 32});
  const Sequence y = unroll(cell, x, zero_state(tape, cell)).outputs;
  std::vector<Var> wrt = x, outputs = y;
  for (const Parameter& p : set.all()) wrt.push_back(tape.parameter(p));
  for (const Var& g : gradients(y, dy, wrt)) outputs.push_back(g);

  std::vector<double> times;
  for (int i = 0; i < 7; ++i) {
    const auto start = std::chrono::steady_clock::now();
    const auto plan = compile<float>(tape, outputs);
    times.push_back(std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start).count());
  }
  std::ranges::sort(times);
  fmt::print("{:<6} T {:>5}: {:>7} nodes, {:>8.2f} ms, {:.2f} us per node\n", name, T, tape.size(), times[3] / 1e3,
             times[3] / static_cast<double>(tape.size()));
}

}  // namespace

int main(int argc, char** argv) {
  const Index longest = argc > 1 ? std::atoi(argv[1]) : 4000;
  for (Index T : {16, 64, 250, 1000, 4000}) {
    if (T > longest) break;
    report<Elman>("elman", T);
    report<Gru>("gru", T);
    report<Lstm>("lstm", T);
  }
}
