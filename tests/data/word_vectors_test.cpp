#include <reel/data/word_vectors.h>

#include <bit>
#include <filesystem>

#include <reel/data/files.h>
#include <reel/data/words.h>

#include "directory.h"
#include "support.h"

using namespace reel;
using namespace reel::test;

namespace {

WordVectors made_of(const std::vector<std::string>& words, Index E, const std::vector<float>& numbers) {
  return {WordVocabulary(words), Tensor<float>(Shape{static_cast<Index>(words.size()), E}, numbers)};
}

// On a line and off it: a and b point one way, c the other, d across, zero nowhere.
WordVectors compass() { return made_of({"a", "b", "c", "d", "zero"}, 2, {1, 0, 3, 0, -1, 0, 0, 2, 0, 0}); }

std::vector<std::int32_t> ids(const std::vector<Neighbour>& neighbours) {
  std::vector<std::int32_t> all;
  for (const Neighbour& n : neighbours) all.push_back(n.id);
  return all;
}

}  // namespace

TEST_CASE("read_word_vectors: GloVe's text") {
  const Directory directory;
  const std::string path = directory.write("glove.txt", "the 0.418 0.24968 -0.41242\n, 1 -2e-3 3E2\nWörter -0 .5 1e-30\n");
  const WordVectors v = read_word_vectors(path);
  CHECK(v.words.size() == 3);
  CHECK(v.size() == 3);
  CHECK(v.words.id(",") == 1);
  CHECK(v.words.word(2) == "Wörter");
  const float numbers[] = {0.418f, 0.24968f, -0.41242f, 1, -2e-3f, 3e2f, -0.0f, 0.5f, 1e-30f};
  for (Index i = 0; i < 9; ++i) CHECK(v.vectors[i] == numbers[i]);
  CHECK(read_word_vectors(path, 2).words.size() == 2);
  CHECK(read_word_vectors(path, 99).words.size() == 3);
}

TEST_CASE("read_word_vectors: line ends of any kind, empty lines, spaces at the end, the last line open") {
  const Directory directory;
  for (const char* text : {"a 1 2\r\nb 3 4\r\n", "a 1 2\nb 3 4", "\n\na 1 2 \n\r\nb  3  4\n\n"}) {
    CAPTURE(text);
    const WordVectors v = read_word_vectors(directory.write("v.txt", text));
    CHECK(v.words.size() == 2);
    check_close(v.vectors, {1, 2, 3, 4}, 0);
  }
}

TEST_CASE("read_word_vectors: a byte order mark is no part of the first word") {
  const Directory directory;
  const WordVectors v = read_word_vectors(directory.write("v.txt",
                                                          "\xEF\xBB\xBF"
                                                          "the 1 2\ncat 3 4\n"));
  CHECK(v.words.id("the") == 0);
  check_close(v.vectors, {1, 2, 3, 4}, 0);
}

TEST_CASE("read_word_vectors: the first line of word2vec and fastText") {
  const Directory directory;
  const WordVectors v = read_word_vectors(directory.write("v.vec", "3 2\nthe 1 2 \ncat 3 4 \nsat 5 6 \n"));
  CHECK(v.words.size() == 3);
  CHECK(v.words.id("the") == 0);
  check_close(v.vectors, {1, 2, 3, 4, 5, 6}, 0);
  const WordVectors first = read_word_vectors(directory.write("v.vec", "3 2\nthe 1 2\ncat 3 4\nsat 5 6\n"), 1);
  CHECK(first.words.size() == 1);
  CHECK(first.words.contains("the"));
  check_throws<FileError>([&] { read_word_vectors(directory.write("v.vec", "4 2\nthe 1 2\ncat 3 4\n")); },
                          {"v.vec", "first line", "4 words", "2 follow"});
  // A word that is a number is a word.
  CHECK(read_word_vectors(directory.write("v.txt", "7 1\nthe 2\n")).words.contains("7"));
  CHECK(read_word_vectors(directory.write("v.txt", "7 1 2\nthe 2 3\n")).words.contains("7"));
  CHECK(read_word_vectors(directory.write("v.txt", "7 1\n")).words.contains("7"));
}

TEST_CASE("read_word_vectors: for the first words no more of the file is read") {
  const Directory directory;
  std::string text = "the 1 2\ncat 3 4\n";
  for (int i = 0; i < 40000; ++i) text += "more 1 2\n";
  const std::string path = directory.write("v.txt", text + "not numbers at all\n");
  CHECK(read_word_vectors(path, 2).words.size() == 2);
  check_throws<FileError>([&] { read_word_vectors(path); }, {":40003"});
}

TEST_CASE("read_word_vectors: of a word that stands there twice the first counts, also towards `most`") {
  const Directory directory;
  const std::string path = directory.write("v.txt", "a 1\nb 2\na 3\nc 4\n");
  check_close(read_word_vectors(path).vectors, {1, 2, 4}, 0);
  CHECK(read_word_vectors(path, 3).words.contains("c"));
}

TEST_CASE("read_word_vectors: numbers too small for a float are 0, as other programs write doubles") {
  const Directory directory;
  const WordVectors v = read_word_vectors(directory.write("v.txt", "a 1e-60 -1e-300 1e-45 2\n"));
  check_close(v.vectors, {0, 0, 1.401298464324817e-45, 2}, 0);
}

TEST_CASE("read_word_vectors: long lines") {
  const Directory directory;
  std::string text = std::string(100000, 'w');
  for (int i = 0; i < 20000; ++i) text += " " + std::to_string(i);
  const WordVectors v = read_word_vectors(directory.write("long.txt", text + "\n"));
  CHECK(v.size() == 20000);
  CHECK(v.vectors[19999] == 19999);
}

TEST_CASE("read_word_vectors: what is wrong, and in which line") {
  const Directory directory;
  struct Row {
    const char *bytes, *line, *says;
  };
  const Row rows[] = {
      {"a 1 2\nb 3\n", ":2", "1 numbers"},
      {"a 1 2\nb 3 4 5\n", ":2", "3 numbers"},
      {"a 1 2\r\n\r\nb 3 x\r\n", ":3", "\"x\""},
      {"a 1 nan\n", ":1", "\"nan\""},
      {"a 1 2\nb inf 2\n", ":2", "\"inf\""},
      {"a 1 1e50\n", ":1", "\"1e50\""},
      {"a 1 -1e999\n", ":1", "\"-1e999\""},
      {"a 1,5 2\n", ":1", "\"1,5\""},
      {"a\t1\t2\n", ":1", "a word and its numbers"},
      {"alone\n", ":1", "a word and its numbers"},
      {"a \nb 1\n", ":1", "0 numbers"},
      {" 1 2\n", ":1", "a word and its numbers"},
      {"400000 50\nthe 1 2\n", ":2", "2 numbers"},  // a head, as word2vec writes it
      {"", "", "no words"},
      {"\n\r\n\n", "", "no words"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.bytes);
    const std::string path = directory.write("wrong.txt", row.bytes);
    check_throws<FileError>([&] { read_word_vectors(path); }, {(path + row.line).c_str(), row.says});
  }
  check_throws<FileError>([&] { read_word_vectors(directory / "none.txt"); }, {"none.txt", "No such file"});
}

TEST_CASE("write_word_vectors: what is read again is the same, bit for bit") {
  const Directory directory;
  Tensor<float> numbers = cast<float>(random_tensor({4, 5}, 1));
  for (Index i = 0; const float special : {0.0f, -0.0f, 1e-38f, 3.4e38f, 1.0f / 3}) numbers[i++] = special;
  const WordVectors v{WordVocabulary(std::vector<std::string>{"the", ".", "Öl", "\"q\""}), numbers};
  write_word_vectors(directory / "v.txt", v);
  const WordVectors again = read_word_vectors(directory / "v.txt");
  CHECK(again.vectors.shape() == v.vectors.shape());
  for (Index i = 0; i < numbers.size(); ++i)
    CHECK(std::bit_cast<std::uint32_t>(again.vectors[i]) == std::bit_cast<std::uint32_t>(numbers[i]));
  for (std::int32_t id = 0; id < 4; ++id) CHECK(again.words.word(id) == v.words.word(id));
}

TEST_CASE("write_word_vectors: what could not be read again is refused, and no file is left") {
  const Directory directory;
  const std::string path = directory / "v.txt";
  const auto refused = [&](const WordVectors& v, std::initializer_list<const char*> parts) {
    check_throws<InputError>([&] { write_word_vectors(path, v); }, parts);
    CHECK_FALSE(std::filesystem::exists(path));
  };
  refused(made_of({"a", "new york"}, 1, {1, 2}), {"\"new york\""});
  refused(made_of({"", "a"}, 1, {1, 2}), {"\"\""});
  refused(made_of({"\n"}, 1, {1}), {"no single word"});
  refused(made_of({"a"}, 2, {1, std::nanf("")}), {"\"a\"", "finite"});
  refused(made_of({"a"}, 0, {}), {"[1, 0]"});
  refused({WordVocabulary(std::vector<std::string>{"a", "b"}), Tensor<float>(Shape{1, 2})}, {"2 words", "[1, 2]"});
  refused({}, {"0 words"});
  check_throws<FileError>([&] { write_word_vectors(directory / "none/v.txt", compass()); }, {"none/v.txt"});
}

TEST_CASE("distance: Euclidean and cosine") {
  const WordVectors v = compass();
  const double s = std::sqrt(5.0);
  CHECK(distance(v, 0, 1, Distance::euclidean) == 2);
  CHECK(distance(v, 0, 3, Distance::euclidean) == doctest::Approx(s).epsilon(1e-14));
  CHECK(distance(v, 2, 2, Distance::euclidean) == 0);
  CHECK(distance(v, 0, 1, Distance::cosine) == 0);
  CHECK(distance(v, 0, 2, Distance::cosine) == 2);
  CHECK(distance(v, 1, 3, Distance::cosine) == 1);
  for (std::int32_t id = 0; id < 5; ++id) CHECK(distance(v, id, 4, Distance::cosine) == 1);  // no direction, as if across
  CHECK(distance(made_of({"a", "b"}, 1, {1e-30f, 2e38f}), 0, 1, Distance::cosine) == doctest::Approx(0));
  check_throws<InputError>([&] { distance(v, 0, 5, Distance::cosine); }, {"5", "[0, 5)"});
  check_throws<InputError>([&] { distance(v, -1, 0, Distance::euclidean); }, {"-1"});
}

TEST_CASE("nearest: in order, without the word itself, equal distances in the words' order") {
  const WordVectors v = compass();
  CHECK(ids(nearest(v, "a", 9, Distance::euclidean)) == std::vector<std::int32_t>{4, 1, 2, 3});  // 1, 2, 2, sqrt 5
  CHECK(ids(nearest(v, "a", 9, Distance::cosine)) == std::vector<std::int32_t>{1, 3, 4, 2});     // 0, 1, 1, 2
  CHECK(ids(nearest(v, "zero", 2, Distance::euclidean)) == std::vector<std::int32_t>{0, 2});
  CHECK(ids(nearest(v, "zero", 9, Distance::cosine)) == std::vector<std::int32_t>{0, 1, 2, 3});
  CHECK(nearest(v, "a", 0, Distance::cosine).empty());
  CHECK(nearest(v, "a", -1, Distance::cosine).empty());
  CHECK(nearest(v, "d", 1, Distance::euclidean).at(0).distance == 2);
}

TEST_CASE("nearest: to any vector, without some words") {
  const WordVectors v = compass();
  const float to[] = {2, 0};
  CHECK(ids(nearest(v, to, 2, Distance::euclidean)) == std::vector<std::int32_t>{0, 1});
  const std::int32_t without[] = {0, 4};
  CHECK(ids(nearest(v, to, 9, Distance::euclidean, without)) == std::vector<std::int32_t>{1, 3, 2});
  check_throws<InputError>([&] { nearest(v, std::span(to, 1), 2, Distance::cosine); }, {"1 numbers", "2"});
  check_throws<InputError>([&] { nearest(v, "east", 2, Distance::cosine); }, {"\"east\"", "5"});
  check_throws<InputError>([&] { nearest(WordVectors{}, to, 1, Distance::cosine); }, {"0 words", "[0]"});
}

TEST_CASE("nearest: every word's neighbours by both distances, as sorted by hand") {
  constexpr Index V = 30, E = 4;
  std::vector<std::string> words;
  for (Index i = 0; i < V; ++i) words.push_back(std::to_string(i));
  const WordVectors v{WordVocabulary(words), cast<float>(random_tensor({V, E}, 2))};
  for (const Distance measure : {Distance::euclidean, Distance::cosine})
    for (std::int32_t id = 0; id < V; ++id) {
      const auto all = nearest(v, words[static_cast<std::size_t>(id)], V, measure);
      REQUIRE(all.size() == V - 1);
      for (std::size_t i = 0; i < all.size(); ++i) {
        CHECK(all[i].distance == distance(v, id, all[i].id, measure));
        if (i > 0) CHECK(all[i - 1].distance <= all[i].distance);
        CHECK(all[i].id != id);
      }
    }
}

TEST_CASE("rows_for: known words' vectors, the others as they were") {
  const WordVocabulary words(std::vector<std::string>{"c", "unknown", "a"});
  const Tensor<float> rows = rows_for(words, compass(), Tensor<float>(Shape{3, 2}, {9, 9, 8, 8, 7, 7}));
  check_close(rows, {-1, 0, 8, 8, 1, 0}, 0);
  check_throws<InputError>([&] { rows_for(words, compass(), Tensor<float>(Shape{3, 3})); }, {"[3, 3]", "3 words", "2 numbers"});
  check_throws<InputError>([&] { rows_for(words, compass(), Tensor<float>(Shape{2, 2})); }, {"[2, 2]", "3 words"});
}
