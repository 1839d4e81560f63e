// One sequence at a time, where the way of the weights from the L2 and beyond is what counts: float beside bf16 weights
// (Precision::bf16_weights), for whole sequences and for a Stream's steps. One JSON line per case.
//
// Usage: bench_weights [rounds]. (1, 64, 64, H), one thread; both kinds of weights take turns, figures are medians over the
// rounds (3).
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
  Timed<Cell> whole(units, Precision::full), half(units, Precision::bf16_weights);
  std::array<std::vector<double>, 2> infer, step;
  for (int round = 0; round < rounds; ++round) {
    infer[0].push_back(whole.infer_ms()), infer[1].push_back(half.infer_ms());
    step[0].push_back(whole.step_us()), step[1].push_back(half.step_us());
  }
  fmt::print(R"({{"case":"{}_b1_t{}_i{}_h{}","infer_ms":{:.4f},"infer_bf16_weights_ms":{:.4f},"times":{:.2f},)"
             R"("step_us":{:.2f},"step_bf16_weights_us":{:.2f},"step_times":{:.2f}}})"
             "\n",
             kind, kSteps, kInputs, units, bench::median(infer[0]), bench::median(infer[1]),
             bench::median(infer[0]) / bench::median(infer[1]), bench::median(step[0]), bench::median(step[1]),
             bench::median(step[0]) / bench::median(step[1]));
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
