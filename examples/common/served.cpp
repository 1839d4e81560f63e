#include "common/served.h"

#include "common/amplifier.h"
#include "common/char_model.h"
#include "common/keeping.h"

namespace program {

using namespace reel;

namespace {

Served served_chars(const SafetensorsFile& file) {
  struct Recorded {
    chars::CharModel model;
    Tape tape;
    Recorded(const chars::ModelOptions& options, Index V) : model(options, V) {}
  };
  const chars::Described d = chars::described(file);
  auto recorded = std::make_shared<Recorded>(d.options, static_cast<Index>(d.symbols.size()));
  const Sequence x = recorded->tape.ids("x", 1, {B});
  const Var logits = recorded->model.record(recorded->tape, x, Mode::inference).logits.back();
  Served s{recorded, {{"logits", logits}}, recorded->model.params().initial<float>(0), {}};
  load_model(file, recorded->model.params(), s.values);
  s.about = fmt::format(
      "Characters, one by one: {} layers of {} {} units.\nx is the number of a character, and logits are of the next:",
      d.options.layers, d.options.size, d.options.cell);
  for (std::size_t i = 0; i < d.symbols.size(); ++i)
    s.about += fmt::format("{}{}", i % 16 == 0 ? "\n " : " ", static_cast<int>(static_cast<unsigned char>(d.symbols[i])));
  return s;
}

Served served_amplifier(const SafetensorsFile& file) {
  struct Recorded {
    amplifier::Model model;
    Tape tape;
    explicit Recorded(Index units) : model(units) {}
  };
  const amplifier::Described d = amplifier::described(file);
  auto recorded = std::make_shared<Recorded>(d.units);
  const Var y = recorded->model.record(recorded->tape, recorded->tape.input("x", 1, {B, 1})).back();
  Served s{recorded, {{"y", y}}, recorded->model.params().initial<float>(0), {}};
  load_model(file, recorded->model.params(), s.values);
  s.about = fmt::format("A guitar amplifier, sample by sample at {} Hz: an LSTM of {} units.", amplifier::kRate, d.units);
  return s;
}

}  // namespace

Served served(const std::string& path) {
  const SafetensorsFile file(path);
  const std::string kind = model_description(file).text("program");
  if (kind == "char_rnn") return served_chars(file);
  if (kind == "stream") return served_amplifier(file);
  throw FileError(fmt::format("{}: a model of {} does not go step by step; those of char_rnn and stream do", path, kind));
}

}  // namespace program
