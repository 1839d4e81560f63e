// Files under other frameworks' names hold the same layers, and come back as they were, bit for bit.
#include <reel/models/exchange/naming.h>

#include <reel/data/files.h>
#include <reel/models/exchange/keras.h>
#include <reel/models/exchange/pytorch.h>
#include <reel/models/model_file.h>

#include "directory.h"
#include "support.h"

using namespace reel;
using namespace reel::test;

namespace {

// Layers that PyTorch and Keras have; all parameters random, biases too.
struct Layers {
  ParameterSet set;
  Embedding words{set, "words", 7, 3};
  Lstm below{set, "encoder.lstm0", 3, 4, {.bias = init::normal(1)}}, above{set, "encoder.lstm1", 4, 4, {.bias = init::normal(1)}};
  GruResetAfter gru{set, "gru0", 4, 2, {.bias = init::normal(1)}};
  Elman elman{set, "elman0", 2, 5, {.bias = init::normal(1)}};
  Elman backward{set, "elman0.reverse", 2, 5, {.bias = init::normal(1)}};
  Linear head{set, "head", 5, 6, init::glorot(), init::normal(1)};
};

template <class T>
void save(const std::string& path, const ParameterSet& set, const SaveOptions& options = {}) {
  Record told;
  told.set("layers", "some");
  save_model(path, set, set.initial<T>(1), told, options);
}

std::string refused(const std::string& path, Naming from, Naming to) {
  const Directory directory;
  const SafetensorsFile file(path);
  try {
    rename_layers(file, from, to, directory / "out");
  } catch (const FileError& e) {
    CHECK(directory.files() == 0);
    return e.what();
  }
  return "not refused";
}

// What is said of a file with one tensor or a few of these names and dimensions.
std::string refused(Naming from, Naming to, const std::vector<std::pair<std::string, std::vector<Index>>>& tensors) {
  const Directory directory;
  const std::vector<float> zeros(1000);
  std::vector<TensorToStore> all;
  for (const auto& [name, dims] : tensors) {
    std::size_t n = 1;
    for (Index d : dims) n *= static_cast<std::size_t>(d);
    all.emplace_back(name, dims, std::span<const float>(zeros).first(n));
  }
  write_safetensors(directory / "in", std::move(all), {});
  return refused(directory / "in", from, to);
}

}  // namespace

TEST_CASE_TEMPLATE("naming: there and back, by PyTorch, by Keras and by both, a file is the same bytes", T, float, double) {
  const Directory directory;
  const Layers layers;
  save<T>(directory / "a", layers.set);
  const auto rename = [&](const char* in, Naming from, Naming to, const char* out) {
    CHECK(rename_layers(SafetensorsFile(directory / in), from, to, directory / out).size() == 7);
  };
  rename("a", Naming::reel, Naming::pytorch, "torch");
  rename("torch", Naming::pytorch, Naming::reel, "b");
  CHECK(read_file(directory / "b") == read_file(directory / "a"));
  rename("a", Naming::reel, Naming::keras, "keras");
  rename("keras", Naming::keras, Naming::reel, "c");
  CHECK(read_file(directory / "c") == read_file(directory / "a"));
  rename("keras", Naming::keras, Naming::pytorch, "torch2");
  CHECK(read_file(directory / "torch2") == read_file(directory / "torch"));
}

TEST_CASE("naming: the renamed tensors are those that the layouts say") {
  const Directory directory;
  const Layers layers;
  save<double>(directory / "a", layers.set);
  const auto values = layers.set.initial<double>(1);
  const auto same = [&](const char* path, const std::string& prefix, const Layout& layout) {
    CAPTURE(prefix);
    auto loaded = layers.set.initial<double>(2);
    load_layout(SafetensorsFile(directory / path), prefix, layout, loaded);
    for (const ForeignTensor& tensor : layout)
      for (const ForeignBlock& block : tensor.blocks)
        for (Index i = 0; i < block.parameter.shape().row_size(); ++i)
          REQUIRE(loaded[block.parameter][i] == values[block.parameter][i]);
  };
  const auto lines = rename_layers(SafetensorsFile(directory / "a"), Naming::reel, Naming::pytorch, directory / "torch");
  CHECK(std::ranges::find(lines, "Lstm encoder.lstm1: to encoder.lstm.") != lines.end());
  same("torch", "encoder.lstm.", pytorch::lstm(layers.below));
  same("torch", "encoder.lstm.", pytorch::lstm(layers.above, {.layer = 1}));
  same("torch", "gru.", pytorch::gru(layers.gru));
  same("torch", "elman.", pytorch::rnn(layers.elman));
  same("torch", "elman.", pytorch::rnn(layers.backward, {.reverse = true}));
  same("torch", "head.", pytorch::linear(layers.head));
  same("torch", "words.", pytorch::embedding(layers.words));
  CHECK(SafetensorsFile(directory / "torch").tensors().size() == 8 + 4 + 8 + 2 + 1);
  CHECK(SafetensorsFile(directory / "torch").metadata() == SafetensorsFile(directory / "a").metadata());

  rename_layers(SafetensorsFile(directory / "a"), Naming::reel, Naming::keras, directory / "keras");
  same("keras", "encoder/lstm0/", keras::lstm(layers.below));
  same("keras", "gru0/", keras::gru(layers.gru));
  same("keras", "elman0/reverse/", keras::simple_rnn(layers.backward));
  same("keras", "head/", keras::dense(layers.head));
  same("keras", "words/", keras::embedding(layers.words));
}

TEST_CASE("naming: PyTorch's cells, convolutions and norms; layers without biases") {
  const Directory directory;
  ParameterSet set;
  const Lstm cell(set, "cell", 3, 4, {.bias = init::normal(1)}), bare(set, "bare", 3, 4);
  const SequenceConvolution over_time(set, "time", 2, 3, 4);
  const ImageConvolution over_image(set, "image", 3, 2, 4);
  const Parameter gain = set.add("norm.gain", {6}, init::normal(1)), bias = set.add("norm.bias", {6}, init::normal(1));
  auto values = set.initial<float>(1);
  StoredLayouts stored;
  stored.add("cell.", pytorch::lstm(cell, {.cell = true}), values);
  stored.add("time.", pytorch::conv1d(over_time), values);
  stored.add("image.", pytorch::conv2d(over_image), values);
  stored.add("norm.", pytorch::layer_norm(gain, bias), values);
  Layout without = pytorch::lstm(bare, {.cell = true});
  std::erase_if(without, [](const ForeignTensor& tensor) { return tensor.optional; });
  stored.add("bare.", without, values);
  stored.write(directory / "torch");
  CHECK(rename_layers(SafetensorsFile(directory / "torch"), Naming::pytorch, Naming::reel, directory / "reel").size() == 5);
  auto loaded = set.initial<float>(2);
  load_model(directory / "reel", set, loaded);
  for (const Parameter& p : set.all())
    for (Index i = 0; i < p.shape().row_size(); ++i) CHECK(loaded[p][i] == values[p][i]);
}

TEST_CASE("naming: Keras' suffix, and a GRU that resets before") {
  const Directory directory;
  ParameterSet set;
  const Gru gru(set, "gru", 3, 4, {.bias = init::normal(1)});
  const auto values = set.initial<float>(1);
  StoredLayouts stored;
  stored.add("gru/gru_cell/", keras::gru(gru, ":0"), values);
  stored.write(directory / "keras");
  rename_layers(SafetensorsFile(directory / "keras"), Naming::keras, Naming::reel, directory / "reel");
  const SafetensorsFile file(directory / "reel");
  for (const Parameter& p : set.all()) {
    const auto there = file.read<float>("gru.gru_cell" + p.name().substr(3));
    for (Index i = 0; i < there.size(); ++i) CHECK(there[i] == values[p][i]);
  }
  CHECK(refused(directory / "reel", Naming::reel, Naming::pytorch).find("use GruResetAfter") != std::string::npos);
}

TEST_CASE("naming: refuses what it does not know, by name, and writes nothing") {
  const Directory directory;
  ParameterSet set;
  const PeepholeLstm peephole(set, "peephole", 3, 4);
  const Linear known(set, "known", 3, 4);
  save<float>(directory / "peephole", set);
  const std::string told = refused(directory / "peephole", Naming::reel, Naming::pytorch);
  CHECK(told.find("peephole.p_f F32 [4]") != std::string::npos);
  CHECK(told.find("known.W") == std::string::npos);
  const auto names = [](const std::string& text, const char* part) {
    CAPTURE(text);
    CHECK(text.find(part) != std::string::npos);
  };
  const auto R = Naming::reel, P = Naming::pytorch, K = Naming::keras;
  names(refused(R, P, {{"jordan.V", {2, 3}}}), "jordan.V");
  names(refused(R, P, {{"b", {3}}}), "b F32 [3]");
  names(refused(R, P, {{"head.W", {2, 3, 4}}, {"head.b", {4}}}), "head.W F32 [2, 3, 4]");
  names(refused(R, P, {{"a.U", {2, 3}}, {"a.W", {4, 4}}, {"a.b", {3}}}), "does not fit");
  names(refused(R, P, {}), "holds no layer");
  names(refused(R, P, {{"example.x", {2}}}), "holds no layer");
  names(refused(P, R, {{"rnn.weight_ih_l0", {8, 3}}}), "rnn.weight_ih_l0");
  names(refused(P, R, {{"rnn.weight_ih_l0", {8, 3}}, {"rnn.weight_hh_l0", {8, 4}}}), "rnn.weight_hh_l0");
  names(refused(P, R, {{"rnn.weight_ih_l0", {16, 3}}, {"rnn.weight_hh_l0", {16, 4}}, {"rnn.weight_hr_l0", {4, 4}}}),
        "weight_hr_l0");
  names(refused(P, R, {{"rnn.weight_ih_l0", {16, 3}}, {"rnn.weight_hh_l0", {16, 4}}, {"rnn.bias_ih_l0", {16}}}),
        "bias_hh_l0 [16] is missing");
  names(refused(P, R, {{"rnn.weight_ih_l99999", {16, 3}}, {"rnn.weight_hh_l99999", {16, 4}}}), "l99999");
  names(refused(P, R, {{"conv.weight", {2, 3, 4, 5}}}), "conv.weight");
  names(refused(P, R, {{"x.weight", {0, 3}}}), "x.weight");
  names(refused(P, K, {{"norm.weight", {3}}, {"norm.bias", {3}}}), "layer norm norm has no counterpart in Keras");
  names(refused(K, R, {{"a/kernel", {3, 4}}, {"a/gamma", {4}}}), "a/gamma");
  names(refused(K, R, {{"a/kernel", {3, 8}}, {"a/recurrent_kernel", {4, 8}}}), "a/kernel");
  names(refused(K, R, {{"a/bias", {3}}}), "a/bias");
  names(refused(R, P,
                {{"rnn.U", {2, 3}}, {"rnn.W", {3, 3}}, {"rnn.b", {3}}, {"rnn0.U", {2, 3}}, {"rnn0.W", {3, 3}}, {"rnn0.b", {3}}}),
        "comes twice");
}

TEST_CASE("naming: the words of PyTorch's LSTM with a projection name what to write") {
  const Directory directory;
  const std::vector<float> zeros(100);
  const std::span<const float> z(zeros);
  write_safetensors(directory / "torch",
                    {{"rnn.weight_ih_l0", {16, 3}, z.first(48)},
                     {"rnn.weight_hh_l0", {16, 2}, z.first(32)},
                     {"rnn.weight_hr_l0", {2, 4}, z.first(8)}},
                    {});
  ParameterSet set;
  const Lstm cell(set, "cell", 3, 4);
  auto values = set.initial<float>(1);
  CHECK_THROWS_WITH_AS(load_layout(SafetensorsFile(directory / "torch"), "rnn.", pytorch::lstm(cell), values),
                       doctest::Contains("rnn.weight_hr_l0: an LSTM with a projection"), FileError);
}
