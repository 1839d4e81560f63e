// What a Trainer carries from step to step, for one sequence length and for several.
#include <reel/ops/arithmetic.h>
#include <reel/ops/elementary.h>
#include <reel/ops/loss.h>
#include <reel/train/clipping.h>
#include <reel/train/optimizers.h>
#include <reel/train/trainer.h>

#include "train/stream_task.h"

using namespace reel;
using namespace reel::test;

namespace {

// Losses of the windows of the given lengths, one after the other.
template <class T>
std::vector<double> losses(Trainer<T>& trainer, const std::vector<Index>& lengths, Index begin = 0) {
  std::vector<double> all;
  for (Index T_ : lengths) {
    all.push_back(step(trainer, begin, T_));
    begin += T_;
  }
  return all;
}

}  // namespace

TEST_CASE("trainer state: windows of any lengths add up to one long window") {
  // A rate of 0 keeps the parameters, so that only the carried state connects the windows.
  StreamTask task;
  task.reduction = Reduction::sum;
  Trainer<double> whole(task.builder<double>(), task.set, Sgd{.lr = 0}, {}, one_thread());
  const double expected = step(whole, 0, 24);
  for (const std::vector<Index>& lengths : {std::vector<Index>{3, 5, 3, 1, 12}, {12, 12}, {1, 2, 1, 2, 18}, {24}}) {
    Trainer<double> trainer(task.builder<double>(), task.set, Sgd{.lr = 0}, {}, one_thread());
    double sum = 0;
    for (double loss : losses(trainer, lengths)) sum += loss;
    CHECK(sum == doctest::Approx(expected).epsilon(1e-13));
    Index begin = 0;
    sum = 0;
    for (Index T : lengths) {
      sum += evaluate(trainer, begin, T);
      begin += T;
    }
    CHECK(sum == doctest::Approx(expected).epsilon(1e-13));
  }
}

TEST_CASE("trainer state: a builder of one length equals a recorded loss") {
  const StreamTask task;
  Tape tape;
  Trainer<float> recorded(task.record(tape, 4), task.set, Adam{}, {}, one_thread());
  Trainer<float> built(task.builder<float>(), task.set, Adam{}, {}, one_thread());
  for (Index w = 0; w < 8; ++w) CHECK(step(recorded, 4 * w, 4) == step(built, 4 * w, 4));
  CHECK(bits(recorded) == bits(built));
}

TEST_CASE("trainer state: learning with lengths in turn equals one plan per length with the state moved by hand") {
  const StreamTask task;
  Trainer<double> trainer(task.builder<double>(), task.set, Adam{.lr = .01}, ClipNorm{1}, one_thread());
  struct OneLength {
    Tape tape;
    Var loss;
    std::vector<Var> outputs;
    std::optional<Plan<double>> plan;
    std::optional<Workspace<double>> workspace;
  };
  auto values = task.set.initial<double>(1);
  Optimizer<double> optimizer(Adam{.lr = .01}, task.set.all());
  OneLength models[2];
  const Index lengths[] = {3, 5};
  for (std::size_t m = 0; m < 2; ++m) {
    OneLength& model = models[m];
    model.loss = task.record(model.tape, lengths[m]);
    model.outputs = gradients(model.loss, task.set.all());
    model.outputs.push_back(model.loss);
    model.plan = compile<double>(model.tape, model.outputs);
    model.workspace.emplace(*model.plan, &values);
  }
  Index begin = 0;
  for (int n = 0; n < 12; ++n) {
    const std::size_t m = n % 3 == 2 ? 1 : 0;  // 3, 3, 5, 3, 3, 5, ...
    OneLength& model = models[m];
    const Data data = window(begin, lengths[m]);
    model.plan->run(*model.workspace, data.bindings<double>());
    std::vector<TensorView<const double>> g;
    for (std::size_t k = 0; k + 1 < model.outputs.size(); ++k) g.push_back(model.workspace->value(model.outputs[k]));
    optimizer.update(values, g, clip<double>(ClipNorm{1}, task.set.all(), g).edits);
    CHECK(step(trainer, begin, lengths[m]) == model.workspace->value(model.loss)[0]);
    for (const char* name : {"state.h", "state.c"}) models[1 - m].workspace->set_carried(name, model.workspace->carried(name));
    begin += lengths[m];
  }
  for (Index i = 0; i < values.size(); ++i)
    check_close(trainer.parameters().at(i), {values.at(i).begin(), values.at(i).end()}, 0);
}

TEST_CASE("trainer state: evaluate disturbs nothing of training") {
  StreamTask task;
  task.dropout_rate = 0.3;
  Trainer<float> quiet(task.builder<float>(), task.set, Adam{}, {}, one_thread());
  Trainer<float> disturbed(task.builder<float>(), task.set, Adam{}, {}, one_thread());
  for (Index w = 0; w < 10; ++w) {
    evaluate(disturbed, 500 + w, 1 + w % 4, 3);
    disturbed.reset_evaluation();
    const Index T = w % 3 == 0 ? 2 : 4;
    CHECK(step(quiet, 4 * w, T) == step(disturbed, 4 * w, T));
  }
  CHECK(bits(quiet) == bits(disturbed));
  CHECK(disturbed.updates() == 10);
}

TEST_CASE("trainer state: evaluation carries a state of its own") {
  const StreamTask task;
  Trainer<double> trainer(task.builder<double>(), task.set, Sgd{.lr = 0}, {}, one_thread());
  const double first = evaluate(trainer, 0, 4);
  step(trainer, 100, 4);
  const double second = evaluate(trainer, 0, 4);
  CHECK(first != second);
  trainer.reset_evaluation();
  CHECK(evaluate(trainer, 0, 4) == first);
  CHECK(evaluate(trainer, 0, 4) == second);
  trainer.reset_state();  // of training only
  CHECK(evaluate(trainer, 0, 4) != first);
}

TEST_CASE("trainer state: reset_state begins anew, also with another length or number of rows") {
  const StreamTask task;
  struct Next {
    Index steps, rows;
  };
  for (const Next& next : {Next{4, 2}, {3, 2}, {4, 5}, {3, 5}}) {
    CAPTURE(next.steps);
    CAPTURE(next.rows);
    Trainer<double> used(task.builder<double>(), task.set, Sgd{.lr = 0}, {}, one_thread());
    Trainer<double> fresh(task.builder<double>(), task.set, Sgd{.lr = 0}, {}, one_thread());
    losses(used, {3, 4, 4});
    used.reset_state();
    CHECK(step(used, 50, next.steps, next.rows) == step(fresh, 50, next.steps, next.rows));
  }
}

TEST_CASE("trainer state: reset_evaluation begins anew, also with another length") {
  const StreamTask task;
  Trainer<double> trainer(task.builder<double>(), task.set, Sgd{.lr = 0}, {}, one_thread());
  const double first = evaluate(trainer, 0, 3);
  evaluate(trainer, 3, 4);
  trainer.reset_evaluation();
  CHECK(evaluate(trainer, 0, 3) == first);
  trainer.reset_evaluation();
  CHECK_NOTHROW(evaluate(trainer, 0, 4, 5));
}

TEST_CASE("trainer state: another number of rows needs a reset") {
  const StreamTask task;
  Trainer<double> trainer(task.builder<double>(), task.set, Sgd{.lr = 0}, {}, one_thread());
  step(trainer, 0, 4, 2);
  check_throws<InputError>([&] { step(trainer, 4, 4, 3); }, {"state.h", "2 rows", "3"});
  check_throws<InputError>([&] { step(trainer, 4, 5, 3); }, {"state.h", "2 rows", "3"});
  CHECK_NOTHROW(step(trainer, 4, 4, 2));
}

TEST_CASE("trainer state: dropout draws new masks at every step, whatever the lengths and resets") {
  StreamTask task;
  task.dropout_rate = 0.5;
  Trainer<double> trainer(task.builder<double>(), task.set, Sgd{.lr = 0}, {}, one_thread());
  std::vector<double> seen;
  for (Index T : {3, 3, 4, 3, 4, 4, 3}) {
    trainer.reset_state();
    if (T == 3)
      seen.push_back(step(trainer, 0, T));
    else
      step(trainer, 0, T);
  }
  std::ranges::sort(seen);
  CHECK(std::ranges::adjacent_find(seen) == seen.end());
}

TEST_CASE("trainer state: dropout masks depend on how many steps were made, not on their lengths") {
  StreamTask task;
  task.dropout_rate = 0.5;
  std::vector<double> seen;
  for (Index first : {3, 4}) {
    Trainer<double> trainer(task.builder<double>(), task.set, Sgd{.lr = 0}, {}, one_thread());
    step(trainer, 0, first);
    trainer.reset_state();
    seen.push_back(step(trainer, 0, 4));
  }
  CHECK(seen[0] == seen[1]);
}

TEST_CASE("trainer state: dropout masks depend on the seed") {
  for (double rate : {0.0, 0.5}) {
    CAPTURE(rate);
    StreamTask task;
    task.dropout_rate = rate;
    Trainer<double> one(task.builder<double>(), task.set, Sgd{}, {}, {.seed = 1, .threads = ThreadPool(1)});
    Trainer<double> two(task.builder<double>(), task.set, Sgd{}, {}, {.seed = 2, .threads = ThreadPool(1)});
    for (const Parameter& p : task.set.all()) two.set(p.name(), one.get(p.name()));
    CHECK((step(one, 0, 4) == step(two, 0, 4)) == (rate == 0));
  }
}
