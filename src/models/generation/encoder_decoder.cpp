#include <reel/models/generation/encoder_decoder.h>

#include <fmt/format.h>

#include <reel/models/cells/cell_kinds.h>
#include <reel/models/sizes.h>
#include <reel/ops/activation.h>

namespace reel {
namespace {

const EncoderDecoderOptions& checked(const std::string& name, const EncoderDecoderOptions& o) {
  require_sizes(
      fmt::format("EncoderDecoder {}", name),
      {{"source_words", o.source_words}, {"target_words", o.target_words}, {"word_size", o.word_size}, {"units", o.units}});
  return o;
}

// Statements, because the order in which arguments are evaluated is each compiler's own, and so would the initial numbers be.
Bidirectional make_encoder(ParameterSet& set, const std::string& name, const EncoderDecoderOptions& o) {
  const AnyCell forward = make_cell(o.cell, set, name + ".forward", o.word_size, o.units);
  const AnyCell backward = make_cell(o.cell, set, name + ".backward", o.word_size, o.units);
  return Bidirectional(forward, backward);
}

Decoder make_decoder(ParameterSet& set, const std::string& name, const EncoderDecoderOptions& o) {
  const Embedding words(set, name + ".target", o.target_words, o.word_size, init::normal(0.3));
  const AnyCell cell = make_cell(o.cell, set, name + ".decoder", o.word_size, o.units);
  return Decoder(words, cell, Linear(set, name + ".head", o.units, o.target_words));
}

}  // namespace

EncoderDecoder::EncoderDecoder(ParameterSet& set, const std::string& name, const EncoderDecoderOptions& o)
    : source_(set, name + ".source", checked(name, o).source_words, o.word_size, init::normal(0.3)),
      encoder_(make_encoder(set, name, o)),
      decoder_(make_decoder(set, name, o)) {
  for (const StatePart& part : decoder_.cell().state_layout())
    bridges_.emplace_back(set, name + ".bridge." + part.name, 2 * o.units, part.shape.last());
}

AnyCell::State EncoderDecoder::encode(const Sequence& source, const Lengths& lengths) const {
  const Sequence x = map_steps(source, [this](Var word) { return source_(word); });
  const Var ends = encoder_(x, lengths).last;
  std::vector<Var> parts;
  for (const Linear& bridge : bridges_) parts.push_back(tanh(bridge(ends)));
  return decoder_.cell().make_state(parts);
}

}  // namespace reel
