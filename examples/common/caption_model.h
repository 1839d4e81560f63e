// A captioner of drawn scenes: pictures as they are trained on, and the model that learns to describe them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/program.h"
#include "common/scenes.h"

#include <reel/data/words.h>
#include <reel/models/generation/captioner.h>
#include <reel/models/generation/writer.h>
#include <reel/reel.h>

namespace captions {

using namespace reel;
using scenes::kSide;
using scenes::Scene;

using Sentence = std::vector<std::string>;

inline constexpr Index kChannels = 4;                         // red, green, blue, and grey
inline constexpr Index kNumbers = kSide * kSide * kChannels;  // of a picture

// Pictures [N, H, W, kChannels] with what they show.
struct Examples {
  Tensor<float> pictures;
  std::vector<Scene> scenes;
};

// How sensitive a film is to red, green and blue.
struct Film {
  double red = 1, green = 1, blue = 1;
};

// rgb [H, W, 3] -> picture [H, W, kChannels]: adds grey, as the film would show it.
void develop(const float* rgb, const Film& film, float* picture);

// With `films`, every picture has a film of its own, so that grey says little about colours. `allowed`, `needs`: as in
// draw_scene.
Examples draw_examples(Index count, RandomStream& random, const std::vector<bool>& allowed, const std::vector<bool>* needs,
                       bool films);

struct ModelOptions {
  std::string cell = "elman", decode = "greedy";
  Index units = 128, features = 128, batch = 128, iterations = 5000, beam = 3;
  double lr = 3e-3, smoothing = .2, misread = .5, decay = .2, dropout = .2, temperature = 1;
  bool closed_world = false;
  program::Common common;
};

// Trains itself on pictures that it draws, and describes others. A fifth of the pairs of shape and colour never appears in
// training.
//
// Cross-entropy over all words would teach more than the pictures show. Where no circle is ever blue, "circle" counts as wrong of
// every blue thing, and the network learns that blue things are no circles. So a word that would make a pair which training never
// shows is left out where it would stand: silence is no evidence. With closed_world it counts as wrong. And the decoder misreads
// half of the words that it has written about an object, so that it looks for the next one in the picture, not in the last one.
class Model {
 public:
  // The options live as long as the model. `held_out`: pairs that a model which was saved never saw; none: they are drawn.
  explicit Model(const ModelOptions& options, const std::vector<Index>& held_out = {});

  // One update on newly drawn pictures; returns the loss.
  double learn(RandomStream& random);
  // Captions of all pictures [N, H, W, kChannels], or of the first ones after Ctrl-C.
  std::vector<Written> describe(const Tensor<float>& pictures);

  Sentence sentence(const Written& text) const;
  const ParameterSet& params() const { return params_; }
  Trainer<float>& trainer() { return *trainer_; }
  RandomStream& sampling() { return sampling_; }  // of captions that are drawn
  Record description() const;                     // what it takes to build this model again
  // By pair of shape and colour (scenes::Object::pair): which never appear in training, and which do.
  const std::vector<bool>& held_out() const { return held_out_; }
  const std::vector<bool>& seen() const { return seen_; }

 private:
  void misread(std::vector<std::int32_t>& words, RandomStream& random) const;
  Tensor<float> words_left_out(const std::vector<Scene>& scenes) const;
  AnyCell::State see(Tape& tape) const;
  Var loss(Tape& tape, Mode mode) const;
  std::vector<Written> write(const HostState& state);

  const ModelOptions& options_;
  WordVocabulary words_;
  std::vector<std::vector<std::int32_t>> kinds_;  // sizes, colours, shapes: words that tell of an object
  std::vector<bool> held_out_, seen_;
  ParameterSet params_;
  std::optional<Captioner> captioner_;
  std::optional<Trainer<float>> trainer_;
  AnyCell::State see_;
  std::optional<Session<float>> seeing_;
  std::optional<Writer> writer_;
  RandomStream sampling_;
};

}  // namespace captions
