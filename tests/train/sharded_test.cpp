// Shards of a batch: the number of ranks that compute them, and of threads, changes no bit.
#include <cmath>
#include <map>

#include "directory.h"
#include "support.h"
#include "train/distributed/thread_group.h"
#include "train/sharded_task.h"

using namespace reel;
using namespace reel::test;

namespace {

struct Learned {
  std::vector<float> parameters;
  std::vector<double> told;  // losses, norms and evaluations

  bool operator==(const Learned&) const = default;
};

std::vector<float> parameters_of(const ShardedTask& task, const Trainer<float>& trainer) {
  std::vector<float> all;
  for (const Parameter& p : task.set().all()) {
    const auto values = trainer.parameters()[p];
    all.insert(all.end(), values.begin(), values.end());
  }
  return all;
}

// Updates [first, end).
void go_on(const ShardedTask& task, Trainer<float>& trainer, Index first, Index end, std::vector<double>& told) {
  for (Index i = first; i < end; ++i) {
    const auto batch = task.batch(i, trainer.rows());
    told.push_back(trainer.step(batch));
    told.push_back(trainer.gradient_norm());
    if (i % 5 == 2) {
      const auto other = task.batch(1000 + i, trainer.rows());
      told.push_back(trainer.evaluate(other));
      trainer.keep_best(told.back());
    }
    if (i % 7 == 6) trainer.reset_state();
  }
}

Learned learn(const ShardedTask& task, const Sharding& sharding, int threads, bool recompute = false) {
  Trainer<float> trainer = task.trainer(sharding, threads, recompute);
  Learned learned;
  go_on(task, trainer, 0, 12, learned.told);
  learned.parameters = parameters_of(task, trainer);
  return learned;
}

// Every rank's; they must be the same.
Learned learn_on(Index ranks, const ShardedTask& task, Sharding sharding, int threads) {
  std::vector<Learned> all(static_cast<std::size_t>(ranks));
  on_ranks(ranks, [&](Group& group) {
    Sharding own = sharding;
    own.group = &group;
    all[static_cast<std::size_t>(group.rank())] = learn(task, own, threads);
  });
  for (const Learned& other : all) CHECK(other == all[0]);
  return all[0];
}

}  // namespace

TEST_CASE("shards: rows are dealt like cards, and every one is somewhere") {
  for (Index shards : {1, 2, 8})
    for (Index own = 1; own <= shards; own *= 2)
      for (Index n : {0, 1, 5, 8, 13, 64}) {
        std::vector<int> seen(static_cast<std::size_t>(n), 0);
        for (Index first = 0; first < shards; first += own) {
          const DealtRows rows{shards, first, own};
          Index last = -1;
          for (Index k = 0; k < rows.among(n); ++k) {
            const Index r = rows.in_batch(k);
            REQUIRE((r > last && r < n));
            CHECK((r % shards >= first && r % shards < first + own));
            ++seen[static_cast<std::size_t>(last = r)];
          }
        }
        CHECK(std::ranges::all_of(seen, [](int times) { return times == 1; }));
      }
}

TEST_CASE("shards: more of them change a result by no more than rounding does") {
  for (const std::string& name : ShardedTask::names()) {
    CAPTURE(name);
    const ShardedTask task(name);
    const Learned one = learn(task, {.shards = 1}, 1);
    for (Index shards : {2, 4, 8, 16}) {
      const Learned many = learn(task, {.shards = shards}, 1);
      REQUIRE(many.told.size() == one.told.size());
      for (std::size_t i = 0; i < one.told.size(); ++i) CHECK(many.told[i] == doctest::Approx(one.told[i]).epsilon(2e-5));
      CHECK(many.parameters != one.parameters);  // the sums are others
    }
  }
}

TEST_CASE("shards: ranks and threads change no bit") {
  for (const std::string& name : ShardedTask::names()) {
    CAPTURE(name);
    const ShardedTask task(name);
    for (const bool bf16 : {false, true}) {
      const Sharding eight{.shards = 8, .bf16 = bf16};
      const Learned one = learn(task, eight, 1);
      CHECK(learn(task, eight, 2) == one);
      for (Index ranks : {1, 2, 4, 8}) {
        CAPTURE(ranks);
        CHECK(learn_on(ranks, task, eight, ranks == 2 ? 2 : 1) == one);
      }
    }
    CHECK(learn_on(2, task, {.shards = 2}, 1) == learn(task, {.shards = 2}, 2));
    CHECK(learn_on(1, task, {.shards = 1}, 1) == learn(task, {}, 1));
  }
}

TEST_CASE("shards: sums of gradients that are rounded to bf16 differ, and learn alike") {
  const ShardedTask task("lstm");
  const Learned full = learn(task, {.shards = 8}, 1), rounded = learn(task, {.shards = 8, .bf16 = true}, 1);
  CHECK(full.parameters != rounded.parameters);
  for (std::size_t i = 0; i < full.told.size(); ++i) CHECK(rounded.told[i] == doctest::Approx(full.told[i]).epsilon(.02));
}

TEST_CASE("shards: stretches that are computed again leave the same bits") {
  for (const std::string& name : ShardedTask::names()) {
    CAPTURE(name);
    const ShardedTask task(name);
    CHECK(learn(task, {.shards = 4}, 2, true) == learn(task, {.shards = 4}, 1, false));
  }
}

TEST_CASE("shards: a checkpoint of some ranks is resumed on any number of others") {
  for (const std::string& name : ShardedTask::names()) {
    CAPTURE(name);
    const Directory directory;
    const ShardedTask task(name);
    const std::string path = directory / "run.checkpoint";
    const Learned whole = learn(task, {.shards = 8}, 1);
    for (const auto& [before, after] : {std::pair{4, 2}, {1, 8}, {8, 1}}) {
      const int saving = before, resuming = after;
      CAPTURE(saving);
      std::vector<double> told;
      on_ranks(saving, [&](Group& group) {
        Trainer<float> trainer = task.trainer({.shards = 8, .group = &group}, 1);
        std::vector<double> own;
        go_on(task, trainer, 0, 5, own);
        Index update = 5;
        trainer.save(path, [&](Keeper& keep) { keep("update", update); });
        if (group.rank() == 0) told = own;
      });
      on_ranks(resuming, [&](Group& group) {
        Trainer<float> trainer = task.trainer({.shards = 8, .group = &group}, 1);
        Index update = 0;
        trainer.resume(path, [&](Keeper& keep) { keep("update", update); });
        std::vector<double> own;
        go_on(task, trainer, update, 12, own);
        if (group.rank() == 0) told.insert(told.end(), own.begin(), own.end());
        CHECK(parameters_of(task, trainer) == whole.parameters);
      });
      CHECK(told == whole.told);
    }
    Trainer<float> other = task.trainer({.shards = 4}, 1);
    check_throws<FileError>([&] { other.resume(path); }, {"shards is 8 there, but 4 here"});
  }
}

TEST_CASE("shards: every optimizer and every clipping, with frozen parameters, in double too") {
  const auto learnt = [](const auto& rule, const Clip& clip, Group* group, auto number) {
    using T = decltype(number);
    ShardedTask task("lstm");
    ParameterSet set = task.set();
    set.freeze("table");
    Trainer<T> trainer(task.builder(), set, rule, clip,
                       {.weight_decay = {.rate = .01, .decoupled = true}, .sharding = {.shards = 4, .group = group}});
    std::vector<double> told;
    for (Index i = 0; i < 4; ++i) {
      told.push_back(trainer.step(task.batch(i, trainer.rows())));
      told.push_back(trainer.gradient_norm());
    }
    return told;
  };
  const std::vector<OptimizerRule> rules{Sgd{.lr = .1}, Momentum{.lr = .05, .nesterov = true}, Adagrad{}, Adam{.lr = .01}};
  const std::vector<Clip> clips{std::monostate(), ClipValue{.02}, ClipNorm{.3}, ClipNormEach{.1}};
  for (std::size_t i = 0; i < rules.size(); ++i) {
    CAPTURE(i);
    const auto one = learnt(rules[i], clips[i], nullptr, float()), precise = learnt(rules[i], clips[3 - i], nullptr, double());
    on_ranks(4, [&](Group& group) {
      CHECK(learnt(rules[i], clips[i], &group, float()) == one);
      CHECK(learnt(rules[i], clips[3 - i], &group, double()) == precise);
    });
  }
}

TEST_CASE("shards: pieces of parameters are cut alike, whoever has them") {
  CHECK(OwnPieces{8, 2, 2}.begin(100) == 25);
  CHECK(OwnPieces{8, 2, 2}.end(100) == 50);
  CHECK(OwnPieces{8, 7, 1}.end(3) == 3);
  CHECK(OwnPieces{8, 0, 8}.size(3) == 3);
}
