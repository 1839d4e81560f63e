#include "common/char_model.h"

#include <algorithm>
#include <cmath>

#include "common/keeping.h"
#include "common/program.h"

#include <reel/models/generation/draw.h>

namespace chars {
namespace {

// Networks that feed back their softmax output, and show its logits.
struct JordanLogits : Jordan {
  using Jordan::Jordan;
  Var output(const State& state) const { return state.logits; }
};
struct DeepJordanLogits : DeepJordan {
  using DeepJordan::DeepJordan;
  Var output(const State& state) const { return state.logits; }
};

bool gives_logits(const std::string& cell) { return cell == "jordan" || cell == "deep-jordan"; }

}  // namespace

std::vector<std::string> known_cells() {
  std::vector<std::string> all = cell_names();
  all.push_back("deep-jordan");
  return all;
}

Record description(const ModelOptions& options, const Vocabulary& vocabulary) {
  std::vector<Index> symbols;
  for (std::int32_t id = 0; id < vocabulary.size(); ++id) symbols.push_back(static_cast<unsigned char>(vocabulary.symbol(id)));
  Record r;
  r.set("program", "char_rnn").set("cell", options.cell).set("layers", options.layers).set("size", options.size);
  r.set("symbols", symbols);
  return r;
}

Described described(const SafetensorsFile& file) {
  const Record r = program::load_description(file, "char_rnn");
  Described d{.options = {.cell = r.text("cell"), .layers = r.count("layers"), .size = r.count("size")}, .symbols = {}};
  const auto cells = known_cells();
  if (std::ranges::find(cells, d.options.cell) == cells.end())
    throw FileError(fmt::format("{}: there is no cell {}", file.path(), d.options.cell));
  for (Index symbol : r.wholes("symbols")) {
    if (symbol < 0 || symbol > 255) throw FileError(fmt::format("{}: no character has the number {}", file.path(), symbol));
    d.symbols += static_cast<char>(symbol);
  }
  if (d.symbols.size() < 2) throw FileError(fmt::format("{}: knows {} characters", file.path(), d.symbols.size()));
  return d;
}

CharModel::CharModel(const ModelOptions& o, Index V)
    : embed_(params_, "embedding", V, V, init::normal(1)), layers_(make_layers(o, V)), dropout_(o.dropout) {
  if (!gives_logits(o.cell)) head_.emplace(params_, "head", o.size, V, init::uniform_by_units(o.size));
}

// Of a Jordan network, the last layer feeds back.
std::vector<AnyCell> CharModel::make_layers(const ModelOptions& o, Index V) {
  if (o.cell == "deep-jordan") {
    const std::vector<Index> units(static_cast<std::size_t>(o.layers), o.size);
    return {DeepJordanLogits(params_, o.cell, V, units, V, softmax)};
  }
  std::vector<AnyCell> layers;
  for (Index l = 0; l < o.layers; ++l) {
    const Index inputs = l == 0 ? V : o.size;
    const std::string name = fmt::format("{}{}", o.cell, l);
    if (o.cell == "jordan" && l + 1 == o.layers)
      layers.emplace_back(JordanLogits(params_, name, inputs, o.size, V, softmax));
    else
      layers.push_back(make_cell(o.cell == "jordan" ? "elman" : o.cell, params_, name, inputs, o.size));
  }
  return layers;
}

Var CharModel::loss(Tape& tape, Index steps, Mode mode) const {
  const Sequence x = tape.ids("x", steps, {B});
  const Sequence y = tape.ids("y", steps, {B});
  return cross_entropy(record(tape, x, mode).logits, y);
}

CharModel::Recorded CharModel::record(Tape& tape, const Sequence& x, Mode mode) const {
  Recorded r;
  Sequence h = map_steps(x, [&](Var id) { return embed_(id); });
  for (std::size_t l = 0; l < layers_.size(); ++l) {
    if (l > 0) h = map_steps(h, [&](Var v) { return dropout(v, dropout_, mode); });
    h = unroll(layers_[l], h, carried_state(tape, layers_[l], fmt::format("state{}", l))).outputs;
    if (head_ || l + 1 < layers_.size()) r.hidden.push_back(h.back());
  }
  r.logits = head_ ? map_steps(h, [&](Var v) { return (*head_)(dropout(v, dropout_, mode)); }) : h;
  return r;
}

CharWriter::CharWriter(const CharModel& model, const ParameterValues<float>& values)
    : recorded_(model.record(tape_, tape_.ids("x", 1, {B}), Mode::inference)), session_(outputs(), &values) {}

std::string CharWriter::write(const Vocabulary& vocabulary, const std::string& prime, Index count, double temperature,
                              RandomStream& random) {
  session_.workspace().reset();
  std::string text = prime;
  for (char c : prime) feed(vocabulary.id(c));
  for (Index i = 0; i < count && !program::interrupted(); ++i) {
    const std::int32_t id = draw(temperature, random);
    text += vocabulary.symbol(id);
    feed(id);
  }
  return text;
}

double CharWriter::log_likelihood(std::span<const std::int32_t> ids) {
  session_.workspace().reset();
  double sum = 0;
  for (std::size_t i = 0; i + 1 < ids.size(); ++i) {
    feed(ids[i]);
    const auto logits = session_[recorded_.logits[0]];
    std::vector<double> log_probabilities(static_cast<std::size_t>(logits.size()));
    log_softmax_of(std::span(logits.data(), log_probabilities.size()), std::span(log_probabilities));
    sum += log_probabilities[static_cast<std::size_t>(ids[i + 1])];
  }
  return sum;
}

std::vector<std::vector<double>> CharWriter::watch(std::span<const std::int32_t> ids) {
  session_.workspace().reset();
  std::vector<std::vector<double>> units;
  for (std::int32_t id : ids) {
    feed(id);
    std::size_t unit = 0;
    for (const Var& h : recorded_.hidden)
      for (float v : session_[h]) {
        if (unit == units.size()) units.emplace_back();
        units[unit++].push_back(static_cast<double>(v));
      }
  }
  return units;
}

std::vector<Var> CharWriter::outputs() const {
  std::vector<Var> all = recorded_.hidden;
  all.push_back(recorded_.logits[0]);
  return all;
}

void CharWriter::feed(std::int32_t id) {
  input_[0] = id;
  session_.run({{"x", input_}});
}

std::int32_t CharWriter::draw(double temperature, RandomStream& random) const {
  const auto logits = session_[recorded_.logits[0]];
  if (temperature == 0) return static_cast<std::int32_t>(std::max_element(logits.begin(), logits.end()) - logits.begin());
  return draw_by_logits(std::span<const float>(logits.data(), static_cast<std::size_t>(logits.size())), temperature, random);
}

}  // namespace chars
