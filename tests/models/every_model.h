// Every model of the library at a small size, with a loss that is recorded on a tape: what must be the same whatever compiled it.
#pragma once

#include <string>
#include <vector>

#include <reel/models/bidirectional.h>
#include <reel/models/cells/cell_kinds.h>
#include <reel/models/cells/with_dropout.h>
#include <reel/models/convolution.h>
#include <reel/models/generation/captioner.h>
#include <reel/models/generation/encoder_decoder.h>
#include <reel/models/hierarchical.h>
#include <reel/models/hopfield.h>
#include <reel/models/sequence_classifier.h>
#include <reel/ops/ops.h>

namespace reel::test {

struct NamedModel {
  std::string name;
  Var (*record)(ParameterSet& set, Tape& tape);  // a loss []
};

inline Var cell_loss(const AnyCell& cell, Tape& tape) {
  const Sequence x = tape.input("x", 2, {B, 2});
  return sum(square(stack(unroll(cell, x, zero_state(tape, cell)).outputs)));
}

inline Var classifier_loss(const char* kind, ParameterSet& set, Tape& tape) {
  const SequenceClassifier m(kind, set, "m", {.inputs = 2, .classes = 3, .units = 2, .chunk = 2, .dropout = .2});
  const Sequence x = tape.input("x", 3, {B, 2}), mask = tape.input("mask", 3, {B});
  const Var logits = m({.x = x, .mask = mask, .counts = {}}, Mode::training);
  return cross_entropy(logits, tape.ids("class", {B}));
}

inline std::vector<NamedModel> every_model() {
  return {
      {"elman", [](ParameterSet& s, Tape& t) { return cell_loss(Elman(s, "m", 2, 3), t); }},
      {"elman-concat", [](ParameterSet& s, Tape& t) { return cell_loss(ElmanConcat(s, "m", 2, 3), t); }},
      {"jordan", [](ParameterSet& s, Tape& t) { return cell_loss(Jordan(s, "m", 2, 3, 2, tanh), t); }},
      {"deep jordan",
       [](ParameterSet& s, Tape& t) {
         return cell_loss(DeepJordan(s, "m", 2, {3, 4}, 2, tanh), t);
       }},
      {"gru", [](ParameterSet& s, Tape& t) { return cell_loss(Gru(s, "m", 2, 3), t); }},
      {"gru-reset-after", [](ParameterSet& s, Tape& t) { return cell_loss(GruResetAfter(s, "m", 2, 3), t); }},
      {"lstm", [](ParameterSet& s, Tape& t) { return cell_loss(Lstm(s, "m", 2, 3), t); }},
      {"first-lstm", [](ParameterSet& s, Tape& t) { return cell_loss(FirstGenerationLstm(s, "m", 2, 3), t); }},
      {"peephole-lstm", [](ParameterSet& s, Tape& t) { return cell_loss(PeepholeLstm(s, "m", 2, 3), t); }},
      {"deep lstm with dropout",
       [](ParameterSet& s, Tape& t) {
         const WithDropout first(Lstm(s, "m.0", 2, 3), {.2, .3}, Mode::training);
         const WithDropout second(Gru(s, "m.1", 3, 2), {.2, .3}, Mode::training);
         return cell_loss(Deep({first, second}), t);
       }},
      {"bidirectional",
       [](ParameterSet& s, Tape& t) {
         const Lstm forward(s, "m.forward", 2, 3), backward(s, "m.backward", 2, 3);
         return sum(square(Bidirectional(forward, backward)(t.input("x", 2, {B, 2})).last));
       }},
      {"hierarchical",
       [](ParameterSet& s, Tape& t) {
         const Gru lower(s, "m.lower", 2, 3);
         const Elman upper(s, "m.upper", 3, 2);
         const Sequence x = t.input("x", 3, {B, 2});
         const Hierarchical network(lower, upper);
         return sum(square(network.output(network({{x[0], x[1]}, {x[2]}}))));
       }},
      {"encoder-decoder",
       [](ParameterSet& s, Tape& t) {
         const EncoderDecoder m(s, "m", {.source_words = 4, .target_words = 5, .word_size = 2, .units = 3});
         const Sequence source = t.ids("source", 2, {B}), target = t.ids("target", 2, {B});
         return cross_entropy(m.decoder().logits(target, m.encode(source)), target);
       }},
      {"captioner",
       [](ParameterSet& s, Tape& t) {
         const ImageCnn eye(s, "eye", 4, 4, 1, {2}, 3);
         const Captioner m(s, "m", [eye](Operand image) { return eye(image); },
                           {.features = 3, .words = 4, .word_size = 2, .units = 3});
         const Sequence words = t.ids("words", 2, {B});
         return cross_entropy(m.decoder().logits(words, m.see(t.input("image", {B, 4, 4, 1}))), words);
       }},
      {"mlp with layer_norm",
       [](ParameterSet& s, Tape& t) {
         const Mlp m(s, "m", {3, 4, 2}, relu, tanh);
         return sum(square(layer_norm(m(t.input("x", {B, 3})))));
       }},
      {"hopfield",
       [](ParameterSet& s, Tape& t) {
         const Hopfield m(s, "m", Tensor<double>(Shape{2, 2}, {0, 1, 1, 0}));
         return sum(m.energy(m.step(t.input("a", {B, 2}))));
       }},
      {"classifier elman", [](ParameterSet& s, Tape& t) { return classifier_loss("elman", s, t); }},
      {"classifier bidirectional", [](ParameterSet& s, Tape& t) { return classifier_loss("bidirectional", s, t); }},
      {"classifier hierarchical", [](ParameterSet& s, Tape& t) { return classifier_loss("hierarchical", s, t); }},
      {"classifier cnn", [](ParameterSet& s, Tape& t) { return classifier_loss("cnn", s, t); }},
      {"classifier cnn-lstm", [](ParameterSet& s, Tape& t) { return classifier_loss("cnn-lstm", s, t); }},
  };
}

}  // namespace reel::test
