#include <cmath>

#include <reel/data/text_corpus.h>

#include "support.h"

using namespace reel;
using namespace reel::test;

namespace {

std::vector<std::int32_t> counting(int n) {
  std::vector<std::int32_t> ids(static_cast<std::size_t>(n));
  for (int i = 0; i < n; ++i) ids[static_cast<std::size_t>(i)] = i;
  return ids;
}

}  // namespace

TEST_CASE("vocabulary: distinct bytes in ascending order") {
  const Vocabulary v("hello");
  CHECK(v.size() == 4);
  CHECK(v.decode(counting(4)) == "ehlo");
  CHECK(v.id('h') == 1);
  CHECK(v.symbol(3) == 'o');
  CHECK(v.contains('l'));
  CHECK_FALSE(v.contains('x'));
  CHECK(v.encode("hello") == std::vector<std::int32_t>{1, 0, 2, 2, 3});
  CHECK(v.decode(v.encode("hole")) == "hole");
  CHECK(Vocabulary("").size() == 0);
  CHECK(v.encode("").empty());
}

TEST_CASE("vocabulary: all 256 bytes are symbols") {
  std::string all;
  for (int c = 255; c >= 0; --c) all += static_cast<char>(c);
  const Vocabulary v(all);
  CHECK(v.size() == 256);
  CHECK(v.id('\0') == 0);
  CHECK(v.id('\xff') == 255);
  CHECK(v.decode(v.encode(all)) == all);
}

TEST_CASE("vocabulary: an unknown character is shown, an unprintable one as its byte") {
  const Vocabulary v("abc");
  check_throws<InputError>([&] { v.id('x'); }, {"'x'"});
  check_throws<InputError>([&] { v.encode("a\n"); }, {"0x0a"});
  check_throws<InputError>([&] { v.id('\xe9'); }, {"0xe9"});
  check_throws<InputError>([&] { v.id('\0'); }, {"0x00"});
}

TEST_CASE("unigram entropy: known texts") {
  CHECK(unigram_entropy("") == 0);
  CHECK(unigram_entropy("aaaa") == 0);
  CHECK(unigram_entropy("abab") == doctest::Approx(std::log(2.0)).epsilon(1e-14));
  CHECK(unigram_entropy("abcd") == doctest::Approx(std::log(4.0)).epsilon(1e-14));
  CHECK(unigram_entropy("hello") == doctest::Approx(-(3 * .2 * std::log(.2) + .4 * std::log(.4))).epsilon(1e-14));
  CHECK(unigram_entropy(std::string("\xff\xff\0\0", 4)) == doctest::Approx(std::log(2.0)).epsilon(1e-14));
}

TEST_CASE("text streams: one stream reads as min-char-rnn does") {
  // min-char-rnn: before each window, if p + T + 1 >= length (or at first) p = 0 and the state is reset; then p += T.
  for (int length : {4, 5, 9, 10, 11, 12, 25}) {
    const Index T = 3;
    TextStreams streams(counting(length), 1, T);
    Index p = 0;
    for (int n = 0; n < 20; ++n) {
      CAPTURE(length);
      CAPTURE(n);
      const bool reset = n == 0 || p + T + 1 >= length;
      if (reset) p = 0;
      CHECK(streams.next() == reset);
      for (Index t = 0; t < T; ++t) {
        CHECK(streams.input()[t] == p + t);
        CHECK(streams.target()[t] == p + t + 1);
      }
      p += T;
    }
  }
}

TEST_CASE("text streams: several stretches side by side") {
  TextStreams streams(counting(23), 3, 2);  // stretches of 7: 0.., 7.., 14..; the last two ids are left over
  CHECK(streams.input().shape() == Shape{2, 3});
  const std::vector<double> first = {0, 7, 14, 1, 8, 15}, second = {2, 9, 16, 3, 10, 17};
  CHECK(streams.next());
  check_close(streams.input(), first);
  check_close(streams.target(), {1, 8, 15, 2, 9, 16});
  CHECK_FALSE(streams.next());
  check_close(streams.input(), second);
  CHECK(streams.next());  // 4 + 2 + 1 >= 7
  check_close(streams.input(), first);
}

TEST_CASE("text streams: windows() counts those of one pass") {
  for (Index batch : {1, 2})
    for (int length : {8, 9, 10, 11, 26, 27, 51}) {
      CAPTURE(batch);
      CAPTURE(length);
      TextStreams streams(counting(length), batch, 3);
      streams.next();
      Index windows = 1;
      while (!streams.next()) ++windows;
      CHECK(streams.windows() == windows);
    }
}

TEST_CASE("text streams: too short texts and empty windows are refused") {
  CHECK_NOTHROW(TextStreams(counting(8), 2, 3));
  check_throws<InputError>([] { TextStreams(counting(7), 2, 3); }, {"7", "2 streams", "8"});
  check_throws<InputError>([] { TextStreams({}, 1, 1); }, {"0", "2"});
  check_throws<InputError>([] { TextStreams(counting(7), 0, 3); }, {"batch 0"});
  check_throws<InputError>([] { TextStreams(counting(7), 1, 0); }, {"length 0"});
}
