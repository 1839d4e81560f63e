#include <reel/data/own_rows.h>
#include <reel/graph/error.h>
#include <reel/train/distributed/build.h>
#include <reel/train/distributed/gather_rows.h>
#include <reel/train/distributed/group_exchange.h>

#include "support.h"
#include "train/distributed/thread_group.h"

using namespace reel;
using namespace reel::test;

TEST_CASE("group: numbers, texts and parts of all ranks, in their order") {
  for (Index ranks : {1, 2, 4})
    on_ranks(ranks, [&](Group& group) {
      const std::vector<double> all = group.gather(1.5 * static_cast<double>(group.rank()));
      REQUIRE(all.size() == static_cast<std::size_t>(ranks));
      CHECK(all.back() == 1.5 * static_cast<double>(ranks - 1));
      const std::vector<std::string> texts = group.gather_texts(std::string(static_cast<std::size_t>(group.rank()), 'x'));
      for (std::size_t r = 0; r < texts.size(); ++r) CHECK(texts[r] == std::string(r, 'x'));
      CHECK(group.messages() == 3 * (ranks - 1));
    });
}

TEST_CASE("group: what differs is told by the item in which it does") {
  on_ranks(4, [](Group& group) {
    group.require_same("settings", "lr .1, seed 4");
    check_throws<InputError>([&] { group.require_same("settings", group.rank() == 2 ? "lr .1, seed 5, more" : "lr .1, seed 4"); },
                             {"rank 2 has other settings than rank 0: seed 5, not seed 4"});
    check_throws<InputError>([&] { group.require_same("names", group.rank() == 1 ? "" : "a"); },
                             {"rank 1 has other names than rank 0: none, not a"});
  });
}

TEST_CASE("group: rows of all ranks are the whole batch again") {
  for (Index rows : {0, 1, 3, 8, 13})
    for (Index ranks : {1, 2, 4})
      on_ranks(ranks, [&](Group& group) {
        const Tensor<double> whole = random_tensor({rows, 2, 3}, 1);
        const DealtRows dealt = dealt_rows(8, &group);
        const Tensor<double> again = gather_rows(group, dealt, own_rows(dealt, whole));
        CHECK(again.size() == whole.size());
        if (rows > 0) CHECK(again.shape() == whole.shape());
        CHECK(std::ranges::equal(again, whole));
      });
  on_ranks(2, [](Group& group) {
    check_throws<InputError>(
        [&] {
          gather_rows(group, dealt_rows(2, &group), Tensor<double>({group.rank() + 1, 2}));
        },
        {"rank 0 has 1 rows of a batch of 3, not 2"});
  });
}

TEST_CASE("group exchange: sums are a balanced tree over the ranks") {
  // (1e16 + 1) + (1 - 1e16) and ((1e16 + 1) + 1) - 1e16 differ.
  const std::vector<double> numbers{1e16, 1, 1, -1e16};
  on_ranks(4, [&](Group& group) {
    GroupExchange exchange(group, dealt_rows(4, &group), false);
    const double own = numbers[static_cast<std::size_t>(group.rank())], tree = (1e16 + 1) + (1 - 1e16);
    std::vector<double> everywhere(3000, own), slices(3000, own);
    const auto piece = [](std::vector<double>& v) {
      return PartialSum{reinterpret_cast<std::byte*>(v.data()), static_cast<Index>(v.size()), Element::f64};
    };
    const PartialSum a = piece(everywhere), b = piece(slices);
    exchange.together("sum", 0, [&] {
      CHECK(exchange.begin(7, 3, {}).rows == 12);
      exchange.begin_sum(std::span(&b, 1));
      exchange.sum(std::span(&a, 1));
    });
    exchange.finish_sums();
    CHECK(std::ranges::all_of(everywhere, [&](double x) { return x == tree; }));
    for (Index i = 0; i < 3000; ++i) CHECK(slices[static_cast<std::size_t>(i)] == (i / 750 == group.rank() ? tree : own));
  });
}

TEST_CASE("group exchange: every kind of error is every rank's") {
  const auto check_kind = [](auto error) {
    using E = decltype(error);
    on_ranks(2, [&](Group& group) {
      GroupExchange exchange(group, dealt_rows(4, &group), false);
      check_throws<E>(
          [&] {
            exchange.together("this", 0, [&] {
              if (group.rank() == 1) throw error;
            });
          },
          {"rank 1: what was wrong"});
      check_throws<E>([&] { exchange.together("this", 0, [&] { throw error; }); }, {"what was wrong"});
      exchange.together("this", 0, [] {});
    });
  };
  check_kind(InputError("what was wrong"));
  check_kind(ShapeError("what was wrong"));
  check_kind(NumericError("what was wrong"));
  check_kind(FileError("what was wrong"));
  check_kind(MemoryError("what was wrong"));
  check_kind(Error("what was wrong"));
}

TEST_CASE("group exchange: ranks that do different things, or have different numbers, find out") {
  on_ranks(4, [](Group& group) {
    GroupExchange exchange(group, dealt_rows(4, &group), false);
    const auto other = [&](auto a, auto b) { return group.rank() == 2 ? b : a; };
    check_throws<InputError>([&] { exchange.together(other("step", "evaluate"), 0, [] {}); },
                             {"rank 2 is in evaluate(), but rank 0 in step()"});
    check_throws<InputError>([&] { exchange.together("step", other(0, 9), [] {}); }, {"rank 2 has other numbers than rank 0"});
    const auto begin = [&](std::uint64_t plan, Index rows, std::vector<std::int32_t> counts) {
      exchange.together("step", 0, [&] { exchange.begin(plan, rows, counts); });
    };
    check_throws<InputError>([&] { begin(other(1, 2), 3, {}); }, {"rank 2 runs another plan than rank 0"});
    check_throws<InputError>([&] { begin(1, 3, other(std::vector<std::int32_t>{}, std::vector<std::int32_t>{1})); },
                             {"another plan"});
    // Two of the four have as many rows as they are due.
    check_throws<InputError>(
        [&] {
          begin(1, std::vector<Index>{4, 3, 4, 2}[static_cast<std::size_t>(group.rank())], {});
        },
        {"rank 2 was given 4 rows of a batch of 13: row r belongs to shard r mod 4, so that it has 3"});
    begin(1, 3, {2});
    CHECK(exchange.rows() == 12);
  });
}

TEST_CASE("group: what a program is and runs on has a name") {
  CHECK(build_id().size() >= 8);
  CHECK(build_id() == build_id());
  CHECK(!instruction_set().empty());
}
