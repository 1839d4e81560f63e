#include <reel/models/generation/captioner.h>

#include <fmt/format.h>

#include <reel/graph/error.h>
#include <reel/models/cells/cell_kinds.h>
#include <reel/models/sizes.h>

namespace reel {
namespace {

Decoder make_decoder(ParameterSet& set, const std::string& name, const CaptionerOptions& o) {
  require_sizes(fmt::format("Captioner {}", name),
                {{"features", o.features}, {"words", o.words}, {"word_size", o.word_size}, {"units", o.units}});
  const Embedding words(set, name + ".words", o.words, o.word_size, init::normal(0.3));
  const AnyCell cell = make_cell(o.cell, set, name + ".decoder", o.word_size + o.features, o.units);
  return Decoder(words, FirstInput(cell, o.features), Linear(set, name + ".head", o.units, o.words));
}

}  // namespace

Captioner::Captioner(ParameterSet& set, const std::string& name, Vision vision, const CaptionerOptions& o)
    : name_(name), vision_(std::move(vision)), features_(o.features), decoder_(make_decoder(set, name, o)) {
  if (!vision_) throw InputError(fmt::format("Captioner {}: there is nothing that sees", name));
}

AnyCell::State Captioner::see(Operand image) const {
  const Var v = vision_(image);
  if (v.shape() != Shape{B, features_})
    throw ShapeError(fmt::format("Captioner {}: what sees made {} of an image, not [B, {}] ({})", name_,
                                 v.tape().describe(v.id()), features_, image.site().text()));
  std::vector<Var> parts;
  for (const StatePart& part : decoder_.cell().state_layout()) parts.push_back(v.tape().zeros(part.shape));
  parts.back() = v;  // FirstInput's own part comes last
  return decoder_.cell().make_state(parts);
}

}  // namespace reel
