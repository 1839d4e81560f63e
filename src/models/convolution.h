// Convolutions over sequences [.., T, C] and images [.., H, W, C], channels last, and the networks made of them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <reel/models/layers.h>

namespace reel {

// y_t = [x_t .. x_(t + width - 1)] W + b: [.., T, C] -> [.., T', F], T' = T + 2 padding - width + 1. Parameters
// "<name>.W" [width C, F] and "<name>.b" [F].
class SequenceConvolution {
 public:
  SequenceConvolution(ParameterSet& set, const std::string& name, Index width, Index C, Index F, Index padding = 0);
  Var operator()(Operand x) const;
  Index width() const { return width_; }
  const Linear& weights() const { return linear_; }

 private:
  Index width_, padding_;
  Linear linear_;
};

// The same over size x size windows of an image: [.., H, W, C] -> [.., H', W', F], H' = (H + 2 padding - size) / stride + 1.
// Parameters "<name>.W" [size size C, F] and "<name>.b" [F].
class ImageConvolution {
 public:
  ImageConvolution(ParameterSet& set, const std::string& name, Index size, Index C, Index F, Index stride = 1, Index padding = 0);
  Var operator()(Operand x) const;
  Index size() const { return size_; }
  const Linear& weights() const { return linear_; }

 private:
  Index size_, stride_, padding_;
  Linear linear_;
};

// A text as a bag of its best n-grams: for each width a convolution, ReLU, and the largest over time (Kim, 2014).
// x [.., T, E] -> [.., widths F]; every word begins a window, and the last ones reach into zeros. Parameters "<name>.<width>.W"
// and ".b".
class TextCnn {
 public:
  // InputError for no width, and for one below 1.
  TextCnn(ParameterSet& set, const std::string& name, const std::vector<Index>& widths, Index E, Index F);
  Var operator()(Operand x) const;
  // mask [.., T]: 1 where there is a word, else 0. What is padding counts as zeros, and no window begins there.
  Var operator()(Operand x, Operand mask) const;
  Index features() const { return features_; }

 private:
  Var best(Operand x, const Operand* mask) const;
  std::vector<Index> widths_;
  std::vector<SequenceConvolution> convolutions_;
  Index features_;
};

// An image as a vector: 3 x 3 convolutions that keep the size, each with ReLU and, while the image is large enough, the largest
// of every 2 x 2, then a Linear layer with ReLU. x [.., H, W, C] -> [.., features]. Parameters "<name>.<i>.W", ".b" and
// "<name>.features.W", ".b".
class ImageCnn {
 public:
  // channels: of each convolution. InputError for none.
  ImageCnn(ParameterSet& set, const std::string& name, Index H, Index W, Index C, const std::vector<Index>& channels,
           Index features);
  Var operator()(Operand x) const;  // ShapeError for images of another size
  Var map(Operand x) const;         // before the Linear layer: [.., H', W', channels.back()]

 private:
  std::string name_;
  Shape image_;  // [H, W, C]
  std::vector<ImageConvolution> convolutions_;
  std::optional<Linear> out_;  // made when the size of the last map is known
};

// [B, T, F] -> T steps of [B, F], without a copy: what a recurrent network reads after a convolution (CNN + RNN).
Sequence steps_of(Operand x);

}  // namespace reel
