#include <reel/data/own_rows.h>
#include <reel/data/text_corpus.h>
#include <reel/graph/error.h>

#include "support.h"

using namespace reel;
using namespace reel::test;

TEST_CASE("own rows: of a batch and of a sequence, in their order") {
  const Tensor<float> batch = [] {
    Tensor<float> t({7, 2});
    for (Index i = 0; i < t.size(); ++i) t[i] = static_cast<float>(i);
    return t;
  }();
  const DealtRows rows{4, 2, 2};  // 2, 3, 6
  const Tensor<float> own = own_rows(rows, batch);
  REQUIRE(own.shape() == Shape{3, 2});
  for (Index k = 0; k < 3; ++k)
    for (Index i = 0; i < 2; ++i) CHECK(own(k, i) == batch(rows.in_batch(k), i));
  Tensor<std::int32_t> sequence({2, 7});
  for (Index i = 0; i < sequence.size(); ++i) sequence[i] = static_cast<std::int32_t>(i);
  const Tensor<std::int32_t> steps = own_rows_of_steps(rows, sequence);
  REQUIRE(steps.shape() == Shape{2, 3});
  CHECK(steps(1, 2) == sequence(1, 6));
  CHECK(own_rows({}, batch).shape() == batch.shape());
  CHECK(own_rows({8, 7, 1}, batch).shape() == Shape{0, 2});
  CHECK(own_rows_of_steps({8, 7, 1}, sequence).shape() == Shape{2, 0});
  CHECK(own_rows_of_steps(rows, Tensor<float>({0, 7})).shape() == Shape{0, 3});
  check_throws<InputError>([&] { own_rows_of_steps(rows, Tensor<float>(Shape{3})); }, {"[3]", "axis 1"});
  check_throws<InputError>([&] { own_rows(rows, Tensor<float>(Shape{})); }, {"[]", "axis 0"});
}

TEST_CASE("own rows: sequences of different lengths stay in order, and every shard has its part of the long ones") {
  RandomStream random(1);
  std::vector<std::vector<std::int32_t>> sequences(61);
  std::vector<Tensor<float>> vectors;
  Index longest = 0;
  for (auto& s : sequences) {
    s.assign(static_cast<std::size_t>(1 + random.below(30)), 5);
    longest = std::max(longest, static_cast<Index>(s.size()));
    vectors.emplace_back(Shape{static_cast<Index>(s.size()), 2});
  }
  const SequenceBatch whole = sequence_batch(sequences);
  const VectorBatch whole_vectors = vector_batch(vectors);
  std::vector<Index> steps;
  for (Index first = 0; first < 8; ++first) {
    const DealtRows rows{8, first, 1};
    const SequenceBatch own = own_rows(rows, whole);
    const VectorBatch of_vectors = own_rows(rows, whole_vectors);
    const Index here = rows.among(61);
    REQUIRE(own.ids.shape() == Shape{longest, here});
    CHECK(of_vectors.lengths.size() == static_cast<std::size_t>(here));
    Index sum = 0;
    for (Index t = 0; t < longest; ++t) {
      Index marked = 0;
      for (Index k = 0; k < here; ++k) marked += own.mask(t, k) == 1 && own.ids(t, k) == 5;
      CHECK(own.counts[t] == marked);
      CHECK(of_vectors.counts[t] == marked);
      sum += marked;
      for (Index k = 0; k < marked; ++k) CHECK(own.mask(t, k) == 1);  // the first ones
    }
    for (std::size_t k = 0; k < own.order.size(); ++k)
      CHECK(own.order[k] == whole.order[static_cast<std::size_t>(rows.in_batch(static_cast<Index>(k)))]);
    steps.push_back(sum);
  }
  CHECK(*std::ranges::max_element(steps) - *std::ranges::min_element(steps) <= longest);
}

TEST_CASE("own rows: streams of a text are those of the whole batch") {
  std::vector<std::int32_t> text(500);
  for (std::size_t i = 0; i < text.size(); ++i) text[i] = static_cast<std::int32_t>(i);
  const DealtRows rows{4, 1, 1};
  TextStreams whole(text, 6, 5), own(text, 6, 5, rows);
  for (int window = 0; window < 40; ++window) {
    CHECK(whole.next() == own.next());
    const Tensor<std::int32_t> x = own_rows_of_steps(rows, whole.input()), y = own_rows_of_steps(rows, whole.target());
    REQUIRE(own.input().shape() == Shape{5, 2});
    CHECK(std::ranges::equal(x, own.input()));
    CHECK(std::ranges::equal(y, own.target()));
  }
}
