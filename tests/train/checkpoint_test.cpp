// A run that is resumed from a checkpoint equals the uninterrupted one, bit for bit; what does not fit is refused.
#include <cmath>

#include <reel/data/files.h>
#include <reel/models/cells/any_cell.h>
#include <reel/models/cells/with_dropout.h>
#include <reel/models/layers.h>
#include <reel/models/unroll.h>
#include <reel/ops/arithmetic.h>
#include <reel/ops/loss.h>
#include <reel/train/trainer.h>

#include "directory.h"
#include "models/cells/cell_table.h"
#include "train/stream_task.h"

using namespace reel;
using namespace reel::test;

namespace {

const std::vector<OptimizerRule>& rules() {
  static const std::vector<OptimizerRule> all{Sgd{.lr = .1}, Momentum{.lr = .05}, Momentum{.lr = .05, .nesterov = true},
                                              Adagrad{}, Adam{.lr = .01}};
  return all;
}

// Losses of updates, of evaluations among them, and the numbers of a stream that goes along.
template <class T>
struct Run {
  Trainer<T> trainer;
  RandomStream random{5};
  Index update = 0;
  std::vector<double> told = {};

  void go_on(Index updates, bool evaluate = true) {
    for (Index i = 0; i < updates; ++i, ++update) {
      const Index T_steps = 3 + update % 3, rows = 2;
      const Data data = window(static_cast<Index>(random.below(50)), T_steps, rows);
      told.push_back(trainer.step(data.bindings<T>(), T_steps));
      told.push_back(trainer.gradient_norm());
      if (evaluate && update % 4 == 1) {
        told.push_back(trainer.evaluate(data.bindings<T>(), T_steps));
        trainer.keep_best(told.back());
      }
      if (update == 20) trainer.reset_state();
    }
  }
  std::function<void(Keeper&)> more() {
    return [this](Keeper& keep) {
      keep("random", random);
      keep("update", update);
    };
  }
};

TrainerOptions with(int threads) {
  return {.seed = 3, .threads = ThreadPool(threads), .schedule = schedule::warmup(5, schedule::cosine(30, .1))};
}

template <class T>
Run<T> make_run(const StreamTask& task, const OptimizerRule& rule, int threads) {
  return {Trainer<T>(Builder(task.builder<T>()), task.set, rule, ClipNorm{.5}, with(threads))};
}

}  // namespace

TEST_CASE_TEMPLATE("checkpoint: a resumed run equals the uninterrupted one, for every optimizer, with dropout", T, float,
                   double) {
  const Directory directory;
  const std::string path = directory / "run.checkpoint";
  StreamTask task;
  task.dropout_rate = .3;
  for (const OptimizerRule& rule : rules()) {
    CAPTURE(text(rule));
    Run<T> whole = make_run<T>(task, rule, 1);
    whole.go_on(30);
    for (const Index stop : {Index{0}, Index{1}, Index{7}, Index{22}, Index{29}}) {
      CAPTURE(stop);
      Run<T> first = make_run<T>(task, rule, 2);
      first.go_on(stop);
      first.trainer.save(path, first.more());
      const std::string bytes = read_file(path);
      Run<T> second = make_run<T>(task, rule, 3);
      second.go_on(4);  // what it did before is forgotten
      second.told.clear();
      second.trainer.resume(path, second.more());
      CHECK(second.update == stop);
      CHECK(second.trainer.updates() == stop);
      second.trainer.save(path, second.more());
      CHECK(read_file(path) == bytes);
      second.go_on(30 - stop);
      const auto rest = std::span(whole.told).last(second.told.size());
      CHECK(std::ranges::equal(rest, second.told));
      CHECK(bits(second.trainer) == bits(whole.trainer));
      CHECK(second.trainer.best_score() == whole.trainer.best_score());
      if (whole.trainer.has_best())
        for (const Parameter& p : task.set.all()) CHECK(std::ranges::equal(second.trainer.best()[p], whole.trainer.best()[p]));
    }
  }
}

TEST_CASE("checkpoint: a resumed run equals the uninterrupted one, for every cell") {
  const Directory directory;
  const std::string path = directory / "run.checkpoint";
  for (const TestedCell& kind : every_cell()) {
    CAPTURE(kind.name);
    struct Model {
      Tape tape;
      ParameterSet set;
      std::optional<Trainer<float>> trainer;
      Model(const TestedCell& kind, int threads) {
        const AnyCell cell = kind.make(set, 5, 9);
        const auto run = unroll(cell, tape.input("x", 4, {B, 5}), carried_state(tape, cell, "state"));
        const Linear head(set, "head", run.outputs[0].shape().last(), 7);
        const Var loss = cross_entropy(map_steps(run.outputs, head), tape.ids("y", 4, {B}));
        trainer.emplace(loss, set, Adam{.lr = .01}, ClipNorm{.5}, TrainerOptions{.threads = ThreadPool(threads)});
      }
    };
    const Tensor<float> x = cast<float>(random_tensor(Shape{4, 7, 5}, 1));
    const Tensor<std::int32_t> y = random_ids(Shape{4, 7}, 2, 7);
    Model whole(kind, 1), first(kind, 3), second(kind, 2);
    std::vector<double> losses;
    for (int i = 0; i < 12; ++i) losses.push_back(whole.trainer->step({{"x", x}, {"y", y}}));
    for (int i = 0; i < 5; ++i) first.trainer->step({{"x", x}, {"y", y}});
    first.trainer->save(path);
    second.trainer->resume(path);
    for (std::size_t i = 5; i < 12; ++i) CHECK(second.trainer->step({{"x", x}, {"y", y}}) == losses[i]);
    CHECK(bits(*second.trainer) == bits(*whole.trainer));
  }
}

TEST_CASE("checkpoint: saving does not disturb training") {
  const Directory directory;
  StreamTask task;
  task.dropout_rate = .3;
  Run<float> quiet = make_run<float>(task, Adam{}, 2), saving = make_run<float>(task, Adam{}, 2);
  quiet.go_on(12);
  for (int i = 0; i < 12; ++i) {
    const auto version = saving.trainer.parameters().version();
    saving.trainer.save(directory / "run", saving.more(), {.keep_last = 2});
    CHECK(saving.trainer.parameters().version() == version);  // no weights are packed anew
    saving.go_on(1);
  }
  CHECK(quiet.told == saving.told);
  CHECK(directory.files() == 2);
  // The one before is whole, too.
  saving.trainer.resume(directory / "run.1", saving.more());
  CHECK(saving.update == 10);
}

TEST_CASE("checkpoint: other settings, models and files are refused by name, and nothing is changed") {
  const Directory directory;
  const std::string path = directory / "run.checkpoint";
  const StreamTask task;
  Run<float> run = make_run<float>(task, Adam{.lr = .01}, 1);
  run.go_on(5);
  run.trainer.save(path, run.more());
  run.go_on(3);
  const std::string before = bits(run.trainer);

  const auto refused = [&](auto&& trainer, std::initializer_list<const char*> parts) {
    const std::string own = bits(trainer);
    check_throws<FileError>([&] { trainer.resume(path, run.more()); }, parts);
    CHECK(bits(trainer) == own);
    CHECK(trainer.updates() == 0);
  };
  const Builder builder(task.builder<float>());
  refused(Trainer<float>(builder, task.set, Adam{.lr = .02}, ClipNorm{.5}, with(1)),
          {path.c_str(), "rule is Adam, lr 0.01", "Adam, lr 0.02"});
  refused(Trainer<float>(builder, task.set, Momentum{}, ClipNorm{.5}, with(1)), {"rule is Adam", "Momentum"});
  refused(Trainer<float>(builder, task.set, Adam{.lr = .01}, ClipValue{.5}, with(1)), {"clipping is norm 0.5", "value 0.5"});
  TrainerOptions other = with(1);
  other.seed = 4;
  other.weight_decay = {.rate = .1, .decoupled = true};
  other.schedule = schedule::cosine(31);
  refused(Trainer<float>(builder, task.set, Adam{.lr = .01}, {}, other),
          {"seed is 3 there, but 4 here", "weight decay is none there, but 0.1, decoupled here",
           "updates of the schedule is 30 there, but 31", "clipping is norm 0.5 there, but none"});
  refused(Trainer<double>(Builder(task.builder<double>()), task.set, Adam{.lr = .01}, ClipNorm{.5}, with(1)),
          {"element type is float", "double"});
  StreamTask wider;
  wider.set.add("more", {3});
  refused(Trainer<float>(Builder(wider.builder<float>()), wider.set, Adam{.lr = .01}, ClipNorm{.5}, with(1)),
          {"parameters/more", "not in the file"});
  StreamTask frozen;
  frozen.set.freeze("head.b");
  refused(Trainer<float>(Builder(frozen.builder<float>()), frozen.set, Adam{.lr = .01}, ClipNorm{.5}, with(1)),
          {"of head.b", "nothing here asks for it"});

  // Rates may be changed when that is meant.
  Trainer<float> slower(builder, task.set, Adam{.lr = .001}, ClipNorm{1}, with(1));
  slower.resume(path, run.more(), {.other_settings = true});
  CHECK(slower.updates() == 5);
  Trainer<float> momentum(builder, task.set, Momentum{}, {}, with(1));
  check_throws<FileError>([&] { momentum.resume(path, run.more(), {.other_settings = true}); },
                          {"second of", "nothing here asks for it"});

  // What the program adds must be what is there.
  check_throws<FileError>([&] { run.trainer.resume(path); }, {"program/", "nothing here asks for it"});
  check_throws<FileError>(
      [&] {
        run.trainer.resume(path, [](Keeper& k) {
          Index x = 0;
          k("epoch", x);
        });
      },
      {"program/epoch", "not in the file"});
  write_safetensors(directory / "model", {});
  check_throws<FileError>([&] { run.trainer.resume(directory / "model"); }, {"is not a checkpoint of a Trainer"});
  check_throws<FileError>([&] { run.trainer.resume(directory / "none"); }, {"No such file"});
  check_throws<FileError>([&] { run.trainer.save(directory.path()); }, {"a directory"});
  check_throws<FileError>([&] { run.trainer.save(directory / "no/such"); }, {"No such file"});
  CHECK(bits(run.trainer) == before);
}

TEST_CASE("checkpoint: the best parameters are those of the lowest score") {
  const StreamTask task;
  Trainer<float> trainer(Builder(task.builder<float>()), task.set, Adam{.lr = .1});
  CHECK(!trainer.has_best());
  CHECK(trainer.best_score() == std::numeric_limits<double>::infinity());
  check_throws<InputError>([&] { trainer.best(); }, {"keep_best"});
  CHECK(trainer.keep_best(2));
  const float best = trainer.parameters().at(0)[0];
  const Data data = window(0, 3);
  trainer.step(data.bindings<float>(), 3);
  CHECK(!trainer.keep_best(2));
  CHECK(!trainer.keep_best(3));
  CHECK(trainer.best().at(0)[0] == best);
  CHECK(trainer.keep_best(1.5));
  CHECK(trainer.best().at(0)[0] == trainer.parameters().at(0)[0]);
  check_throws<NumericError>([&] { trainer.keep_best(std::nan("")); }, {"NaN"});
}
