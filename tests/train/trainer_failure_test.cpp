// A step happens whole or not at all: after one that throws, a Trainer goes on as if it had never been asked.
#include <reel/models/initializers.h>
#include <reel/models/parameter_set.h>
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

enum class Fault { nan, infinite_gradient, id, missing, shape };

Data broken(Fault fault, Index begin, Index T, Index rows) {
  const Data good = window(begin, T, rows);
  Tensor<double> x(Shape{T, rows, 2});  // zeros: what StreamTask::root has no finite gradient of
  Tensor<std::int32_t> y(Shape{T, rows});
  if (fault == Fault::id || fault == Fault::nan) std::ranges::fill(x, 1.0);
  if (fault == Fault::nan) x[x.size() - 1] = std::numeric_limits<double>::quiet_NaN();
  if (fault == Fault::id) y[y.size() - 1] = 2;
  if (fault == Fault::missing) return Data().add("x", x);
  if (fault == Fault::shape) y = Tensor<std::int32_t>(Shape{T + 1, rows});
  return Data().add("x", x).add("y", y);
}

template <class T>
void fail(Trainer<T>& trainer, Fault fault, Index begin, Index steps, Index rows = 2) {
  const Data data = broken(fault, begin, steps, rows);
  const auto attempt = [&] { trainer.step(data.bindings<T>(), steps); };
  switch (fault) {
    case Fault::nan:
      return check_throws<NumericError>(attempt, {"the loss is", "not updated", "[input]", "x["});
    case Fault::infinite_gradient:
      return check_throws<NumericError>(attempt, {"cell.", "not finite"});
    case Fault::id:
      return check_throws<InputError>(attempt, {"2"});
    case Fault::missing:
      return check_throws<InputError>(attempt, {"y"});
    case Fault::shape:
      return check_throws<InputError>(attempt, {"y"});
  }
}

const Fault kFaults[] = {Fault::nan, Fault::infinite_gradient, Fault::id, Fault::missing, Fault::shape};

}  // namespace

TEST_CASE("trainer failure: parameters, optimizer, state and masks are as before") {
  for (const OptimizerRule& rule : {OptimizerRule(Adam{}), OptimizerRule(Adagrad{}), OptimizerRule(Momentum{})})
    for (Fault fault : kFaults) {
      CAPTURE(static_cast<int>(fault));
      StreamTask task;
      task.root = true;
      task.dropout_rate = 0.2;
      Trainer<float> failing(task.builder<float>(), task.set, rule, ClipNorm{1}, one_thread());
      Trainer<float> twin(task.builder<float>(), task.set, rule, ClipNorm{1}, one_thread());
      for (Index w = 0; w < 6; ++w) {
        const std::string before = bits(failing);
        const Index updates = failing.updates();
        const double norm = failing.gradient_norm();
        fail(failing, fault, 4 * w, 4);
        CHECK(bits(failing) == before);
        CHECK(failing.updates() == updates);
        CHECK(failing.gradient_norm() == norm);
        CHECK(step(failing, 4 * w, 4) == step(twin, 4 * w, 4));
        CHECK(bits(failing) == bits(twin));
      }
    }
}

TEST_CASE("trainer failure: at another length than the steps around it") {
  for (Fault fault : kFaults) {
    CAPTURE(static_cast<int>(fault));
    StreamTask task;
    task.root = true;
    task.dropout_rate = 0.2;
    Trainer<double> failing(task.builder<double>(), task.set, Adam{}, {}, one_thread());
    Trainer<double> twin(task.builder<double>(), task.set, Adam{}, {}, one_thread());
    const Index lengths[] = {3, 5, 3, 3, 5, 5};
    for (Index w = 0; w < 6; ++w) {
      const Index T = lengths[w];
      fail(failing, fault, 5 * w, 8 - T);
      CHECK(step(failing, 5 * w, T) == step(twin, 5 * w, T));
      CHECK(bits(failing) == bits(twin));
    }
  }
}

TEST_CASE("trainer failure: a first step that failed does not fix the number of rows") {
  for (Fault fault : kFaults)
    for (Index T : {4, 3}) {
      CAPTURE(static_cast<int>(fault));
      CAPTURE(T);
      StreamTask task;
      task.root = true;
      Trainer<double> failing(task.builder<double>(), task.set, Adam{}, {}, one_thread());
      Trainer<double> twin(task.builder<double>(), task.set, Adam{}, {}, one_thread());
      fail(failing, fault, 0, 4, 7);
      CHECK(step(failing, 0, T, 2) == step(twin, 0, T, 2));
    }
}

TEST_CASE("trainer failure: a failed step does not undo a reset") {
  for (Fault fault : kFaults) {
    CAPTURE(static_cast<int>(fault));
    StreamTask task;
    task.root = true;
    Trainer<double> failing(task.builder<double>(), task.set, Adam{}, {}, one_thread());
    Trainer<double> twin(task.builder<double>(), task.set, Adam{}, {}, one_thread());
    for (Trainer<double>* trainer : {&failing, &twin}) {
      step(*trainer, 0, 4);
      step(*trainer, 4, 3);
      trainer->reset_state();
    }
    fail(failing, fault, 0, 4, 7);
    fail(failing, fault, 0, 3, 7);
    CHECK(step(failing, 8, 4) == step(twin, 8, 4));
    CHECK(step(failing, 12, 3) == step(twin, 12, 3));
  }
}

TEST_CASE("trainer failure: a failed evaluation leaves the evaluation's state") {
  StreamTask task;
  task.root = true;
  Trainer<double> failing(task.builder<double>(), task.set, Sgd{.lr = 0}, {}, one_thread());
  Trainer<double> twin(task.builder<double>(), task.set, Sgd{.lr = 0}, {}, one_thread());
  for (Index T : {3, 5, 5, 3}) {
    const Data data = broken(Fault::id, 0, 8 - T, 2);
    check_throws<InputError>([&] { failing.evaluate(data.bindings<double>(), 8 - T); }, {"2"});
    CHECK(evaluate(failing, 10, T) == evaluate(twin, 10, T));
  }
}

TEST_CASE("trainer failure: a gradient beyond all numbers is refused even when it would be clipped") {
  // w = 1e-100 and x = 1e250: E = 1/2 (w x)^2 = 5e299 is finite, and the gradient w x^2 is not.
  Tape tape;
  ParameterSet set;
  const Parameter w = set.add("w", {1}, init::values({1e-100}));
  const Var loss = half_squared_error(tape.input("x", {B, 1}) * w, 0.0);
  for (const Clip& rule : {Clip(), Clip(ClipValue{5}), Clip(ClipNorm{5})}) {
    Trainer<double> trainer(loss, set, Sgd{}, rule, one_thread());
    const Tensor<double> x(Shape{1, 1}, {1e250});
    check_throws<NumericError>([&] { trainer.step({{"x", x}}); }, {"w [1]", "not finite"});
    CHECK(trainer.get("w")[0] == 1e-100);
    CHECK(trainer.updates() == 0);
  }
}

TEST_CASE("trainer failure: a builder that throws is asked again the next time") {
  StreamTask task;
  task.root = true;
  int calls = 0;
  Trainer<double> trainer(
      [&](Tape& tape, Index steps) {
        if (++calls == 1) throw InputError("not yet");
        return task.record(tape, steps);
      },
      task.set, Adam{}, {}, one_thread());
  check_throws<InputError>([&] { step(trainer, 0, 4); }, {"not yet"});
  CHECK_NOTHROW(step(trainer, 0, 4));
  CHECK_NOTHROW(step(trainer, 4, 4));
  CHECK(calls == 2);
}

TEST_CASE("trainer failure: a wrong clipping limit is refused at once") {
  const StreamTask task;
  for (const Clip& rule : {Clip(ClipNorm{-1}), Clip(ClipValue{0}), Clip(ClipNormEach{std::nan("")})})
    check_throws<InputError>([&] { Trainer<double>(task.builder<double>(), task.set, Adam{}, rule, one_thread()); },
                             {"clipping", "positive"});
  check_throws<InputError>([&] { Trainer<float>(task.builder<float>(), task.set, Adam{}, ClipNorm{1e-50}, one_thread()); },
                           {"clipping", "0 in float"});
}
