// The cases of bench_stream by RTNeural (github.com/jatinchowdhury18/RTNeural), with sizes fixed at compile time. Not part of the
// build: compare_rtneural.sh makes it from RTNeural's folder.
#include <RTNeural/RTNeural.h>

#include <random>
#include <string>
#include <type_traits>
#include <vector>

#include "measure.h"

namespace {

std::vector<std::vector<float>> drawn(int rows, int columns) {
  static std::mt19937 engine(1);
  std::uniform_real_distribution<float> uniform(-.2f, .2f);
  std::vector<std::vector<float>> w(static_cast<std::size_t>(rows), std::vector<float>(static_cast<std::size_t>(columns)));
  for (auto& row : w)
    for (float& x : row) x = uniform(engine);
  return w;
}

template <template <class, int, int> class Layer, int H>
void run(const std::string& kind, int gates) {
  static RTNeural::ModelT<float, 1, 1, Layer<float, 1, H>, RTNeural::DenseT<float, H, 1>> model;
  auto& layer = model.template get<0>();
  layer.setWVals(drawn(1, gates * H));
  layer.setUVals(drawn(H, gates * H));
  if constexpr (std::is_same_v<Layer<float, 1, H>, RTNeural::GRULayerT<float, 1, H>>)
    layer.setBVals(drawn(2, gates * H));
  else
    layer.setBVals(drawn(1, gates * H)[0]);
  model.template get<1>().setWeights(drawn(1, H));
  model.reset();
  alignas(64) float in[stream_bench::kInputs];
  stream_bench::fill(in);
  alignas(64) float x[16] = {};
  float sum = 0;
  stream_bench::print("rtneural", kind + "_i1_h" + std::to_string(H), stream_bench::measure([&](int i) {
                        x[0] = in[i % stream_bench::kInputs];
                        sum += model.forward(x);
                      }));
  if (sum == .123f) std::puts("");
}

template <class T, int I, int H>
using Lstm = RTNeural::LSTMLayerT<T, I, H>;
template <class T, int I, int H>
using Gru = RTNeural::GRULayerT<T, I, H>;

template <int H>
void both() {
  run<Lstm, H>("lstm", 4);
  run<Gru, H>("gru", 3);
}

}  // namespace

int main() { both<8>(), both<16>(), both<32>(), both<64>(); }
