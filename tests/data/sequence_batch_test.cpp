#include <reel/data/sequence_batch.h>
#include <reel/models/cells/gru.h>
#include <reel/models/layers.h>
#include <reel/models/lengths.h>
#include <reel/models/parameter_set.h>
#include <reel/models/unroll.h>
#include <reel/ops/arithmetic.h>

#include <numeric>

#include "support.h"

using namespace reel;
using namespace reel::test;

namespace {

using Sentences = std::vector<std::vector<std::int32_t>>;

// Every number of a batch, word by word.
void check_batch(const SequenceBatch& batch, const Sentences& sentences, Index T, std::int32_t padding) {
  const auto rows = static_cast<Index>(sentences.size());
  REQUIRE(batch.ids.shape() == Shape{T, rows});
  REQUIRE(batch.mask.shape() == Shape{T, rows});
  REQUIRE(batch.order.size() == sentences.size());
  for (Index t = 0; t < T; ++t)
    for (Index r = 0; r < rows; ++r) {
      const auto& sentence = sentences[static_cast<std::size_t>(batch.order[static_cast<std::size_t>(r)])];
      const bool there = t < static_cast<Index>(sentence.size());
      CHECK(batch.ids[t * rows + r] == (there ? sentence[static_cast<std::size_t>(t)] : padding));
      CHECK(batch.mask[t * rows + r] == (there ? 1 : 0));
    }
}

}  // namespace

TEST_CASE("sequence_batch: rows by falling length, equal ones in their order, with masks and counts") {
  const Sentences sentences{{1}, {2, 3, 4}, {}, {5, 6, 7}, {8, 9}};
  const SequenceBatch batch = sequence_batch(sentences);
  CHECK(batch.order == std::vector<Index>{1, 3, 4, 0, 2});
  check_batch(batch, sentences, 3, 0);
  check_close(batch.counts, {4, 3, 2});
  const SequenceBatch longer = sequence_batch(sentences, 5, -7);
  CHECK(longer.order == batch.order);
  check_batch(longer, sentences, 5, -7);
  check_close(longer.counts, {4, 3, 2, 0, 0});
}

TEST_CASE("sequence_batch: drawn sentences") {
  RandomStream random(1);
  for (int n = 0; n < 20; ++n) {
    Sentences sentences(static_cast<std::size_t>(random.below(9)));
    for (auto& sentence : sentences) {
      sentence.resize(static_cast<std::size_t>(random.below(6)));
      for (std::int32_t& word : sentence) word = static_cast<std::int32_t>(random.below(100));
    }
    const SequenceBatch batch = sequence_batch(sentences, 6, 99);
    check_batch(batch, sentences, 6, 99);
    for (std::size_t r = 1; r < sentences.size(); ++r)
      CHECK(sentences[static_cast<std::size_t>(batch.order[r - 1])].size() >=
            sentences[static_cast<std::size_t>(batch.order[r])].size());
    CHECK(std::accumulate(batch.counts.begin(), batch.counts.end(), 0) ==
          static_cast<int>(std::accumulate(batch.mask.begin(), batch.mask.end(), 0.0f)));
  }
}

TEST_CASE("sequence_batch: no sentence, and none with a word") {
  const SequenceBatch none = sequence_batch(Sentences{});
  CHECK(none.ids.shape() == Shape{0, 0});
  CHECK(none.counts.shape() == Shape{0});
  const SequenceBatch empty = sequence_batch(Sentences{{}, {}});
  CHECK(empty.ids.shape() == Shape{0, 2});
  check_batch(sequence_batch(Sentences{{}, {}}, 2, 3), Sentences{{}, {}}, 2, 3);
}

TEST_CASE("sequence_batch_in_order: the rows of another batch; counts only where lengths fall") {
  const Sentences source{{1, 1}, {2, 2, 2}, {3}}, target{{4, 4, 4}, {5}, {6, 6}};
  const SequenceBatch first = sequence_batch(source), second = sequence_batch_in_order(target, first.order);
  CHECK(second.order == std::vector<Index>{1, 0, 2});
  check_batch(second, target, 3, 0);
  CHECK(second.counts.shape() == Shape{0});
  const SequenceBatch falling = sequence_batch_in_order(target, std::vector<Index>{0, 2, 1});
  check_close(falling.counts, {3, 2, 1});
}

TEST_CASE("sequence_batch: packed and padded batches made of it agree") {
  const Sentences sentences{{1, 0}, {2, 3, 1, 1}, {}, {3, 3, 0}};
  const SequenceBatch batch = sequence_batch(sentences, 0, 2);
  constexpr Index T = 4;
  Tape tape;
  ParameterSet set;
  const Embedding words(set, "words", 4, 2);
  const Gru cell(set, "cell", 2, 3);
  const Sequence x = map_steps(tape.ids("ids", T, {B}), [&](Var id) { return words(id); });
  const Var packed = unroll(cell, x, tape.zeros({B, 3}), Lengths::packed(tape.row_counts("counts", T))).last;
  const Var padded = unroll(cell, x, tape.zeros({B, 3}), Lengths::padded(tape.input("mask", T, {B}))).last;
  const auto plan = compile<float>(tape, {packed, padded});
  const auto values = set.initial<float>(1);
  Workspace<float> workspace(plan, &values);
  plan.run(workspace, {{"ids", batch.ids}, {"mask", batch.mask}, {"counts", batch.counts}});
  const auto a = workspace.value(packed), b = workspace.value(padded);
  for (Index i = 0; i < a.size(); ++i) CHECK(std::abs(a[i] - b[i]) < 1e-6f);
}

TEST_CASE("sequence_batch: errors name the sequence") {
  const Sentences sentences{{1}, {2, 3, 4}, {5}};
  check_throws<InputError>([&] { sequence_batch(sentences, 2); }, {"sequence 1", "3 words", "2 steps"});
  check_throws<InputError>([&] { sequence_batch(sentences, -1); }, {"-1 steps"});
  const auto in_order = [&](std::vector<Index> order) { return sequence_batch_in_order(sentences, order); };
  check_throws<InputError>([&] { in_order({0, 1}); }, {"3 sequences", "order of 2"});
  check_throws<InputError>([&] { in_order({0, 1, 3}); }, {"sequence 3 of 3"});
  check_throws<InputError>([&] { in_order({0, -1, 2}); }, {"sequence -1"});
  check_throws<InputError>([&] { in_order({0, 1, 1}); }, {"sequence 1 twice"});
}

TEST_CASE("vector_batch: longest first, padded with zeros, and back again") {
  const std::vector<Tensor<float>> sequences{
      {Shape{1, 2}, {1, 2}}, {Shape{3, 2}, {3, 4, 5, 6, 7, 8}}, Tensor<float>(Shape{0, 2}), {Shape{1, 2}, {9, 10}}};
  const VectorBatch batch = vector_batch(sequences);
  CHECK(batch.x.shape() == Shape{3, 4, 2});
  CHECK(batch.order == std::vector<Index>{1, 0, 3, 2});
  CHECK(batch.lengths == std::vector<Index>{3, 1, 1, 0});
  check_close(batch.counts, {3, 1, 1}, 0);
  check_close(batch.mask, {1, 1, 1, 0, 1, 0, 0, 0, 1, 0, 0, 0}, 0);
  check_close(batch.x.row(0), {3, 4, 1, 2, 9, 10, 0, 0}, 0);
  check_close(batch.x.row(2), {7, 8, 0, 0, 0, 0, 0, 0}, 0);
  const auto back = sequences_of(batch, batch.x);
  REQUIRE(back.size() == 4);
  for (std::size_t i = 0; i < 4; ++i) {
    CHECK(back[i].shape() == sequences[i].shape());
    CHECK(std::ranges::equal(back[i], sequences[i]));
  }
  check_close(rows_in_order(batch, Tensor<float>(Shape{4}, {10, 11, 12, 13})), {11, 10, 13, 12}, 0);
  CHECK(vector_batch(sequences, 5).x.shape() == Shape{5, 4, 2});
}

TEST_CASE("vector_batch: what is refused") {
  const std::vector<Tensor<float>> uneven{Tensor<float>(Shape{1, 2}), Tensor<float>(Shape{1, 3})},
      fine{Tensor<float>(Shape{3, 2})};
  check_throws<InputError>([&] { vector_batch(uneven); }, {"sequence 1", "[1, 3]", "[1, 2]"});
  check_throws<InputError>([&] { vector_batch({}); }, {"no sequences"});
  check_throws<InputError>([&] { vector_batch(fine, 2); }, {"sequence 0", "3 steps", "2"});
  const VectorBatch batch = vector_batch(fine);
  check_throws<InputError>([&] { sequences_of(batch, Tensor<float>(Shape{3, 2, 2})); }, {"[3, 2, 2]", "3 steps", "1 rows"});
  check_throws<InputError>([&] { rows_in_order(batch, Tensor<float>(Shape{2})); }, {"[2]", "1 rows"});
}

TEST_CASE("series_windows: stretches of a series and what comes after each of their steps") {
  Tensor<float> series(Shape{8, 1});
  for (Index i = 0; i < 8; ++i) series[i] = static_cast<float>(i);
  const SeriesWindows windows = series_windows(series, 3, 2, 2);
  CHECK(windows.x.shape() == Shape{3, 2, 1});
  check_close(windows.x, {0, 2, 1, 3, 2, 4}, 0);
  check_close(windows.y, {2, 4, 3, 5, 4, 6}, 0);
  CHECK(series_windows(series, 7).x.shape() == Shape{7, 1, 1});
  check_throws<InputError>([&] { series_windows(series, 8); }, {"8 steps", "[8, 1]"});
  check_throws<InputError>([&] { series_windows(series, 0); }, {"length 0"});
}
