#include <reel/data/word_vectors.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <deque>
#include <optional>

#include <fmt/format.h>

#include <reel/data/files.h>
#include <reel/graph/error.h>

namespace reel {
namespace {

// Appends the numbers after the word of a line.
void parse_numbers(std::string_view line, const std::string& place, std::vector<float>& numbers) {
  const char* at = line.data();
  const char* const end = at + line.size();
  while (at < end) {
    while (at < end && *at == ' ') ++at;
    if (at == end) break;
    float number = 0;
    auto [next, error] = std::from_chars(at, end, number);
    if (error == std::errc::result_out_of_range) {  // what is too small for a float is 0
      double wide = 1;
      error = std::from_chars(at, end, wide).ec;
      number = static_cast<float>(wide);
    }
    if (error != std::errc() || (next < end && *next != ' ') || !std::isfinite(number))
      throw FileError(fmt::format("{}: \"{}\" is no finite number", place, std::string_view(at, std::find(at, end, ' '))));
    numbers.push_back(number);
    at = next;
  }
}

// What the first line of word2vec's and fastText's files says.
struct Header {
  Index words, numbers;
};

std::optional<Header> header_of(std::string_view line) {
  Header h{};
  const char* const end = line.data() + line.size();
  const auto [space, first] = std::from_chars(line.data(), end, h.words);
  if (first != std::errc() || space == end || *space != ' ') return std::nullopt;
  const auto [rest, second] = std::from_chars(space + 1, end, h.numbers);
  // With one number for each word, "3 1" is a word too, and a header says nothing.
  if (second != std::errc() || rest != end || h.words < 0 || h.numbers < 2) return std::nullopt;
  return h;
}

// The lines of a file that hold words: not the empty ones, and not the header.
class Rows {
 public:
  struct Row {
    std::string text, place;
  };

  explicit Rows(const std::string& path) : lines_(path) {
    Row first, second;
    if (!read(first)) return;
    header_ = header_of(first.text);
    const bool more = header_ && read(second);
    if (!more || static_cast<Index>(split_words(second.text).size()) != header_->numbers + 1) {
      header_.reset();
      waiting_.push_back(std::move(first));
    }
    if (more) waiting_.push_back(std::move(second));
  }
  bool next(Row& row) {
    if (waiting_.empty()) return read(row);
    row = std::move(waiting_.front());
    waiting_.pop_front();
    return true;
  }
  const std::optional<Header>& header() const { return header_; }

 private:
  bool read(Row& row) {
    while (lines_.next(row.text)) {
      if (row.text.empty()) continue;
      row.place = lines_.place();
      return true;
    }
    return false;
  }

  LineReader lines_;
  std::deque<Row> waiting_;
  std::optional<Header> header_;
};

void check(const char* what, const WordVectors& v) {
  if (v.vectors.shape().rank() != 2 || v.vectors.shape().dim(0) != v.words.size())
    throw InputError(fmt::format("{}: {} words with vectors {}", what, v.words.size(), v.vectors.shape().text()));
}

double dot(const float* a, const float* b, Index n) {
  double sum = 0;
  for (Index i = 0; i < n; ++i) sum += static_cast<double>(a[i]) * static_cast<double>(b[i]);
  return sum;
}

double apart(const float* a, const float* b, Index n, Distance measure) {
  if (measure == Distance::euclidean) {
    double squares = 0;
    for (Index i = 0; i < n; ++i) squares += (static_cast<double>(a[i]) - b[i]) * (static_cast<double>(a[i]) - b[i]);
    return std::sqrt(squares);
  }
  const double lengths = std::sqrt(dot(a, a, n) * dot(b, b, n));
  return lengths == 0 ? 1 : 1 - dot(a, b, n) / lengths;
}

}  // namespace

WordVectors read_word_vectors(const std::string& path, Index most) {
  Rows rows(path);
  WordVectors result;
  std::vector<float> numbers, row;
  std::size_t size = 0;
  Index read = 0;
  Rows::Row line;
  while ((most == 0 || result.words.size() < most) && rows.next(line)) {
    const std::string_view text = line.text;
    const std::size_t space = text.find(' ');
    if (space == 0 || space == std::string_view::npos)
      throw FileError(fmt::format("{}: expected a word and its numbers", line.place));
    row.clear();
    parse_numbers(text.substr(space + 1), line.place, row);
    if (size == 0) size = row.size();
    if (row.empty() || row.size() != size)
      throw FileError(fmt::format("{}: {} numbers; the lines before have {}", line.place, row.size(), size));
    ++read;
    if (result.words.contains(text.substr(0, space))) continue;
    result.words.add(text.substr(0, space));
    numbers.insert(numbers.end(), row.begin(), row.end());
  }
  if (result.words.size() == 0) throw FileError(path + ": has no words");
  if (const auto& header = rows.header(); header && read < header->words && (most == 0 || result.words.size() < most))
    throw FileError(fmt::format("{}: its first line promises {} words, but {} follow", path, header->words, read));
  result.vectors = Tensor<float>(Shape{result.words.size(), static_cast<Index>(size)}, std::span<const float>(numbers));
  return result;
}

void write_word_vectors(const std::string& path, const WordVectors& v) {
  check("write_word_vectors", v);
  if (v.vectors.size() == 0)
    throw InputError(fmt::format("write_word_vectors: vectors {} say nothing", v.vectors.shape().text()));
  std::string text;
  for (Index i = 0; i < v.words.size(); ++i) {
    const std::string& word = v.words.word(static_cast<std::int32_t>(i));
    if (word.empty() || word.find_first_of(" \n") != std::string::npos)
      throw InputError(fmt::format("write_word_vectors: \"{}\" is no single word", word));
    text += word;
    for (Index k = 0; k < v.size(); ++k) {
      const float number = v.vectors[i * v.size() + k];
      if (!std::isfinite(number)) throw InputError(fmt::format("write_word_vectors: the vector of \"{}\" is not finite", word));
      text += fmt::format(" {}", number);
    }
    text += '\n';
  }
  write_file(path, text);
}

double distance(const WordVectors& v, std::int32_t a, std::int32_t b, Distance measure) {
  check("distance", v);
  v.words.word(a), v.words.word(b);  // InputError for what is no id
  return apart(v.vectors.data() + a * v.size(), v.vectors.data() + b * v.size(), v.size(), measure);
}

std::vector<Neighbour> nearest(const WordVectors& v, std::string_view word, Index count, Distance measure) {
  check("nearest", v);
  const std::int32_t id = v.words.id(word);
  return nearest(v, {v.vectors.data() + id * v.size(), static_cast<std::size_t>(v.size())}, count, measure, {{id}});
}

std::vector<Neighbour> nearest(const WordVectors& v, std::span<const float> to, Index count, Distance measure,
                               std::span<const std::int32_t> without) {
  check("nearest", v);
  if (static_cast<Index>(to.size()) != v.size())
    throw InputError(fmt::format("nearest: {} numbers, but the words have {}", to.size(), v.size()));
  std::vector<Neighbour> all;
  for (std::int32_t id = 0; id < static_cast<std::int32_t>(v.words.size()); ++id)
    if (std::ranges::find(without, id) == without.end())
      all.push_back({id, apart(to.data(), v.vectors.data() + id * v.size(), v.size(), measure)});
  std::ranges::stable_sort(all, {}, &Neighbour::distance);
  if (static_cast<Index>(all.size()) > count) all.resize(static_cast<std::size_t>(std::max<Index>(count, 0)));
  return all;
}

Tensor<float> rows_for(const WordVocabulary& words, const WordVectors& v, Tensor<float> begin) {
  check("rows_for", v);
  if (begin.shape() != Shape{words.size(), v.size()})
    throw InputError(
        fmt::format("rows_for: a table {} for {} words of {} numbers", begin.shape().text(), words.size(), v.size()));
  for (std::int32_t id = 0; id < static_cast<std::int32_t>(words.size()); ++id)
    if (v.words.contains(words.word(id)))
      std::copy_n(v.vectors.data() + v.words.id(words.word(id)) * v.size(), v.size(), begin.data() + id * v.size());
  return begin;
}

}  // namespace reel
