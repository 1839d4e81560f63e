// Words as ids, for models over words.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <reel/graph/shape.h>

namespace reel {

// Words in the order in which they were added; id i stands for the i-th.
class WordVocabulary {
 public:
  WordVocabulary() = default;
  explicit WordVocabulary(std::span<const std::string> words);  // repeated ones count once

  std::int32_t add(std::string_view word);  // its id, new or known
  Index size() const { return static_cast<Index>(words_.size()); }
  bool contains(std::string_view word) const { return ids_.contains(std::string(word)); }
  std::int32_t id(std::string_view word) const;    // InputError, showing the word, when it is not known
  const std::string& word(std::int32_t id) const;  // InputError for an id outside [0, size())
  std::vector<std::int32_t> encode(std::span<const std::string> words) const;
  std::string decode(std::span<const std::int32_t> ids, std::string_view between = " ") const;

 private:
  std::vector<std::string> words_;
  std::unordered_map<std::string, std::int32_t> ids_;
};

// Parts between white space.
std::vector<std::string> split_words(std::string_view text);

// Lower-case words and single punctuation marks: "Don't stop." -> don't stop .   Bytes beyond ASCII are kept as letters.
std::vector<std::string> tokenize(std::string_view text);

// Corpus BLEU of up to 4-grams with the brevity penalty (Papineni et al., 2002), in [0, 1]: one reference for each hypothesis.
// 0 when no run of four words is right, as where no text has so many. InputError when their numbers differ.
double bleu(std::span<const std::vector<std::string>> hypotheses, std::span<const std::vector<std::string>> references);

}  // namespace reel
