#include <reel/data/words.h>

#include "support.h"

using namespace reel;
using namespace reel::test;

namespace {

using Words = std::vector<std::string>;

double bleu_of(std::initializer_list<const char*> hypotheses, std::initializer_list<const char*> references) {
  std::vector<Words> h, r;
  for (const char* text : hypotheses) h.push_back(split_words(text));
  for (const char* text : references) r.push_back(split_words(text));
  return bleu(h, r);
}

}  // namespace

TEST_CASE("word vocabulary: ids in the order of adding") {
  WordVocabulary v;
  CHECK(v.size() == 0);
  CHECK(v.add("the") == 0);
  CHECK(v.add("cat") == 1);
  CHECK(v.add("the") == 0);
  CHECK(v.size() == 2);
  CHECK(v.id("cat") == 1);
  CHECK(v.word(0) == "the");
  CHECK(v.contains("cat"));
  CHECK_FALSE(v.contains("Cat"));
  const Words repeated{"b", "a", "b", "c"};
  const WordVocabulary of_words(repeated);
  CHECK(of_words.size() == 3);
  CHECK(of_words.encode(repeated) == std::vector<std::int32_t>{0, 1, 0, 2});
}

TEST_CASE("word vocabulary: decode(encode(words)) joins them, whatever they are") {
  const Words words{"", "a", "", "zwei Wörter", std::string("nul\0", 4), "日本", ""};
  const WordVocabulary v(words);
  CHECK(v.size() == 5);
  std::string joined;
  for (const std::string& w : words) joined += w + "|";
  joined.pop_back();
  CHECK(v.decode(v.encode(words), "|") == joined);
  CHECK(v.decode({}) == "");
  CHECK(v.decode(std::vector<std::int32_t>{1, 1}) == "a a");
  CHECK(v.decode(std::vector<std::int32_t>{0, 1}) == " a");
  CHECK(v.encode({}).empty());
}

TEST_CASE("word vocabulary: many words, of which none moves") {
  WordVocabulary v;
  v.add("first");
  const std::string* first = &v.word(0);
  CHECK(*first == "first");
  for (int i = 0; i < 20000; ++i) v.add(std::to_string(i));
  for (int i = 0; i < 20000; i += 997) CHECK(v.word(v.id(std::to_string(i))) == std::to_string(i));
}

TEST_CASE("word vocabulary: errors show the word or the id, and how many there are") {
  const WordVocabulary v(Words{"a", "b"});
  check_throws<InputError>([&] { v.id("c"); }, {"\"c\"", "2"});
  check_throws<InputError>([&] { v.encode(Words{"a", "x y"}); }, {"\"x y\""});
  check_throws<InputError>([&] { v.word(2); }, {"2", "[0, 2)"});
  check_throws<InputError>([&] { v.decode(std::vector<std::int32_t>{0, -1}); }, {"-1"});
  check_throws<InputError>([&] { WordVocabulary().word(0); }, {"[0, 0)"});
}

TEST_CASE("split_words: parts between white space of any kind") {
  CHECK(split_words("  Don't \t stop.\r\n\n now \v\f") == Words{"Don't", "stop.", "now"});
  CHECK(split_words("") == Words{});
  CHECK(split_words(" \n\t ") == Words{});
  CHECK(split_words("one") == Words{"one"});
  CHECK(split_words("für\xC2\xA0uns") == Words{"für\xC2\xA0uns"});  // a no-break space is none
  CHECK(split_words(std::string_view("a\0b c", 5)) == Words{std::string("a\0b", 3), "c"});
}

TEST_CASE("tokenize: lower-case words and single punctuation marks") {
  CHECK(tokenize("Don't stop.") == Words{"don't", "stop", "."});
  CHECK(tokenize("Wait... what?!") == Words{"wait", ".", ".", ".", "what", "?", "!"});
  CHECK(tokenize("x_1=3.14*Y") == Words{"x_1", "=", "3", ".", "14", "*", "y"});
  CHECK(tokenize("well-known (A,b)") == Words{"well", "-", "known", "(", "a", ",", "b", ")"});
  CHECK(tokenize("") == Words{});
  CHECK(tokenize(" \n\r\t\v\f ") == Words{});
}

TEST_CASE("tokenize: bytes beyond ASCII stay as they are, within words") {
  CHECK(tokenize("Über Straßen, naïve CAFÉS") == Words{"Über", "straßen", ",", "naïve", "cafÉs"});
  CHECK(tokenize("日本語 テスト") == Words{"日本語", "テスト"});
  CHECK(tokenize("\xFF\xC3 A") == Words{"\xFF\xC3", "a"});  // no UTF-8: neither lost nor refused
}

TEST_CASE("bleu: by hand, for one text") {
  const char* reference = "the cat sat on the mat";
  CHECK(bleu_of({reference}, {reference}) == doctest::Approx(1).epsilon(1e-14));
  // 6/7, 5/6, 4/5 and 3/4 of the runs are right; longer than the reference, so no penalty.
  CHECK(bleu_of({"the cat sat on the mat today"}, {reference}) == doctest::Approx(std::pow(3.0 / 7, 0.25)).epsilon(1e-14));
  // Every run is right, five words for six.
  CHECK(bleu_of({"the cat sat on the"}, {reference}) == doctest::Approx(std::exp(1 - 6.0 / 5)).epsilon(1e-14));
  // A run counts as often as the reference has it: 5/6, 4/5, 3/4, 2/3.
  CHECK(bleu_of({"a a b b b b"}, {"a a b b b"}) == doctest::Approx(std::pow(1.0 / 3, 0.25)).epsilon(1e-14));
}

TEST_CASE("bleu: of a corpus, runs and lengths are summed before they are divided") {
  const double expected = std::pow(11.0 / 12 * 9 / 10 * 7 / 8 * 5 / 6, 0.25);  // 12 words for 12
  CHECK(bleu_of({"the cat sat on the mat today", "the cat sat on the"}, {"the cat sat on the mat", "the cat sat on the mat"}) ==
        doctest::Approx(expected).epsilon(1e-14));
  // A text of one word has no longer runs and spoils none; its length counts.
  CHECK(bleu_of({"a b c d", "a"}, {"a b c d", "a"}) == doctest::Approx(1).epsilon(1e-14));
  CHECK(bleu_of({"a b c d", ""}, {"a b c d", "a"}) == doctest::Approx(std::exp(1 - 5.0 / 4)).epsilon(1e-14));
}

TEST_CASE("bleu: nothing right, nothing written, and texts of fewer than four words are 0") {
  CHECK(bleu_of({"a b c d e"}, {"v w x y z"}) == 0);
  CHECK(bleu_of({"a b c x y z"}, {"a b c d e f"}) == 0);  // no four in a row
  CHECK(bleu_of({"the cat sat"}, {"the cat sat"}) == 0);
  CHECK(bleu_of({""}, {"a b c d"}) == 0);
  CHECK(bleu_of({"a b c d"}, {""}) == 0);
  CHECK(bleu_of({""}, {""}) == 0);
  CHECK(bleu_of({}, {}) == 0);
  check_throws<InputError>([] { bleu_of({"a", "b"}, {"a"}); }, {"2 hypotheses", "1 references"});
}
