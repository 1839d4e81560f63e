// Captioner: a convolutional network turns an image into a vector v, and a recurrent network, which sees v at its first step
// only, writes a sentence about it (Karpathy and Li, 2015; Vinyals et al., 2015).
#pragma once

#include <string>
#include <vector>

#include <reel/models/convolution.h>
#include <reel/models/decoder.h>

namespace reel {

struct CaptionerOptions {
  Index height = 32, width = 32, colours = 3;  // of the images [B, H, W, C]
  std::vector<Index> channels = {16, 32, 32};  // of the convolutions
  Index features = 128;                        // of v
  Index words;                                 // size of the vocabulary, START and END among them
  Index word_size = 32, units = 128;
  std::string cell = "elman";  // as in models/cell_kinds.h
};

// Parameters "<name>.cnn...", "<name>.words", "<name>.decoder...", "<name>.head...".
class Captioner {
 public:
  Captioner(ParameterSet& set, const std::string& name, const CaptionerOptions& options);

  // image [B, H, W, C] -> the decoder's state before START.
  AnyCell::State see(Operand image) const;
  const Decoder& decoder() const { return decoder_; }

 private:
  ImageCnn cnn_;
  Decoder decoder_;
};

}  // namespace reel
