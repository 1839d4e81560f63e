// A model of text, character by character: embedding, recurrent layers, logits; and what reads and writes with it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <reel/models/cells/cell_kinds.h>
#include <reel/models/model_file.h>
#include <reel/reel.h>

namespace chars {

using namespace reel;

struct ModelOptions {
  std::string cell = "lstm";  // as in models/cells/cell_kinds.h, or "deep-jordan": layers that see the one above
  Index layers = 2, size = 128;
  double dropout = 0;  // of what goes from layer to layer and into the head, in training
};

std::vector<std::string> known_cells();

// What a model file says of such a model, and what it said; FileError where it does not describe one. Symbols in ascending order.
Record description(const ModelOptions& options, const Vocabulary& vocabulary);
struct Described {
  ModelOptions options;
  std::string symbols;
};
Described described(const SafetensorsFile& file);

class CharModel {
 public:
  CharModel(const ModelOptions& options, Index V);
  const ParameterSet& params() const { return params_; }

  // Mean cross-entropy of `steps` steps of x [T, B] against y [T, B], state carried from run to run.
  Var loss(Tape& tape, Index steps, Mode mode) const;

  struct Recorded {
    Sequence logits;
    std::vector<Var> hidden;  // after the last step: of every layer, as far as it shows hidden units
  };
  Recorded record(Tape& tape, const Sequence& x, Mode mode) const;

 private:
  std::vector<AnyCell> make_layers(const ModelOptions& o, Index V);

  ParameterSet params_;
  Embedding embed_;
  std::vector<AnyCell> layers_;
  double dropout_;
  std::optional<Linear> head_;
};

// Reads and writes one character at a time, always from a zero state. Uses the values as they are at the moment.
class CharWriter {
 public:
  CharWriter(const CharModel& model, const ParameterValues<float>& values);

  // `prime` and `count` characters more, fewer after Ctrl-C, each drawn and fed back; temperature 0 always takes the likeliest.
  std::string write(const Vocabulary& vocabulary, const std::string& prime, Index count, double temperature,
                    RandomStream& random);

  // Natural logarithm of the probability that a text goes on after its first character as it does.
  double log_likelihood(std::span<const std::int32_t> ids);

  // What every hidden unit shows while a text is read: by unit, then by character.
  std::vector<std::vector<double>> watch(std::span<const std::int32_t> ids);

 private:
  std::vector<Var> outputs() const;
  void feed(std::int32_t id);
  std::int32_t draw(double temperature, RandomStream& random) const;

  Tape tape_;
  CharModel::Recorded recorded_;
  Session<float> session_;
  Tensor<std::int32_t> input_{Shape{1, 1}};
};

}  // namespace chars
