// One step at a time: a layer with one input and a dense output of one number, as a stream and as a run of its plan. JSON lines.
//
// Usage: bench_stream [case-prefix], such as lstm_i1_h16.
// step_ns: the median over 200 stretches of many steps; p999_ns and worst_ns: of 100,000 steps timed one by one, the clock's own
// time taken off. l2_ns (where weights exceed the L1 cache): a plain loop that reads as many bytes as the weights have, over and
// over, in the same run.
#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

#include <fmt/format.h>

#include <reel/reel.h>

using namespace reel;

namespace {

using Clock = std::chrono::steady_clock;

double ns_since(Clock::time_point start) { return std::chrono::duration<double, std::nano>(Clock::now() - start).count(); }

double quantile(std::vector<double> x, double q) {
  const auto at = x.begin() + static_cast<std::ptrdiff_t>(q * static_cast<double>(x.size() - 1));
  std::nth_element(x.begin(), at, x.end());
  return *at;
}

// Of a call to the clock.
double clock_ns() {
  std::vector<double> times;
  for (int i = 0; i < 10000; ++i) times.push_back(ns_since(Clock::now()));
  return quantile(times, .5);
}

struct Times {
  double median, p999, worst;
};

template <class Step>
Times measure(Step step) {
  for (int i = 0; i < 1000; ++i) step(i);
  Clock::time_point start = Clock::now();
  for (int i = 0; i < 1000; ++i) step(i);
  const int stretch = std::clamp(static_cast<int>(100e3 / (ns_since(start) / 1000)), 10, 10000);  // about 100 us
  std::vector<double> stretches, steps;
  for (int s = 0; s < 200; ++s) {
    start = Clock::now();
    for (int i = 0; i < stretch; ++i) step(i);
    stretches.push_back(ns_since(start) / stretch);
  }
  const double own = clock_ns();
  for (int i = 0; i < 100000; ++i) {
    start = Clock::now();
    step(i);
    steps.push_back(std::max(ns_since(start) - own, 0.));
  }
  return {quantile(stretches, .5), quantile(steps, .999), quantile(steps, 1)};
}

void print(const char* who, const std::string& name, const Times& t) {
  fmt::print("{{\"who\":\"{}\",\"case\":\"{}\",\"step_ns\":{:.1f},\"p999_ns\":{:.1f},\"worst_ns\":{:.1f}}}\n", who, name,
             t.median, t.p999, t.worst);
  std::fflush(stdout);
}

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

template <class Cell>
void run_case(const char* kind, Index H, std::string_view prefix) {
  const std::string name = fmt::format("{}_i1_h{}", kind, H);
  if (!name.starts_with(prefix)) return;
  ParameterSet set;
  const Cell cell(set, "cell", 1, H);
  const Linear head(set, "head", H, 1);
  Tape tape;
  const Var x = tape.input("x", {B, 1});
  const auto state = carried_state(tape, cell, "state");
  const auto next = cell.step(x, state);
  Var h;
  if constexpr (std::is_same_v<Cell, Lstm>) {
    tape.carry(state.h, next.h);
    tape.carry(state.c, next.c);
    h = next.h;
  } else {
    tape.carry(state, next);
    h = next;
  }
  const Var y = head(h);
  const auto values = set.template initial<float>(1);
  float in[64], out = 0;
  RandomStream random(1);
  for (float& v : in) v = static_cast<float>(random.uniform(-1, 1));

  const StreamModel<float> model({{"y", y}}, &values);
  Stream<float> stream(model);
  print("stream", name, measure([&](int i) {
          if (!stream.step(std::span<const float>(&in[i % 64], 1), std::span(&out, 1))) std::abort();
        }));
  Session<float> session({{"y", y}}, &values);
  print("plan", name, measure([&](int i) {
          session.run({{"x", TensorView<const float>(&in[i % 64], Shape{1, 1})}});
          out += session[y][0];
        }));
  if (model.weight_bytes() > 48 << 10)
    fmt::print("{{\"who\":\"read\",\"case\":\"{}\",\"bytes\":{},\"l2_ns\":{:.1f}}}\n", name, model.weight_bytes(),
               read_ns(model.weight_bytes()));
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view prefix = argc > 1 ? argv[1] : "";
  for (Index H : {8, 16, 32, 64, 128, 256}) {
    run_case<Lstm>("lstm", H, prefix);
    run_case<Gru>("gru", H, prefix);
  }
}
