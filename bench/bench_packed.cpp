// What padding costs, and what packing saves: one training pass of an LSTM over sequences of 5 to 100 steps, padded with masks,
// packed, and packed with all of them 100 steps long. One JSON line per batch size.
//
// packed_over_share: (packed / whole) / (true steps / steps of the whole), 1 when time is in proportion to the true steps.
// Usage: bench_packed [largest batch, 128]. Thread count in REEL_THREADS (default 1).
#include <algorithm>
#include <cstdlib>
#include <numeric>

#include <fmt/format.h>

#include "cases.h"

#include <reel/reel.h>

using namespace reel;

namespace {

constexpr Index T = 100, I = 128, H = 256;

struct LengthsData {
  Tensor<float> mask;
  Tensor<std::int32_t> counts;
  double share;
};

LengthsData lengths_data(std::vector<Index> lengths) {
  std::ranges::sort(lengths, std::greater<>());
  const auto rows = static_cast<Index>(lengths.size());
  LengthsData d{Tensor<float>(Shape{T, rows}), Tensor<std::int32_t>(Shape{T}), 0};
  for (Index r = 0; r < rows; ++r)
    for (Index t = 0; t < lengths[static_cast<std::size_t>(r)]; ++t) d.mask[t * rows + r] = 1, ++d.counts[t];
  d.share = static_cast<double>(std::reduce(lengths.begin(), lengths.end())) / static_cast<double>(rows * T);
  return d;
}

enum class Form { masked, packed, plain };

// Gradients of the summed squares of all outputs.
class Network {
 public:
  Network(Form form, int threads) : form_(form), cell_(set_, "lstm", I, H), values_(set_.initial<float>(1)) {
    const Sequence x = tape_.input("x", T, {B, I});
    const Sequence mask = form == Form::masked ? tape_.input("mask", T, {B}) : Sequence();
    const Lengths lengths = form == Form::masked   ? Lengths::padded(mask)
                            : form == Form::packed ? Lengths::packed(tape_.row_counts("counts", T))
                                                   : Lengths();
    const Sequence y = unroll(cell_, x, zero_state(tape_, cell_), lengths).outputs;
    std::vector<Var> terms;
    for (std::size_t t = 0; t < y.size(); ++t)
      terms.push_back(sum(square(form == Form::masked ? reel::mask(y[t], Operand(mask[t])) : y[t])));
    std::vector<Var> wrt, outputs;
    for (const Parameter& p : set_.all()) wrt.push_back(tape_.parameter(p));
    const Var loss = accumulate(terms);
    outputs = gradients(loss, wrt);
    outputs.push_back(loss);
    session_.emplace(outputs, &values_, SessionOptions{.threads = ThreadPool(threads)});
  }
  void run(const Tensor<float>& x, const LengthsData& d) {
    values_.touch();
    std::vector<Binding> bindings{{"x", x}};
    if (form_ == Form::masked) bindings.emplace_back("mask", d.mask);
    if (form_ == Form::packed) bindings.emplace_back("counts", d.counts);
    session_->run(bindings);
  }

 private:
  Form form_;
  Tape tape_;
  ParameterSet set_;
  Lstm cell_;
  ParameterValues<float> values_;
  std::optional<Session<float>> session_;
};

}  // namespace

int main(int argc, char** argv) {
  const Index most = argc > 1 ? std::atoi(argv[1]) : 128;
  const char* wanted = std::getenv("REEL_THREADS");
  const int threads = wanted ? std::atoi(wanted) : 1;
  Network masked(Form::masked, threads), packed(Form::packed, threads), plain(Form::plain, threads);
  for (const Index rows : {Index{16}, Index{32}, Index{64}, Index{128}}) {
    if (rows > most) break;
    RandomStream random(1, static_cast<std::uint64_t>(rows));
    Tensor<float> x(Shape{T, rows, I});
    for (float& v : x) v = static_cast<float>(random.uniform(-.05, .05));
    std::vector<Index> lengths;
    for (Index r = 0; r < rows; ++r) lengths.push_back(5 + static_cast<Index>(random.below(96)));
    const LengthsData ragged = lengths_data(lengths), whole = lengths_data(std::vector<Index>(lengths.size(), T));
    const double padded_ms = bench::median_ms([&] { masked.run(x, ragged); });
    const double packed_ms = bench::median_ms([&] { packed.run(x, ragged); });
    const double whole_ms = bench::median_ms([&] { packed.run(x, whole); });
    const double plain_ms = bench::median_ms([&] { plain.run(x, whole); });
    fmt::print(
        "{{\"rows\":{},\"threads\":{},\"share\":{:.3f},\"padded_ms\":{:.3f},\"packed_ms\":{:.3f},\"whole_ms\":{:.3f},"
        "\"without_lengths_ms\":{:.3f},\"packed_over_share\":{:.3f},\"packed_over_share_without_lengths\":{:.3f}}}\n",
        rows, threads, ragged.share, padded_ms, packed_ms, whole_ms, plain_ms, packed_ms / whole_ms / ragged.share,
        packed_ms / plain_ms / ragged.share);
    std::fflush(stdout);
  }
}
