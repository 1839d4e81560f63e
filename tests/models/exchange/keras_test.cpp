// Weights in Keras' layouts give what Keras' equations give, which stand here once more in plain loops over Keras' arrays.
#include <cmath>
#include <cstring>
#include <functional>

#include <reel/models/exchange/keras.h>
#include <reel/models/unroll.h>
#include <reel/plan/session.h>

#include "directory.h"
#include "support.h"

using namespace reel;
using namespace reel::test;

namespace {

constexpr Index T = 6, I = 3, H = 4;
using Vector = std::vector<double>;

struct Weights {  // kernel [I, gates H], recurrent [H, gates H], bias [rows, gates H]
  Index gates;
  Tensor<double> kernel, recurrent, bias;
  Weights(Index gates, Index bias_rows)
      : gates(gates),
        kernel(random_tensor(Shape{I, gates * H}, 1, .7)),
        recurrent(random_tensor(Shape{H, gates * H}, 2, .7)),
        bias(bias_rows == 1 ? random_tensor(Shape{gates * H}, 3, .5) : random_tensor(Shape{2, gates * H}, 3, .5)) {}
  double from_x(const Vector& x, Index k, Index h) const {
    double sum = 0;
    for (Index i = 0; i < I; ++i) sum += x[static_cast<std::size_t>(i)] * kernel[i * gates * H + k * H + h];
    return sum;
  }
  double from_h(const Vector& s, Index k, Index h) const {
    double sum = 0;
    for (Index i = 0; i < H; ++i) sum += s[static_cast<std::size_t>(i)] * recurrent[i * gates * H + k * H + h];
    return sum;
  }
  double b(Index k, Index h, Index row = 0) const { return bias[row * gates * H + k * H + h]; }
  void write(const std::string& path) const {
    write_safetensors(
        path, {{"layer/kernel:0", kernel.view()}, {"layer/recurrent_kernel:0", recurrent.view()}, {"layer/bias:0", bias.view()}});
  }
};

double sigma(double x) { return 1 / (1 + std::exp(-x)); }

// The states of one sequence, step by step; `next` fills h and, of an LSTM, c.
Vector states(const Tensor<double>& x, const std::function<void(const Vector&, Vector&, Vector&)>& next) {
  Vector all, h(H), c(H);
  for (Index t = 0; t < T; ++t) {
    const Vector at(x.data() + t * I, x.data() + (t + 1) * I);
    Vector h_before = h;
    next(at, h, c);
    all.insert(all.end(), h.begin(), h.end());
  }
  return all;
}

template <class Cell, class S>
void check(const Weights& weights, Layout (*layout_of)(const Cell&, const std::string&),
           const std::function<void(const Vector&, Vector&, Vector&)>& next) {
  const Directory directory;
  const std::string path = directory / "keras.safetensors";
  weights.write(path);
  ParameterSet set;
  const Cell cell(set, "cell", I, H);
  auto values = set.initial<S>(1);
  const Layout layout = layout_of(cell, ":0");
  load_layout(SafetensorsFile(path), "layer/", layout, values);
  Tape tape;
  const Sequence y = unroll(cell, tape.input("x", T, {B, I}), zero_state(tape, cell)).outputs;
  Session<S> session(y, &values);
  const Tensor<double> x = random_tensor(Shape{T, 1, I}, 4);
  session.run({{"x", cast<S>(x)}});
  const Vector right = states(x, next);
  double worst = 0;
  for (Index t = 0; t < T; ++t)
    for (Index h = 0; h < H; ++h)
      worst = std::max(worst, std::abs(static_cast<double>(session[y[static_cast<std::size_t>(t)]][h]) -
                                       right[static_cast<std::size_t>(t * H + h)]));
  CHECK(worst < (sizeof(S) == 8 ? 1e-12 : 1e-6));

  // And back, bit for bit.
  StoredLayouts stored;
  stored.add("layer/", layout, values);
  stored.write(path);
  auto back = set.initial<S>(2);
  load_layout(SafetensorsFile(path), "layer/", layout, back);
  for (const Parameter& p : set.all())
    CHECK(std::memcmp(back[p].data(), values[p].data(), static_cast<std::size_t>(back[p].size()) * sizeof(S)) == 0);
}

Layout lstm_of(const Lstm& cell, const std::string& suffix) { return keras::lstm(cell, suffix); }
Layout gru_of(const Gru& cell, const std::string& suffix) { return keras::gru(cell, suffix); }
Layout gru_after_of(const GruResetAfter& cell, const std::string& suffix) { return keras::gru(cell, suffix); }
Layout rnn_of(const Elman& cell, const std::string& suffix) { return keras::simple_rnn(cell, suffix); }

std::size_t at(Index h) { return static_cast<std::size_t>(h); }

}  // namespace

TEST_CASE_TEMPLATE("Keras: an LSTM, gates i, f, c, o", S, float, double) {
  const Weights w(4, 1);
  check<Lstm, S>(w, lstm_of, [&](const Vector& x, Vector& h, Vector& c) {
    const Vector before = h;
    for (Index n = 0; n < H; ++n) {
      const auto gate = [&](Index k) { return w.from_x(x, k, n) + w.from_h(before, k, n) + w.b(k, n); };
      c[at(n)] = sigma(gate(1)) * c[at(n)] + sigma(gate(0)) * std::tanh(gate(2));
      h[at(n)] = sigma(gate(3)) * std::tanh(c[at(n)]);
    }
  });
}

TEST_CASE_TEMPLATE("Keras: a GRU, gates z, r, h, with the reset after the product and two biases", S, float, double) {
  const Weights w(3, 2);
  check<GruResetAfter, S>(w, gru_after_of, [&](const Vector& x, Vector& h, Vector&) {
    const Vector before = h;
    for (Index n = 0; n < H; ++n) {
      const auto gate = [&](Index k) { return sigma(w.from_x(x, k, n) + w.b(k, n) + w.from_h(before, k, n) + w.b(k, n, 1)); };
      const double candidate = std::tanh(w.from_x(x, 2, n) + w.b(2, n) + gate(1) * (w.from_h(before, 2, n) + w.b(2, n, 1)));
      h[at(n)] = gate(0) * before[at(n)] + (1 - gate(0)) * candidate;
    }
  });
}

TEST_CASE_TEMPLATE("Keras: a GRU with the reset before the product", S, float, double) {
  const Weights w(3, 1);
  check<Gru, S>(w, gru_of, [&](const Vector& x, Vector& h, Vector&) {
    const Vector before = h;
    Vector reset(H);
    for (Index n = 0; n < H; ++n) reset[at(n)] = before[at(n)] * sigma(w.from_x(x, 1, n) + w.from_h(before, 1, n) + w.b(1, n));
    for (Index n = 0; n < H; ++n) {
      const double z = sigma(w.from_x(x, 0, n) + w.from_h(before, 0, n) + w.b(0, n));
      h[at(n)] = z * before[at(n)] + (1 - z) * std::tanh(w.from_x(x, 2, n) + w.from_h(reset, 2, n) + w.b(2, n));
    }
  });
}

TEST_CASE_TEMPLATE("Keras: a simple recurrent layer", S, float, double) {
  const Weights w(1, 1);
  check<Elman, S>(w, rnn_of, [&](const Vector& x, Vector& h, Vector&) {
    const Vector before = h;
    for (Index n = 0; n < H; ++n) h[at(n)] = std::tanh(w.from_x(x, 0, n) + w.from_h(before, 0, n) + w.b(0, n));
  });
}

TEST_CASE("Keras: dense layers and embeddings are as they are; what is missing is refused") {
  const Directory directory;
  const std::string path = directory / "keras.safetensors";
  ParameterSet set;
  const Linear dense(set, "dense", I, H);
  const Embedding embedding(set, "embedding", 7, H);
  const Lstm lstm(set, "lstm", I, H);
  const Tensor<double> kernel = random_tensor(Shape{I, H}, 1), table = random_tensor(Shape{7, H}, 2);
  write_safetensors(path, {{"d/kernel", kernel.view()}, {"e/embeddings", table.view()}});
  auto values = set.initial<double>(1);
  values.edit(dense.b)[0] = 5;
  load_layout(SafetensorsFile(path), "d/", keras::dense(dense), values);  // without a bias: zeros
  load_layout(SafetensorsFile(path), "e/", keras::embedding(embedding), values);
  CHECK(std::ranges::equal(values[dense.W], kernel));
  CHECK(values[dense.b][0] == 0);
  CHECK(std::ranges::equal(values[embedding.table], table));
  check_throws<FileError>([&] { load_layout(SafetensorsFile(path), "d/", keras::lstm(lstm), values); },
                          {path.c_str(), "d/kernel [3, 16] is F64 [3, 4] in the file", "d/recurrent_kernel [4, 16] is missing"});
}
