// Text as ids, and as parallel streams of training windows.
#pragma once

#include <algorithm>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <reel/graph/dealt_rows.h>
#include <reel/graph/tensor.h>

namespace reel {

class Keeper;

// The distinct bytes of a text, in ascending order; id i stands for the i-th.
class Vocabulary {
 public:
  explicit Vocabulary(std::string_view text);
  Index size() const { return static_cast<Index>(symbols_.size()); }
  bool contains(char c) const { return ids_[static_cast<unsigned char>(c)] >= 0; }
  std::int32_t id(char c) const;       // InputError, showing the character, when the text does not have it
  char symbol(std::int32_t id) const;  // InputError for an id outside [0, size())
  std::vector<std::int32_t> encode(std::string_view text) const;
  std::string decode(std::span<const std::int32_t> ids) const;

 private:
  std::string symbols_;
  std::vector<std::int32_t> ids_;
};

// Entropy of the single characters' distribution, in nats: what a model without context can reach at best.
double unigram_entropy(std::string_view text);

// A text cut into `batch` equally long stretches, read side by side in windows of `length`: input [T, B] and, one character
// later, target [T, B]. Where a window would pass the end of the stretches, all begin again (as min-char-rnn does with one
// stretch, when p + T + 1 >= length) and the carried state should be reset.
class TextStreams {
 public:
  // InputError when the text is too short for one window: it needs batch * (length + 1) characters.
  // `rows`: which of the batch's streams are here; windows are then [length, rows.among(batch)].
  TextStreams(std::span<const std::int32_t> ids, Index batch, Index length, DealtRows rows = {});

  // Moves on by one window. True when the streams began anew with it, as they do the first time.
  bool next();
  const Tensor<std::int32_t>& input() const { return input_; }
  const Tensor<std::int32_t>& target() const { return target_; }
  // Its place in the text, of the same size and with the same windows.
  void keep(Keeper& keep);
  Index windows() const { return std::max<Index>(1, (stretch_ - 2) / length_); }  // per pass over the text

 private:
  void fill();
  std::vector<std::int32_t> ids_;
  Index batch_, length_, stretch_;
  DealtRows rows_;
  Index position_ = -1;
  Tensor<std::int32_t> input_, target_;
};

}  // namespace reel
