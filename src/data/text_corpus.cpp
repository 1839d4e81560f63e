#include <reel/data/text_corpus.h>

#include <array>
#include <cctype>
#include <cmath>

#include <fmt/format.h>

#include <reel/data/keeper.h>

namespace reel {

Vocabulary::Vocabulary(std::string_view text) : ids_(256, -1) {
  std::array<bool, 256> present{};
  for (char c : text) present[static_cast<unsigned char>(c)] = true;
  for (int c = 0; c < 256; ++c) {
    if (!present[static_cast<std::size_t>(c)]) continue;
    ids_[static_cast<std::size_t>(c)] = static_cast<std::int32_t>(symbols_.size());
    symbols_ += static_cast<char>(c);
  }
}

std::int32_t Vocabulary::id(char c) const {
  const auto byte = static_cast<unsigned char>(c);
  if (ids_[byte] < 0)
    throw InputError(std::isprint(byte) ? fmt::format("the character '{}' does not occur in the text", c)
                                        : fmt::format("the byte 0x{:02x} does not occur in the text", byte));
  return ids_[byte];
}

char Vocabulary::symbol(std::int32_t id) const {
  if (id < 0 || id >= size()) throw InputError(fmt::format("id {} is outside [0, {})", id, size()));
  return symbols_[static_cast<std::size_t>(id)];
}

std::vector<std::int32_t> Vocabulary::encode(std::string_view text) const {
  std::vector<std::int32_t> ids;
  ids.reserve(text.size());
  for (char c : text) ids.push_back(id(c));
  return ids;
}

std::string Vocabulary::decode(std::span<const std::int32_t> ids) const {
  std::string text;
  for (std::int32_t i : ids) text += symbol(i);
  return text;
}

double unigram_entropy(std::string_view text) {
  std::array<double, 256> counts{};
  for (char c : text) ++counts[static_cast<unsigned char>(c)];
  double entropy = 0;
  for (double n : counts)
    if (n > 0) entropy -= n / static_cast<double>(text.size()) * std::log(n / static_cast<double>(text.size()));
  return entropy;
}

TextStreams::TextStreams(std::span<const std::int32_t> ids, Index batch, Index length, DealtRows rows)
    : ids_(ids.begin(), ids.end()), batch_(batch), length_(length), rows_(rows) {
  if (batch < 1 || length < 1)
    throw InputError(fmt::format("text streams: batch {} and length {} must be positive", batch, length));
  stretch_ = static_cast<Index>(ids_.size()) / batch;
  if (stretch_ <= length)
    throw InputError(fmt::format("the text has {} characters; {} streams of windows of {} need at least {}", ids_.size(), batch,
                                 length, checked_product(batch, checked_sum(length, 1))));
  input_ = target_ = Tensor<std::int32_t>(Shape{length, rows.among(batch)});
}

bool TextStreams::next() {
  const bool anew = position_ < 0 || position_ + 2 * length_ + 1 >= stretch_;
  position_ = anew ? 0 : position_ + length_;
  fill();
  return anew;
}

void TextStreams::fill() {
  const Index here = rows_.among(batch_);
  for (Index t = 0; t < length_; ++t)
    for (Index k = 0; k < here; ++k) {
      const auto at = static_cast<std::size_t>(rows_.in_batch(k) * stretch_ + position_ + t);
      input_[t * here + k] = ids_[at];
      target_[t * here + k] = ids_[at + 1];
    }
}

void TextStreams::keep(Keeper& keep) {
  keep.same("characters", ids_.size());
  keep.same("batch", batch_);
  keep.same("length", length_);
  Index position = position_;
  keep("position", position);
  if (position < -1 || position + length_ + 1 > stretch_)
    throw FileError(fmt::format("text streams: no window begins at {} in stretches of {}", position, stretch_));
  position_ = position;
  if (position_ >= 0) fill();
}

}  // namespace reel
