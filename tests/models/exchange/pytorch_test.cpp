// Weights of PyTorch's modules give PyTorch's outputs. pytorch.safetensors was made by PyTorch 1.13 (make_pytorch_file.py).
#include <cstring>
#include <filesystem>
#include <optional>

#include <reel/models/bidirectional.h>
#include <reel/models/exchange/pytorch.h>
#include <reel/models/unroll.h>
#include <reel/ops/activation.h>
#include <reel/ops/joining.h>
#include <reel/ops/layer_norm.h>
#include <reel/plan/session.h>

#include "directory.h"
#include "support.h"

using namespace reel;
using namespace reel::test;

namespace {

constexpr Index T = 5, I = 3, H = 4;

const SafetensorsFile& file() {
  static const SafetensorsFile made((std::filesystem::path(__FILE__).parent_path() / "pytorch.safetensors").string());
  return made;
}

// The outputs of `results`, one after the other, for the module's input; `x` where it is another form of it.
template <class S>
Tensor<S> run(const std::string& module, const ParameterSet& set, const std::vector<std::pair<std::string, Layout>>& layouts,
              const std::vector<Var>& results, std::optional<Tensor<S>> x = std::nullopt) {
  auto values = set.initial<S>(1);
  for (const auto& [prefix, layout] : layouts) load_layout(file(), prefix, layout, values);
  Session<S> session(results, &values);
  const std::string input = module + "/x";
  if (file().at(input).type == StoredType::i32)
    session.run({{"x", file().read<std::int32_t>(input)}});
  else
    session.run({{"x", x ? *x : file().read<S>(input)}});
  std::vector<S> all;
  for (const Var& y : results) all.insert(all.end(), session[y].begin(), session[y].end());
  return Tensor<S>(Shape{static_cast<Index>(all.size())}, std::span<const S>(all));
}

template <class S>
void check_outputs(const std::string& module, const Tensor<S>& got, std::optional<Tensor<double>> expected = std::nullopt) {
  CAPTURE(module);
  const Tensor<double> right = expected ? *expected : file().read<double>(module + "/y");
  REQUIRE(got.size() == right.size());
  double worst = 0;
  for (Index i = 0; i < got.size(); ++i) worst = std::max(worst, std::abs(static_cast<double>(got[i]) - right[i]));
  CHECK(worst < (sizeof(S) == 8 ? 1e-12 : 1e-6));
}

// Channels first [B, C, N] from or to channels last [B, N, C].
template <class S>
Tensor<S> swapped(const Tensor<S>& x, Index rows, Index a, Index b) {
  Tensor<S> y(Shape{rows, b, a});
  for (Index r = 0; r < rows; ++r)
    for (Index i = 0; i < a; ++i)
      for (Index j = 0; j < b; ++j) y[(r * b + j) * a + i] = x[(r * a + i) * b + j];
  return y;
}

// Layers of one or two directions, each reading what the ones below gave.
template <class S, class Cell>
void check_stack(const std::string& module, int layers, bool both, const CellOptions& options = {}) {
  ParameterSet set;
  Tape tape;
  Sequence x = tape.input("x", T, {B, I});
  std::vector<std::pair<std::string, Layout>> layouts;
  const auto layout_of = [](const Cell& cell, const pytorch::Place& place) {
    if constexpr (std::is_same_v<Cell, Lstm>)
      return pytorch::lstm(cell, place);
    else if constexpr (std::is_same_v<Cell, GruResetAfter>)
      return pytorch::gru(cell, place);
    else
      return pytorch::rnn(cell, place);
  };
  for (int layer = 0; layer < layers; ++layer) {
    const Index inputs = x[0].shape().last();
    const Cell forward(set, "f" + std::to_string(layer), inputs, H, options);
    layouts.emplace_back(module + ".", layout_of(forward, {.layer = layer}));
    if (!both) {
      x = unroll(forward, x, zero_state(tape, forward)).outputs;
      continue;
    }
    const Cell backward(set, "b" + std::to_string(layer), inputs, H, options);
    layouts.emplace_back(module + ".", layout_of(backward, {.layer = layer, .reverse = true}));
    x = Bidirectional(AnyCell(forward), AnyCell(backward))(x).outputs;
  }
  check_outputs<S>(module, run<S>(module, set, layouts, x));
}

template <class S, class Cell, class F>
void check_cell(const std::string& module, F layout_of) {
  ParameterSet set;
  const Cell cell(set, "cell", I, H);
  Tape tape;
  const auto next = unroll(cell, Sequence{tape.input("x", {B, I})}, zero_state(tape, cell)).outputs[0];
  check_outputs<S>(module, run<S>(module, set, {{module + ".", layout_of(cell)}}, {next}));
}

}  // namespace

TEST_CASE_TEMPLATE("PyTorch: recurrent modules give the same outputs, stacked, in both directions, with and without bias", S,
                   float, double) {
  check_stack<S, Lstm>("lstm", 2, true);
  check_stack<S, Lstm>("lstm_without_bias", 1, false);
  check_stack<S, GruResetAfter>("gru", 2, true);
  check_stack<S, GruResetAfter>("gru_without_bias", 1, false);
  check_stack<S, Elman>("rnn_tanh", 2, false);
  check_stack<S, Elman>("rnn_relu", 1, true, {.activation = relu});
}

TEST_CASE_TEMPLATE("PyTorch: cells give the same outputs", S, float, double) {
  check_cell<S, Lstm>("lstm_cell", [](const Lstm& cell) { return pytorch::lstm(cell, {.cell = true}); });
  check_cell<S, GruResetAfter>("gru_cell", [](const GruResetAfter& cell) { return pytorch::gru(cell, {.cell = true}); });
  check_cell<S, Elman>("rnn_cell", [](const Elman& cell) { return pytorch::rnn(cell, {.cell = true}); });
}

TEST_CASE_TEMPLATE("PyTorch: linear maps, embeddings, norms and convolutions give the same outputs", S, float, double) {
  for (const char* module : {"linear", "linear_without_bias"}) {
    ParameterSet set;
    const Linear layer(set, "layer", I, H);
    Tape tape;
    check_outputs<S>(module, run<S>(module, set, {{std::string(module) + ".", pytorch::linear(layer)}},
                                    map_steps(tape.input("x", T, {B, I}), layer)));
  }
  {
    ParameterSet set;
    const Embedding layer(set, "layer", 7, H);
    Tape tape;
    check_outputs<S>("embedding",
                     run<S>("embedding", set, {{"embedding.", pytorch::embedding(layer)}}, {layer(tape.ids("x", {B, 2}))}));
  }
  {
    ParameterSet set;
    const Parameter gain = set.add("gain", {H}), bias = set.add("bias", {H});
    Tape tape;
    check_outputs<S>("layer_norm", run<S>("layer_norm", set, {{"layer_norm.", pytorch::layer_norm(gain, bias)}},
                                          {layer_norm(tape.input("x", {B, H}), gain, bias)}));
  }
  {
    ParameterSet set;
    const SequenceConvolution layer(set, "layer", 3, I, H);
    Tape tape;
    const auto x = swapped(file().read<S>("conv1d/x"), 2, I, 6);
    const auto y = run<S>("conv1d", set, {{"conv1d.", pytorch::conv1d(layer)}}, {layer(tape.input("x", {B, 6, I}))}, x);
    check_outputs<S>("conv1d", y, swapped(file().read<double>("conv1d/y"), 2, H, 4));
  }
  {
    ParameterSet set;
    const ImageConvolution layer(set, "layer", 3, I, H, 2, 1);
    Tape tape;
    Tensor<S> x = swapped(file().read<S>("conv2d/x"), 2, I, 36);
    x = Tensor<S>(Shape{2, 6, 6, I}, std::span<const S>(x.data(), static_cast<std::size_t>(x.size())));
    const auto y = run<S>("conv2d", set, {{"conv2d.", pytorch::conv2d(layer)}}, {layer(tape.input("x", {B, 6, 6, I}))}, x);
    check_outputs<S>("conv2d", y, swapped(file().read<double>("conv2d/y"), 2, H, 9));
  }
}

TEST_CASE_TEMPLATE("PyTorch: what is written for it comes back bit for bit, and covers every element", S, float, double) {
  const Directory directory;
  const std::string path = directory / "ours.safetensors";
  ParameterSet set;
  const CellOptions drawn{.weights = init::uniform(.7), .bias = init::uniform(.5)};
  const Lstm lstm(set, "lstm", I, H, drawn);
  const GruResetAfter gru(set, "gru", I, H, drawn);
  const Elman rnn(set, "rnn", I, H, drawn);
  const Linear linear(set, "linear", I, H, init::normal(1), init::normal(1));
  const Embedding embedding(set, "embedding", 7, H);
  const SequenceConvolution conv1d(set, "conv1d", 3, I, H);
  const ImageConvolution conv2d(set, "conv2d", 3, I, H);
  auto values = set.initial<S>(1);
  values.edit(lstm.i.b)[0] = S(-0.);
  const std::vector<std::pair<std::string, Layout>> layouts{{"a.", pytorch::lstm(lstm, {.layer = 1, .reverse = true})},
                                                            {"b.", pytorch::gru(gru)},
                                                            {"c.", pytorch::rnn(rnn, {.cell = true})},
                                                            {"d.", pytorch::linear(linear)},
                                                            {"e.", pytorch::embedding(embedding)},
                                                            {"f.", pytorch::conv1d(conv1d)},
                                                            {"g.", pytorch::conv2d(conv2d)}};
  StoredLayouts stored;
  for (const auto& [prefix, layout] : layouts) stored.add(prefix, layout, values);
  stored.write(path);
  const SafetensorsFile ours(path);
  CHECK(ours.at("a.weight_ih_l1_reverse").dims == std::vector<Index>{4 * H, I});
  CHECK(ours.at("g.weight").dims == std::vector<Index>{H, I, 3, 3});
  auto back = set.initial<S>(2);
  for (const auto& [prefix, layout] : layouts) load_layout(ours, prefix, layout, back);
  for (const Parameter& p : set.all()) {
    CAPTURE(p.name());
    CHECK(std::memcmp(back[p].data(), values[p].data(), static_cast<std::size_t>(back[p].size()) * sizeof(S)) == 0);
  }
  for (const auto& [prefix, layout] : layouts)
    for (const ForeignTensor& tensor : layout) {
      if (!tensor.refused.empty()) continue;
      Index elements = 1, covered = 0;
      for (Index d : tensor.dims) elements *= d;
      for (const ForeignBlock& block : tensor.blocks) covered += block.parameter.shape().row_size();
      CHECK(covered == elements);
    }
}

TEST_CASE("PyTorch: what is missing, of another shape, or has no counterpart is refused by name") {
  ParameterSet set;
  const Lstm wide(set, "wide", I, H + 1), lstm(set, "lstm", I, H);
  const Gru gru(set, "gru", I, H);
  auto values = set.initial<double>(1);
  const auto before = values;
  check_throws<FileError>(
      [&] { load_layout(file(), "lstm.", pytorch::lstm(wide), values); },
      {"pytorch.safetensors", "lstm.weight_ih_l0 [20, 3] is F64 [16, 3] in the file", "lstm.bias_hh_l0 [20]"});
  check_throws<FileError>([&] { load_layout(file(), "lstm.", pytorch::lstm(lstm, {.layer = 7}), values); },
                          {"lstm.weight_ih_l7 [16, 3] is missing", "lstm.weight_hh_l7"});
  check_throws<FileError>([&] { load_layout(file(), "rnn_tanh.", pytorch::lstm(lstm), values); }, {"is F64 [4, 3] in the file"});
  check_throws<InputError>([&] { pytorch::gru(gru); }, {"after the product", "GruResetAfter"});
  for (const Parameter& p : set.all()) CHECK(std::ranges::equal(values[p], before[p]));
}
