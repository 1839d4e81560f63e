#include <reel/models/generation/writer.h>

#include <functional>

#include <reel/models/cells/any_cell.h>
#include <reel/models/cells/cell_kinds.h>
#include <reel/models/cells/elman.h>
#include <reel/models/cells/recurrent_cell.h>
#include <reel/models/generation/decoder.h>
#include <reel/models/initializers.h>
#include <reel/models/layers.h>
#include <reel/models/parameter_set.h>
#include <reel/models/unroll.h>
#include <reel/ops/arithmetic.h>
#include <reel/ops/reduction.h>

#include "models/cells/cell_table.h"

using namespace reel;
using namespace reel::test;

namespace {

constexpr std::int32_t END = 1;
constexpr Index V = 4, H = 3;

// A decoder over four words whose weights are large enough to prefer some of them.
struct Author {
  ParameterSet set;
  Decoder decoder;
  ParameterValues<float> values;
  Writer writer;

  explicit Author(const std::string& kind = "gru", std::uint64_t seed = 1, ThreadPool threads = ThreadPool(1))
      : Author(ParameterSet(), kind, seed, std::move(threads)) {}

  static ParameterValues<float> drawn_values(const ParameterSet& set, std::uint64_t seed) {
    ParameterValues<float> values(set.all());
    for (const Parameter& p : set.all())
      std::ranges::copy(cast<float>(random_tensor(p.shape(), 100 * seed + static_cast<std::uint64_t>(p.index()), 1.2)),
                        values.edit(p).begin());
    return values;
  }

  // log p of the words and, when `ended`, of END after them, by a teacher-forced tape.
  std::vector<double> log_probabilities(const HostState& state, std::vector<std::int32_t> words, bool ended) const {
    if (ended) words.push_back(END);
    const auto T = static_cast<Index>(words.size());
    Tape tape;
    const AnyCell::State initial = input_state(tape, decoder.cell(), "state");
    const Sequence ids = tape.ids("words", T, {B}), logits = decoder.logits(ids, initial);
    Tensor<std::int32_t> read(Shape{T, 1});
    for (Index t = 1; t < T; ++t) read[t] = words[static_cast<std::size_t>(t - 1)];
    std::vector<std::string> names;
    for (const StatePart& part : decoder.cell().state_layout()) names.push_back("state." + part.name);
    std::vector<Binding> bindings{{"words", read}};
    for (std::size_t i = 0; i < names.size(); ++i) bindings.push_back({names[i], state[i]});
    const ParameterValues<double> wide = converted<double>(set, values);
    const auto run = interpret<double>(tape, bindings, &wide);
    std::vector<double> result;
    for (std::size_t t = 0; t < words.size(); ++t) {
      const auto row = run.value(logits[t]);
      double total = 0;
      for (double x : row) total += std::exp(x);
      result.push_back(row[words[t]] - std::log(total));
    }
    return result;
  }
  double log_probability(const HostState& state, const std::vector<std::int32_t>& words, bool ended) const {
    double sum = 0;
    for (double x : log_probabilities(state, words, ended)) sum += x;
    return sum;
  }

 private:
  Author(ParameterSet s, const std::string& kind, std::uint64_t seed, ThreadPool threads)
      : set(std::move(s)),
        decoder(Embedding(set, "words", V, 2), make_cell(kind, set, "cell", 2, H), Linear(set, "head", H, V)),
        values(drawn_values(set, seed)),
        writer(decoder, values, std::move(threads)) {}
};

HostState drawn_state(const Writer& writer, Index rows, std::uint64_t seed = 9) {
  HostState state = writer.zeros(rows);
  for (Tensor<float>& part : state) part = cast<float>(random_tensor(part.shape(), seed++, 1.5));
  return state;
}

HostState row_of(const HostState& state, Index r) { return take_rows(state, {{r}}); }

void check_equal(const Written& a, const Written& b, double tolerance = 1e-5) {
  CHECK(a.ids == b.ids);
  CHECK(a.ended == b.ended);
  REQUIRE(a.log_probabilities.size() == b.log_probabilities.size());
  for (std::size_t i = 0; i < a.log_probabilities.size(); ++i)
    CHECK(std::abs(a.log_probabilities[i] - b.log_probabilities[i]) <= tolerance);
}

// f(words) for every list of up to `most` words that are not END.
void each_text(Index most, const std::function<void(const std::vector<std::int32_t>&)>& f, std::vector<std::int32_t> words = {}) {
  f(words);
  if (most == 0) return;
  for (std::int32_t word = 0; word < V; ++word) {
    if (word == END) continue;
    words.push_back(word);
    each_text(most - 1, f, words);
    words.pop_back();
  }
}

// The head alone decides: logits are b, whatever was written.
struct Indifferent : Author {
  explicit Indifferent(const std::vector<float>& b) {
    for (const Parameter& p : set.all()) std::ranges::fill(values.edit(p), 0.0f);
    std::ranges::copy(b, values.edit(set.find("head.b")).begin());
  }
};

}  // namespace

TEST_CASE("writer: greedy takes the likeliest word at every step, and its log-probabilities are the teacher-forced ones") {
  for (const std::string& kind : cell_names())
    for (std::uint64_t seed : {1, 2, 3}) {
      CAPTURE(kind);
      CAPTURE(seed);
      Author a(kind, seed);
      const HostState state = drawn_state(a.writer, 3);
      const std::vector<Written> texts = a.writer.greedy(state, {.most = 5});
      REQUIRE(texts.size() == 3);
      for (Index r = 0; r < 3; ++r) {
        const Written& text = texts[static_cast<std::size_t>(r)];
        CHECK((text.ended || text.ids.size() == 5));
        check_close(Tensor<double>(Shape{static_cast<Index>(text.log_probabilities.size())}, text.log_probabilities),
                    a.log_probabilities(row_of(state, r), text.ids, text.ended), 1e-5);
        // No other word would have been likelier.
        std::vector<std::int32_t> chosen = text.ids;
        if (text.ended) chosen.push_back(END);
        for (std::size_t t = 0; t < chosen.size(); ++t) {
          std::vector<std::int32_t> other(chosen.begin(), chosen.begin() + static_cast<std::ptrdiff_t>(t) + 1);
          for (other.back() = 0; other.back() < V; ++other.back())
            CHECK(a.log_probabilities(row_of(state, r), other, false).back() <= text.log_probabilities[t] + 1e-6);
        }
      }
    }
}

TEST_CASE("writer: a beam as wide as there are texts finds the best of all") {
  constexpr Index most = 4;
  int longer_than_greedy = 0;
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    CAPTURE(seed);
    Author a(seed % 2 ? "elman" : "lstm", seed);
    const HostState state = drawn_state(a.writer, 1, seed);
    double best = -INFINITY;
    std::vector<std::int32_t> best_words;
    each_text(most - 1, [&](const std::vector<std::int32_t>& words) {  // with END: `most`
      const double p = a.log_probability(state, words, true);
      if (p > best) best = p, best_words = words;
    });
    const Written text = a.writer.beam(state, {.most = most}, V * V * V * V).at(0);
    CHECK(text.ended);
    CHECK(text.ids == best_words);
    CHECK(text.log_probability() == doctest::Approx(best).epsilon(1e-5));
    const Written greedy = a.writer.greedy(state, {.most = most}).at(0);
    if (greedy.ended) CHECK(greedy.log_probability() <= text.log_probability() + 1e-6);
    longer_than_greedy += greedy.ids != text.ids;
  }
  CHECK(longer_than_greedy > 0);  // or nothing was tested
}

TEST_CASE("writer: a beam that never ends gives the best of what was cut off") {
  Author a("gru", 6);
  const HostState state = drawn_state(a.writer, 1);
  const WriteLimits limits{.end = -1, .most = 3};
  double best = -INFINITY;
  for (std::int32_t i = 0; i < V; ++i)
    for (std::int32_t j = 0; j < V; ++j)
      for (std::int32_t k = 0; k < V; ++k) best = std::max(best, a.log_probability(state, {i, j, k}, false));
  const Written text = a.writer.beam(state, limits, V * V).at(0);
  CHECK_FALSE(text.ended);
  CHECK(text.ids.size() == 3);
  CHECK(text.log_probability() == doctest::Approx(best).epsilon(1e-5));
  CHECK(a.writer.greedy(state, limits).at(0).ids.size() == 3);
}

TEST_CASE("writer: a beam of width 1 is greedy, wider ones write nothing less likely that ended") {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    CAPTURE(seed);
    Author a("gru-reset-after", seed);
    const HostState state = drawn_state(a.writer, 2, seed);
    const auto greedy = a.writer.greedy(state, {.most = 6}), beam = a.writer.beam(state, {.most = 6}, 1);
    for (std::size_t r = 0; r < 2; ++r) {
      check_equal(beam[r], greedy[r]);
      const Written wide = a.writer.beam(state, {.most = 6}, 300)[r];
      check_close(Tensor<double>(Shape{static_cast<Index>(wide.log_probabilities.size())}, wide.log_probabilities),
                  a.log_probabilities(row_of(state, static_cast<Index>(r)), wide.ids, wide.ended), 1e-5);
    }
  }
}

TEST_CASE("writer: of equal words the first, by greedy and by beam") {
  Indifferent a({0, 0, 0, 0});
  const HostState state = a.writer.zeros(1);
  CHECK(a.writer.greedy(state, {.most = 3}).at(0).ids == std::vector<std::int32_t>{0, 0, 0});
  CHECK(a.writer.beam(state, {.end = -1, .most = 3}, 3).at(0).ids == std::vector<std::int32_t>{0, 0, 0});
  const Written first = a.writer.beam(state, {.most = 3}, 1).at(0), any = a.writer.beam(state, {.most = 3}, 2).at(0);
  CHECK(first.ids == std::vector<std::int32_t>{0, 0, 0});
  CHECK(any.ids.empty());  // END at once: one quarter
  CHECK(any.ended);
}

TEST_CASE("writer: what ends at once has only END's probability") {
  Indifferent a({0, 3, 1, -1});
  const double total = std::exp(0) + std::exp(3) + std::exp(1) + std::exp(-1);
  const HostState state = a.writer.zeros(2);
  for (const auto& texts : {a.writer.greedy(state, {}), a.writer.beam(state, {}, 3)})
    for (const Written& text : texts) {
      CHECK(text.ended);
      CHECK(text.ids.empty());
      REQUIRE(text.log_probabilities.size() == 1);
      CHECK(text.log_probability() == doctest::Approx(3 - std::log(total)).epsilon(1e-6));
    }
  const Written other = a.writer.greedy(state, {.end = 2, .most = 4}).at(0);  // END by another id
  CHECK(other.ids == std::vector<std::int32_t>{1, 1, 1, 1});
  CHECK_FALSE(other.ended);
}

TEST_CASE("writer: at most so many words") {
  Indifferent a({0, 0, 2, 0});
  const HostState state = a.writer.zeros(1);
  RandomStream random(1);
  for (const Index most : {0, 1, 7}) {
    CAPTURE(most);
    for (const Written& text : {a.writer.greedy(state, {.most = most}).at(0), a.writer.beam(state, {.most = most}, 1).at(0)}) {
      CHECK(text.ids == std::vector<std::int32_t>(static_cast<std::size_t>(most), 2));
      CHECK(text.log_probabilities.size() == text.ids.size());
      CHECK_FALSE(text.ended);
    }
    const Written drawn = a.writer.sample(state, {.most = most}, 1, random).at(0);
    CHECK(drawn.log_probabilities.size() == drawn.ids.size() + drawn.ended);
    CHECK(drawn.log_probabilities.size() <= static_cast<std::size_t>(most));
  }
}

TEST_CASE("writer: samples have the probabilities of the model, and of its temperature") {
  Indifferent a({0, 0.5, 2, -1});
  constexpr Index rows = 4000;
  for (const double temperature : {0.5, 1.0, 3.0, 1e300}) {
    CAPTURE(temperature);
    RandomStream random(7);
    std::vector<double> counts(V);
    const double model = std::exp(0) + std::exp(0.5) + std::exp(2) + std::exp(-1);
    for (const Written& text : a.writer.sample(a.writer.zeros(rows), {.most = 1}, temperature, random)) {
      const auto word = static_cast<std::size_t>(text.ended ? END : text.ids.at(0));
      ++counts[word];
      const double logits[] = {0, 0.5, 2, -1};
      CHECK(text.log_probability() == doctest::Approx(logits[word] - std::log(model)).epsilon(1e-6));  // at temperature 1
    }
    double total = 0;
    for (double logit : {0.0, 0.5, 2.0, -1.0}) total += std::exp(logit / temperature);
    for (std::size_t v = 0; const double logit : {0.0, 0.5, 2.0, -1.0}) {
      const double p = std::exp(logit / temperature) / total;
      CHECK(std::abs(counts[v++] / rows - p) < 4.5 * std::sqrt(p * (1 - p) / rows));
    }
  }
}

TEST_CASE("writer: samples of a low temperature are greedy, and a seed gives the same ones again") {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    Author a("lstm", seed);
    const HostState state = drawn_state(a.writer, 4, seed);
    const auto greedy = a.writer.greedy(state, {.most = 6});
    for (const double temperature : {1e-4, 1e-300, 5e-324}) {
      CAPTURE(temperature);
      RandomStream random(seed);
      const auto drawn = a.writer.sample(state, {.most = 6}, temperature, random);
      for (std::size_t r = 0; r < 4; ++r) check_equal(drawn[r], greedy[r], 0);
    }
    RandomStream one(seed), same(seed);
    const auto first = a.writer.sample(state, {.most = 6}, 1, one), again = a.writer.sample(state, {.most = 6}, 1, same);
    for (std::size_t r = 0; r < 4; ++r) {
      check_equal(first[r], again[r], 0);
      check_close(Tensor<double>(Shape{static_cast<Index>(first[r].log_probabilities.size())}, first[r].log_probabilities),
                  a.log_probabilities(row_of(state, static_cast<Index>(r)), first[r].ids, first[r].ended), 1e-5);
    }
  }
}

TEST_CASE("writer: rows do not influence one another, on any number of threads") {
  Author a("gru", 6), many("gru", 6, ThreadPool(3));
  const HostState state = drawn_state(a.writer, 6);
  const WriteLimits limits{.most = 8};
  const auto greedy = a.writer.greedy(state, limits), beam = a.writer.beam(state, limits, 3);
  const auto threads = many.writer.greedy(state, limits);
  std::size_t shortest = 9, longest = 0;
  for (Index r = 0; r < 6; ++r) {
    CAPTURE(r);
    const auto i = static_cast<std::size_t>(r);
    check_equal(a.writer.greedy(row_of(state, r), limits).at(0), greedy[i]);
    check_equal(a.writer.beam(row_of(state, r), limits, 3).at(0), beam[i]);
    check_equal(threads[i], greedy[i], 0);
    shortest = std::min(shortest, greedy[i].ids.size());
    longest = std::max(longest, greedy[i].ids.size());
  }
  const Index turned[] = {5, 4, 4, 0};
  const auto again = a.writer.greedy(take_rows(state, turned), limits);
  for (std::size_t i = 0; i < 4; ++i) check_equal(again[i], greedy[static_cast<std::size_t>(turned[i])]);
  CHECK(shortest < longest);  // texts of different lengths side by side
}

TEST_CASE("writer: an END that no decoder can read ends its row and disturbs no other") {
  ParameterSet set;
  // Words 0 and 1 can be read, 2 is END: from zeros END comes at once.
  const Embedding words(set, "words", 2, 2, init::values({1, 0, 0, 1}));
  const Elman cell(set, "cell", 2, 2, {.weights = init::constant(0)});
  const Decoder decoder(words, cell, Linear(set, "head", 2, 3));
  auto values = set.initial<float>(1);
  set_values<float>(set, values, "cell.U", Tensor<float>(Shape{2, 2}, {1, 0, 0, 1}));
  set_values<float>(set, values, "cell.W", Tensor<float>(Shape{2, 2}, {0, 0, -9, 9}));  // from (0, 1) always 1
  set_values<float>(set, values, "head.W", Tensor<float>(Shape{2, 3}, {0, 0, 9, 0, 9, 0}));
  Writer writer(decoder, values);
  HostState state = writer.zeros(2);
  state[0][3] = 1;
  const auto texts = writer.greedy(state, {.start = 0, .end = 2, .most = 4});
  CHECK(texts[0].ended);
  CHECK(texts[0].ids.empty());
  CHECK(texts[1].ids == std::vector<std::int32_t>{1, 1, 1, 1});
}

TEST_CASE("writer: after an update of the values it writes with the new ones") {
  Author a("gru", 6), b("gru", 2);
  const HostState state = drawn_state(a.writer, 3);
  const auto before = a.writer.greedy(state, {.most = 5}), expected = b.writer.greedy(state, {.most = 5});
  for (const Parameter& p : a.set.all()) std::ranges::copy(b.values.at(p.index()), a.values.edit(p).begin());
  const auto after = a.writer.greedy(state, {.most = 5});
  const auto beam = a.writer.beam(state, {.most = 5}, 2), beam_expected = b.writer.beam(state, {.most = 5}, 2);
  for (std::size_t r = 0; r < 3; ++r) {
    check_equal(after[r], expected[r], 0);
    check_equal(beam[r], beam_expected[r], 0);
  }
  CHECK(before[0].log_probability() != after[0].log_probability());
}

TEST_CASE("writer: no rows, no texts") {
  Author a;
  RandomStream random(1);
  CHECK(a.writer.greedy(a.writer.zeros(0), {}).empty());
  CHECK(a.writer.sample(a.writer.zeros(0), {}, 1, random).empty());
  CHECK(a.writer.beam(a.writer.zeros(0), {}, 2).empty());
}

TEST_CASE("writer: states that are not the decoder's are refused by part") {
  Author a("lstm");
  RandomStream random(1);
  const HostState good = a.writer.zeros(2);
  const auto check_refused = [&](const HostState& state, std::initializer_list<const char*> parts) {
    check_throws<InputError>([&] { a.writer.greedy(state, {}); }, parts);
    check_throws<InputError>([&] { a.writer.sample(state, {}, 1, random); }, parts);
    check_throws<InputError>([&] { a.writer.beam(state, {}, 2); }, parts);
  };
  check_refused({}, {"0 parts", "2"});
  check_refused({good[0]}, {"1 parts", "2"});
  check_refused({good[0], Tensor<float>(Shape{2, 4})}, {"part c", "[B, 3]", "[2, 4]"});
  check_refused({good[0], Tensor<float>(Shape{1, 3})}, {"part c", "[1, 3]"});
  check_refused({Tensor<float>(Shape{}), good[1]}, {"part h", "[B, 3]", "[]"});
  check_refused({Tensor<float>(Shape{3}), good[1]}, {"part h", "[3]"});
}

TEST_CASE("writer: limits, widths, temperatures and rows that make no sense are refused") {
  Author a;
  RandomStream random(1);
  const HostState state = a.writer.zeros(1);
  for (const double t : {0.0, -1.0, std::nan("")})
    check_throws<InputError>([&] { a.writer.sample(state, {}, t, random); }, {"temperature", std::isnan(t) ? "nan" : ""});
  check_throws<InputError>([&] { a.writer.beam(state, {}, 0); }, {"width", "0"});
  check_throws<InputError>([&] { a.writer.greedy(state, {.start = 4}); }, {"START", "4", "[0, 4)"});
  check_throws<InputError>([&] { a.writer.beam(state, {.start = -1}, 2); }, {"START", "-1"});
  check_throws<InputError>([&] { a.writer.sample(state, {.end = 4}, 1, random); }, {"END", "4", "[0, 4)"});
  check_throws<InputError>([&] { a.writer.greedy(state, {.most = -2}); }, {"-2"});
  check_throws<InputError>([&] { take_rows(state, {{1}}); }, {"row 1", "1"});
  check_throws<InputError>([&] { take_rows(state, {{-1}}); }, {"row -1"});
}

TEST_CASE("writer: logits that are not finite are refused, not written") {
  Author a("lstm");
  RandomStream random(1);
  for (const float bad : {std::nanf(""), INFINITY}) {
    a.values.edit(a.set.find("head.b"))[2] = bad;
    const HostState state = a.writer.zeros(2);
    check_throws<NumericError>([&] { a.writer.greedy(state, {}); }, {"row 0", "finite"});
    check_throws<NumericError>([&] { a.writer.sample(state, {}, 1, random); }, {"finite"});
    check_throws<NumericError>([&] { a.writer.beam(state, {}, 3); }, {"finite"});
  }
  std::ranges::fill(a.values.edit(a.set.find("head.b")), -INFINITY);
  check_throws<NumericError>([&] { a.writer.greedy(a.writer.zeros(1), {}); }, {"row 0", "finite"});
}

TEST_CASE("writer: a word with a logit of -inf is never written, END neither") {
  for (const std::int32_t forbidden : {2, END}) {
    CAPTURE(forbidden);
    Author a("lstm");
    a.values.edit(a.set.find("head.b"))[forbidden] = -INFINITY;
    RandomStream random(1);
    std::vector<Written> texts = a.writer.sample(a.writer.zeros(50), {.most = 5}, 1, random);
    for (const Index width : {1, 2, 3, 4, 5, 50}) texts.push_back(a.writer.beam(a.writer.zeros(1), {.most = 3}, width).at(0));
    for (const Written& text : texts) {
      CHECK(std::isfinite(text.log_probability()));
      CHECK(std::ranges::find(text.ids, forbidden) == text.ids.end());
      if (forbidden == END) CHECK_FALSE(text.ended);
    }
  }
}

TEST_CASE("writer: take_rows in any order, any number of times") {
  HostState state{Tensor<float>(Shape{2, 2}, {1, 2, 3, 4}), Tensor<float>(Shape{2, 1, 2}, {5, 6, 7, 8})};
  const HostState taken = take_rows(state, {{1, 0, 1}});
  CHECK(taken[0].shape() == Shape{3, 2});
  check_close(taken[0], {3, 4, 1, 2, 3, 4});
  CHECK(taken[1].shape() == Shape{3, 1, 2});
  check_close(taken[1], {7, 8, 5, 6, 7, 8});
  CHECK(take_rows(state, {})[0].shape() == Shape{0, 2});
  CHECK(take_rows({}, {}).empty());
  state[1] = Tensor<float>(Shape{1, 2});
  check_throws<InputError>([&] { take_rows(state, {{1}}); }, {"row 1", "state of 1"});
  state[1] = Tensor<float>(Shape{});
  check_throws<InputError>([&] { take_rows(state, {{0}}); }, {"no rows"});
}
