#include <reel/data/words.h>

#include <algorithm>
#include <cmath>
#include <map>

#include <fmt/format.h>

#include <reel/graph/error.h>

namespace reel {
namespace {

constexpr std::string_view kSpace = " \t\r\n\v\f";

bool is_letter(char c) {
  const auto u = static_cast<unsigned char>(c);
  return (u >= '0' && u <= '9') || (u >= 'a' && u <= 'z') || (u >= 'A' && u <= 'Z') || u >= 0x80 || u == '\'' || u == '_';
}
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

using Grams = std::map<std::vector<std::string>, Index>;

Grams grams(const std::vector<std::string>& words, std::size_t n) {
  Grams counts;
  for (std::size_t i = 0; i + n <= words.size(); ++i)
    ++counts[{words.begin() + static_cast<std::ptrdiff_t>(i), words.begin() + static_cast<std::ptrdiff_t>(i + n)}];
  return counts;
}

}  // namespace

WordVocabulary::WordVocabulary(std::span<const std::string> words) {
  for (const std::string& word : words) add(word);
}

std::int32_t WordVocabulary::add(std::string_view word) {
  const auto [it, added] = ids_.try_emplace(std::string(word), static_cast<std::int32_t>(words_.size()));
  if (added) words_.emplace_back(word);
  return it->second;
}

std::int32_t WordVocabulary::id(std::string_view word) const {
  const auto it = ids_.find(std::string(word));
  if (it == ids_.end()) throw InputError(fmt::format("the word \"{}\" is not in the vocabulary of {}", word, size()));
  return it->second;
}

const std::string& WordVocabulary::word(std::int32_t id) const {
  if (id < 0 || id >= size()) throw InputError(fmt::format("word id {} is outside [0, {})", id, size()));
  return words_[static_cast<std::size_t>(id)];
}

std::vector<std::int32_t> WordVocabulary::encode(std::span<const std::string> words) const {
  std::vector<std::int32_t> ids;
  for (const std::string& w : words) ids.push_back(id(w));
  return ids;
}

std::string WordVocabulary::decode(std::span<const std::int32_t> ids, std::string_view between) const {
  std::string text;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (i > 0) text += between;
    text += word(ids[i]);
  }
  return text;
}

std::vector<std::string> split_words(std::string_view text) {
  std::vector<std::string> words;
  for (std::size_t at = text.find_first_not_of(kSpace); at != std::string_view::npos;) {
    const std::size_t end = std::min(text.find_first_of(kSpace, at), text.size());
    words.emplace_back(text.substr(at, end - at));
    at = text.find_first_not_of(kSpace, end);
  }
  return words;
}

std::vector<std::string> tokenize(std::string_view text) {
  std::vector<std::string> tokens;
  bool open = false;  // the last token is a word that may grow
  for (char c : text) {
    if (is_letter(c)) {
      if (!open) tokens.emplace_back();
      tokens.back() += lower(c);
      open = true;
    } else {
      open = false;
      if (kSpace.find(c) == std::string_view::npos) tokens.emplace_back(1, c);
    }
  }
  return tokens;
}

double bleu(std::span<const std::vector<std::string>> hypotheses, std::span<const std::vector<std::string>> references) {
  if (hypotheses.size() != references.size())
    throw InputError(fmt::format("bleu: {} hypotheses with {} references", hypotheses.size(), references.size()));
  double written = 0, reference = 0, log_precision = 0;
  for (std::size_t i = 0; i < hypotheses.size(); ++i) {
    written += static_cast<double>(hypotheses[i].size());
    reference += static_cast<double>(references[i].size());
  }
  for (std::size_t n = 1; n <= 4; ++n) {
    double matched = 0, total = 0;
    for (std::size_t i = 0; i < hypotheses.size(); ++i) {
      const Grams known = grams(references[i], n);
      for (const auto& [gram, count] : grams(hypotheses[i], n)) {
        total += static_cast<double>(count);
        const auto it = known.find(gram);
        if (it != known.end()) matched += static_cast<double>(std::min(count, it->second));
      }
    }
    if (matched == 0) return 0;
    log_precision += std::log(matched / total) / 4;
  }
  const double brevity = written >= reference ? 0 : 1 - reference / written;
  return std::exp(log_precision + brevity);
}

}  // namespace reel
