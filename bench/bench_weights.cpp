// One sequence at a time, where the way of the weights from the L2 and beyond is what counts: float beside bf16 weights
// (Precision::bf16_weights), and beside products of bf16 (Precision::bf16), for whole sequences and for a Stream's steps. One
// JSON line per case.
//
// Usage: bench_weights [rounds]. (1, 64, 64, H), one thread; all kinds take turns, figures are medians over the rounds (3).
#include <array>
#include <charconv>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "cases.h"

#include <reel/reel.h>

using namespace reel;

namespace {

constexpr Index kSteps = 64, kInputs = 64;

// A layer whose weights are read as `products` says.
template <class Cell>
class Timed {
 public:
  Timed(Index units, Precision products)
      : cell_(set_, "cell", kInputs, units),
        values_(set_.initial<float>(1)),
        x_(Shape{kSteps, 1, kInputs}),
        y_(static_cast<std::size_t>(units)),
        plan_(whole_sequence(products)),
        workspace_(plan_, &values_, ThreadPool(1)),
        model_(one_step(products)),
        stream_(model_) {
    RandomStream random(1);
    for (float& v : x_) v = static_cast<float>(random.normal());
  }
  double infer_ms() {
    const Binding binding{"x", x_};
    return bench::median_ms([&] { plan_.run(workspace_, std::span(&binding, 1)); });
  }
  double step_us() {
    const float* x = x_.data();
    return 1000. / kSteps * bench::median_ms([&] {
             for (Index t = 0; t < kSteps; ++t)
               if (!stream_.step(std::span(x + t * kInputs, kInputs), y_)) std::abort();
           });
  }

 private:
  Plan<float> whole_sequence(Precision products) const {
    Tape tape;
    const Sequence x = tape.input("x", kSteps, {B, kInputs});
    return compile<float>(tape, unroll(cell_, x, zero_state(tape, cell_)).outputs, {.products = products});
  }
  StreamModel<float> one_step(Precision products) const {
    Tape tape;
    const auto step = unroll(cell_, tape.input("x", 1, {B, kInputs}), carried_state(tape, cell_, "state"));
    return {{{"y", step.outputs.back()}}, &values_, {.products = products}};
  }

  ParameterSet set_;
  Cell cell_;
  ParameterValues<float> values_;
  Tensor<float> x_;
  std::vector<float> y_;
  Plan<float> plan_;
  Workspace<float> workspace_;
  StreamModel<float> model_;
  Stream<float> stream_;
};

template <class Cell>
void report(std::string_view kind, Index units, int rounds) {
  Timed<Cell> layers[] = {{units, Precision::full}, {units, Precision::bf16_weights}, {units, Precision::bf16}};
  constexpr std::string_view kNames[] = {"", "_bf16_weights", "_bf16"};
  std::array<std::vector<double>, std::size(layers)> infer, step;
  for (int round = 0; round < rounds; ++round)
    for (std::size_t i = 0; i < std::size(layers); ++i) {
      infer[i].push_back(layers[i].infer_ms());
      step[i].push_back(layers[i].step_us());
    }
  fmt::print(R"({{"case":"{}_b1_t{}_i{}_h{}")", kind, kSteps, kInputs, units);
  for (std::size_t i = 0; i < std::size(layers); ++i) {
    const double infer_ms = bench::median(infer[i]), step_us = bench::median(step[i]);
    fmt::print(R"(,"infer{0}_ms":{1:.4f},"step{0}_us":{2:.2f})", kNames[i], infer_ms, step_us);
    if (i > 0)
      fmt::print(R"(,"infer{0}_times":{1:.2f},"step{0}_times":{2:.2f})", kNames[i], bench::median(infer[0]) / infer_ms,
                 bench::median(step[0]) / step_us);
  }
  fmt::print("}}\n");
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  int rounds = 3;
  if (argc > 1) std::from_chars(argv[1], argv[1] + std::string_view(argv[1]).size(), rounds);
  for (const Index units : {256, 512, 1024}) {
    report<Lstm>("lstm", units, rounds);
    report<Gru>("gru", units, rounds);
  }
}
