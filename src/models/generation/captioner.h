// Captioner: a convolutional network turns an image into a vector v, and a recurrent network, which sees v at its first step
// only, writes a sentence about it (Karpathy and Li, 2015; Vinyals et al., 2015).
#pragma once

#include <functional>
#include <string>

#include <reel/models/generation/decoder.h>

namespace reel {

struct CaptionerOptions {
  Index features = 0;  // of v, to be given
  Index words = 0;     // size of the vocabulary, START and END among them, to be given
  Index word_size = 32, units = 128;
  std::string cell = "elman";  // as in models/cells/cell_kinds.h
};

// Parameters "<name>.words", "<name>.decoder...", "<name>.head...", besides those of what sees.
class Captioner {
 public:
  using Vision = std::function<Var(Operand)>;  // image [B, H, W, C] -> v [B, features], e.g. an ImageCnn
  // InputError for sizes below 1 and an empty Vision.
  Captioner(ParameterSet& set, const std::string& name, Vision vision, const CaptionerOptions& options);

  // image [B, H, W, C] -> the decoder's state before START. ShapeError when what sees makes something else of it than features.
  AnyCell::State see(Operand image) const;
  const Decoder& decoder() const { return decoder_; }

 private:
  std::string name_;
  Vision vision_;
  Index features_;
  Decoder decoder_;
};

}  // namespace reel
