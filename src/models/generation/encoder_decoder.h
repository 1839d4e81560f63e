// Encoder-decoder (sequence to sequence; Sutskever et al., 2014; Cho et al., 2014): one network reads a sequence of words, what
// it ends with becomes the beginning of another, which writes.
#pragma once

#include <string>

#include <reel/models/bidirectional.h>
#include <reel/models/generation/decoder.h>

namespace reel {

struct EncoderDecoderOptions {
  Index source_words = 0, target_words = 0;  // sizes of the vocabularies, to be given
  Index word_size = 32;                      // of a word's vector, on both sides
  Index units = 128;                         // of the decoder's cell and of the encoder's in each direction
  std::string cell = "lstm";                 // as in models/cells/cell_kinds.h
};

// The encoder reads in both directions. Each part of the decoder's first state is tanh of a Linear layer over both ends.
// Parameters "<name>.source", "<name>.target", "<name>.forward...", "<name>.backward...", "<name>.decoder...",
// "<name>.bridge.<part>...", "<name>.head...".
class EncoderDecoder {
 public:
  // InputError for sizes below 1.
  EncoderDecoder(ParameterSet& set, const std::string& name, const EncoderDecoderOptions& options);

  // source: ids [B] for each step, at least one -> the decoder's state before its first step.
  AnyCell::State encode(const Sequence& source, const Lengths& lengths = {}) const;
  const Decoder& decoder() const { return decoder_; }

 private:
  Embedding source_;
  Bidirectional encoder_;
  Decoder decoder_;
  std::vector<Linear> bridges_;  // by part of the decoder's state
};

}  // namespace reel
