// One step at a time: a layer with one input and a dense output of one number, as a stream, as an emitted file and as a run of
// its plan. JSON lines.
//
// Usage: bench_stream [case-prefix], such as lstm_i1_h16.
// step_ns: the median over 200 stretches of many steps; p999_ns and worst_ns: of 100,000 steps timed one by one, the clock's own
// time taken off. l2_ns (where weights exceed the L1 cache): a plain loop that reads as many bytes as the weights have, over and
// over, in the same run.
#include <cstdlib>
#include <string_view>

#include "cases.h"
#include "emitted.h"
#include "measure.h"

using namespace reel;
using namespace stream_bench;

namespace {

constexpr Index kAtOnce = 128;  // floats

// Adds up all that is there, by vectors as wide as the processor's.
__attribute__((target_clones("avx512f", "avx2", "default"))) void read_all(const float* x, Index n, float* sums) {
  float own[kAtOnce] = {};
  for (Index i = 0; i < n; i += kAtOnce)
    for (Index k = 0; k < kAtOnce; ++k) own[k] += x[i + k];
  std::copy_n(own, kAtOnce, sums);
}

double read_ns(std::size_t bytes) {
  const Tensor<float> memory(Shape{static_cast<Index>(bytes / sizeof(float)) / kAtOnce * kAtOnce});
  float sums[kAtOnce];
  return measure([&](int) {
           read_all(memory.data(), memory.size(), sums);
           asm volatile("" : : "r"(sums) : "memory");
         })
      .median;
}

void run_case(const StreamCase& c) {
  float in[kInputs], out = 0;
  fill(in);
  const StreamModel<float> model({{"y", c.y}}, &c.values);
  Stream<float> stream(model);
  print("stream", c.name, measure([&](int i) {
          if (!stream.step(std::span<const float>(&in[i % kInputs], 1), std::span(&out, 1))) std::abort();
        }));
  for (const EmittedCase& emitted : emitted_cases())
    if (emitted.name == c.name) print("emitted", c.name, emitted.measure());
  Session<float> session({{"y", c.y}}, &c.values);
  Tensor<float> x({1, 1, 1});
  const PreparedBindings bound = session.prepare({{"x", x}});
  print("plan", c.name, measure([&](int i) {
          x[0] = in[i % kInputs];
          session.run(bound);
          out += session[c.y][0];
        }));
  if (model.weight_bytes() > 48 << 10)
    fmt::print("{{\"who\":\"read\",\"case\":\"{}\",\"bytes\":{},\"l2_ns\":{:.1f}}}\n", c.name, model.weight_bytes(),
               read_ns(model.weight_bytes()));
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view prefix = argc > 1 ? argv[1] : "";
  for (const std::string& name : stream_cases())
    if (name.starts_with(prefix)) run_case(StreamCase(name));
}
