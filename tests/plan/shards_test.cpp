// Runs in shards: what is the whole batch's, and what is refused.
#include <reel/graph/error.h>
#include <reel/ops/arithmetic.h>
#include <reel/ops/batch_sum.h>
#include <reel/ops/dropout.h>
#include <reel/ops/reduction.h>
#include <reel/plan/session.h>

#include "support.h"

using namespace reel;
using namespace reel::test;

namespace {

// Tells one rank of a batch of so many rows that the others' sums are these.
class Told final : public Exchange {
 public:
  Told(Index rows, double others) : rows_(rows), others_(others) {}
  BatchRows begin(std::uint64_t, Index, std::span<const std::int32_t>) override { return {rows_, {}}; }
  void sum(std::span<const PartialSum> sums) override {
    for (const PartialSum& s : sums)
      for (Index i = 0; i < s.elements; ++i) reinterpret_cast<double*>(s.data)[i] += others_;
    ++sums_made;
  }
  void begin_sum(std::span<const PartialSum> outputs) override { slices_begun += static_cast<int>(outputs.size()); }
  int sums_made = 0, slices_begun = 0;

 private:
  Index rows_;
  double others_;
};

}  // namespace

TEST_CASE("shards: means are over the whole batch, masks of the rows that are here are those of the whole") {
  Tape tape;
  const Var x = tape.input("x", {B, 3});
  const Var mean = batch_mean(x), mask = dropout_mask(tape, {B, 3}, .5);
  Session<double> whole({{"mean", mean}, {"mask", mask}}, nullptr, {.seed = 3}),
      part({{"mean", mean}, {"mask", mask}}, nullptr, {.seed = 3});
  const Tensor<double> all = random_tensor({6, 3}, 1);
  whole.run({{"x", all}});
  const DealtRows rows{4, 2, 2};  // rows 2 and 3
  Tensor<double> own({2, 3});
  for (Index k = 0; k < 2; ++k) std::ranges::copy(all.row(rows.in_batch(k)), own.row(k).begin());
  Told told(6, 10);
  const Shards shards{.rows = rows, .exchange = &told};
  part.run({{"x", own}}, {.shards = &shards});
  CHECK(told.sums_made == 1);
  for (Index i = 0; i < 3; ++i) CHECK(part["mean"][i] == doctest::Approx((own[i] + own[3 + i] + 10) / 6));
  for (Index k = 0; k < 2; ++k)
    for (Index i = 0; i < 3; ++i) CHECK(part["mask"][k * 3 + i] == whole["mask"][rows.in_batch(k) * 3 + i]);
}

TEST_CASE("shards: a sum that only outputs read goes in slices, one that kernels read is summed at once") {
  Tape tape;
  const Var x = tape.input("x", {B, 2});
  const Var loss = sum(x), gradient = batch_sum(2.0 * x), read = batch_sum(3.0 * x), twice = 2.0 * read;
  Session<double> session({loss, gradient, read, twice});
  const Tensor<double> own({1, 2}, {1, 2});
  Told told(2, 0);
  const Shards shards{.rows = {2, 0, 1}, .exchange = &told, .first_sliced = 1};
  session.run({{"x", own}}, {.shards = &shards});
  CHECK(told.slices_begun == 1);
  CHECK(session[twice][1] == 12);
  CHECK(session[gradient][1] == 4);
}

TEST_CASE("shards: other rows than those of the shards are refused") {
  Tape tape;
  const Var y = sum(tape.input("x", {B}));
  Session<double> session({{"y", y}});
  const Tensor<double> two(Shape{2});
  Told told(5, 0);
  const Shards shards{.rows = {4, 1, 1}, .exchange = &told};
  check_throws<InputError>(
      [&] {
        session.run({{"x", two}}, {.shards = &shards});
      },
      {"2 rows were given of a batch of 5", "shard r mod 4", "shards 1 to 1 have 1"});
}

TEST_CASE("shards: more of them than rows, and no rows at all") {
  Tape tape;
  const Var x = tape.input("x", {B, 2}), y = batch_sum(x);
  Session<double> session({{"y", y}});
  const Shards shards{.rows = {8, 0, 8}};
  const Tensor<double> three({3, 2}, {1, 2, 3, 4, 5, 6}), none({0, 2});
  session.run({{"x", three}}, {.shards = &shards});
  CHECK(session["y"][1] == 12);
  session.run({{"x", none}}, {.shards = &shards});
  CHECK(session["y"][1] == 0);
}
