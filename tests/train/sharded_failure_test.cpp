// What one rank refuses, all refuse, with its name, and they go on as if it had not been tried.
#include <cmath>
#include <limits>

#include "directory.h"
#include "support.h"
#include "train/distributed/thread_group.h"
#include "train/sharded_task.h"

using namespace reel;
using namespace reel::test;

namespace {

// A batch where rank `bad` spoils its own; every rank must throw E with these parts, and then learn what it would have learnt.
template <class E, class Spoil>
void check_refused(const std::string& name, Index ranks, Index bad, std::initializer_list<const char*> parts,
                   const Spoil& spoil) {
  const ShardedTask task(name);
  Trainer<float> twin = task.trainer({.shards = 8}, 1);
  twin.step(task.batch(0, twin.rows()));
  const double expected = twin.step(task.batch(1, twin.rows()));
  on_ranks(ranks, [&](Group& group) {
    Trainer<float> trainer = task.trainer({.shards = 8, .group = &group}, 1);
    trainer.step(task.batch(0, trainer.rows()));
    auto batch = task.batch(1, trainer.rows());
    if (group.rank() == bad) spoil(batch);
    check_throws<E>([&] { trainer.step(batch); }, parts);
    check_throws<E>([&] { trainer.evaluate(batch); }, parts);
    CHECK(trainer.updates() == 1);
    CHECK(trainer.step(task.batch(1, trainer.rows())) == expected);
  });
}

}  // namespace

TEST_CASE("shards, refused: a symbol out of range, found while others wait for sums") {
  for (const Index bad : {0, 1, 3})
    check_refused<InputError>("lstm", 4, bad, {"rank ", "embedding", "99"}, [](std::vector<Binding>& batch) {
      Tensor<std::int32_t> x(batch[0].view.shape);
      x[0] = 99;
      batch[0] = {"x", std::move(x)};
    });
}

TEST_CASE("shards, refused: what is bound wrongly") {
  check_refused<InputError>("lstm", 2, 1, {"rank 1: ", "input y", "is not bound"},
                            [](std::vector<Binding>& batch) { batch.pop_back(); });
  check_refused<InputError>("lstm", 2, 0, {"rank 0: ", "no input is called \"z\""}, [](std::vector<Binding>& batch) {
    batch[0] = {"z", batch[0].view};
  });
}

TEST_CASE("shards, refused: other rows than those that were dealt") {
  const ShardedTask task("lstm");
  on_ranks(2, [&](Group& group) {
    Trainer<float> trainer = task.trainer({.shards = 8, .group = &group}, 1);
    auto batch = task.batch(1, trainer.rows());
    if (group.rank() == 1)
      for (Binding& b : batch) b = {std::string(b.name), Tensor<std::int32_t>({ShardedTask::kSteps, 3})};
    check_throws<InputError>([&] { trainer.step(batch); }, {"rank 0 was given 8 rows of a batch of 11", "shard r mod 8"});
    CHECK(std::isfinite(trainer.step(task.batch(1, trainer.rows()))));
  });
}

TEST_CASE("shards, refused: a parameter that is not a number names the rank where it began") {
  const ShardedTask task("lstm");
  on_ranks(2, [&](Group& group) {
    Trainer<float> trainer = task.trainer({.shards = 2, .group = &group}, 1);
    const Parameter table = task.set().find("table");
    const Tensor<float> good(table.shape(), trainer.get("table"));
    Tensor<float> bad = good;
    bad[0] = std::numeric_limits<float>::quiet_NaN();
    trainer.set("table", bad);
    check_throws<NumericError>([&] { trainer.step(task.batch(0, trainer.rows())); },
                               {"the loss is", "not updated", "It began with rank 0: "});
    trainer.set("table", good);
    CHECK(std::isfinite(trainer.step(task.batch(0, trainer.rows()))));
  });
}

TEST_CASE("shards, refused: ranks with other settings or other parameters") {
  on_ranks(4, [&](Group& group) {
    const ShardedTask task("lstm");
    const auto with = [&](double lr) {
      Trainer<float> trainer(task.builder(), task.set(), Adam{.lr = lr}, {}, {.sharding = {.shards = 4, .group = &group}});
    };
    check_throws<InputError>([&] { with(group.rank() == 2 ? .02 : .01); }, {"rank 2 has other settings than rank 0", "0.02"});
    const ShardedTask other(group.rank() == 3 ? "gru" : "lstm");
    check_throws<InputError>([&] { other.trainer({.shards = 4, .group = &group}, 1); }, {"rank 3 has other parameters"});
  });
}

TEST_CASE("shards, refused: numbers of shards and of ranks") {
  const ShardedTask task("lstm");
  check_throws<InputError>([&] { task.trainer({.shards = 3}, 1); }, {"power of two, not 3"});
  check_throws<InputError>([&] { task.trainer({.shards = -2}, 1); }, {"power of two, not -2"});
  on_ranks(4, [&](Group& group) {
    check_throws<InputError>([&] { task.trainer({.shards = 2, .group = &group}, 1); }, {"more ranks, 4, than shards, 2"});
  });
  on_ranks(3, [&](Group& group) {
    check_throws<InputError>([&] { task.trainer({.shards = 4, .group = &group}, 1); }, {"power of two", "not 3"});
  });
}

TEST_CASE("shards, refused: parameters that were set on one rank alone, another function, and nothing to round") {
  const ShardedTask task("lstm");
  on_ranks(2, [&](Group& group) {
    Trainer<float> trainer = task.trainer({.shards = 2, .group = &group}, 1);
    const Tensor<float> zero(task.set().find("table").shape());
    if (group.rank() == 1) trainer.set("table", zero);
    check_throws<InputError>([&] { trainer.step(task.batch(0, trainer.rows())); }, {"rank 1 has other numbers than rank 0"});
    trainer.set("table", zero);
    CHECK(std::isfinite(trainer.step(task.batch(0, trainer.rows()))));
    const auto batch = task.batch(1, trainer.rows());
    check_throws<InputError>([&] { group.rank() == 0 ? trainer.step(batch) : trainer.evaluate(batch); },
                             {"rank 1 is in evaluate(), but rank 0 in step()"});
    CHECK(std::isfinite(trainer.step(batch)));
  });
  check_throws<InputError>([&] { task.trainer({.shards = 1, .bf16 = true}, 1); }, {"one shard"});
}

TEST_CASE("shards, refused: checkpoints that some rank cannot read or write") {
  const Directory directory;
  const ShardedTask task("lstm");
  on_ranks(2, [&](Group& group) {
    Trainer<float> trainer = task.trainer({.shards = 2, .group = &group}, 1);
    trainer.step(task.batch(0, trainer.rows()));
    check_throws<FileError>([&] { trainer.save(directory / "nowhere/run.checkpoint"); }, {"rank 0: ", "nowhere"});
    trainer.save(directory / "run.checkpoint");
    trainer.step(task.batch(1, trainer.rows()));
    const auto before = std::vector<float>(trainer.get("table").begin(), trainer.get("table").end());
    const std::string path = directory / (group.rank() == 1 ? "missing.checkpoint" : "run.checkpoint");
    check_throws<FileError>([&] { trainer.resume(path); }, {"rank 1: ", "missing.checkpoint"});
    CHECK(trainer.updates() == 2);
    CHECK(std::ranges::equal(trainer.get("table"), before));
    trainer.resume(directory / "run.checkpoint");
    CHECK(trainer.updates() == 1);
    // Another file of the same name on another machine.
    trainer.step(task.batch(1, trainer.rows()));
    trainer.save(directory / "later.checkpoint");
    const std::string own = directory / (group.rank() == 1 ? "later.checkpoint" : "run.checkpoint");
    check_throws<InputError>([&] { trainer.resume(own); }, {"rank 1 has other numbers than rank 0", "of a file"});
    CHECK(trainer.updates() == 2);
  });
}
