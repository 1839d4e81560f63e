// What cannot be meant is refused, with words that say what to do instead.
#include <reel/graph/structural.h>
#include <reel/models/initializers.h>
#include <reel/models/layers.h>
#include <reel/models/parameter_set.h>
#include <reel/models/unroll.h>
#include <reel/ops/arithmetic.h>
#include <reel/ops/dropout.h>
#include <reel/ops/elementary.h>
#include <reel/ops/loss.h>
#include <reel/ops/matmul.h>
#include <reel/ops/reduction.h>
#include <reel/train/trainer.h>

#include "train/stream_task.h"

using namespace reel;
using namespace reel::test;

namespace {

// y = w x for each step; the loss is the mean squared error.
struct Line {
  ParameterSet set;
  Parameter w = set.add("w", {1, 1}, init::zeros());
  Var record(Tape& tape, Index steps) const {
    const Sequence x = tape.input("x", steps, {B, 1}), y = tape.input("y", steps, {B, 1});
    std::vector<Var> errors{tape.zeros({B, 1})};
    for (Index t = 0; t < steps; ++t) {
      const auto i = static_cast<std::size_t>(t);
      errors.push_back(square(matmul(x[i], w) - y[i]));
    }
    return mean(accumulate(errors));
  }
  Builder builder() const {
    return [this](Tape& tape, Index steps) { return record(tape, steps); };
  }
};

Tensor<double> ramp(Index steps, Index rows, double slope) {
  Tensor<double> t(Shape{steps, rows, 1});
  for (Index i = 0; i < t.size(); ++i) t[i] = slope * static_cast<double>(i % 3 + 1);
  return t;
}

}  // namespace

TEST_CASE("trainer misuse: without steps the bound sequences say how many there are") {
  const Line line;
  Trainer<double> trainer(line.builder(), line.set, Sgd{.01}), told(line.builder(), line.set, Sgd{.01});
  for (Index steps : {3, 5, 3}) {
    const Tensor<double> x = ramp(steps, 2, 1), y = ramp(steps, 2, 2);
    CHECK(trainer.step({{"x", x}, {"y", y}}) == told.step({{"x", x}, {"y", y}}, steps));
    CHECK(trainer.get("w")[0] == told.get("w")[0]);
    CHECK(trainer.evaluate({{"x", x}, {"y", y}}) == told.evaluate({{"x", x}, {"y", y}}, steps));
  }
  CHECK(trainer.get("w")[0] > 0);
  const Tensor<double> x = ramp(3, 2, 1), longer = ramp(4, 2, 1);
  check_throws<InputError>([&] { trainer.step({{"x", x}, {"y", longer}}); }, {"sequence x has 3 steps", "y has 4"});
  check_throws<InputError>([&] { trainer.step(std::span<const Binding>()); }, {"how many steps", "x, y"});
}

TEST_CASE("trainer misuse: steps for a loss that is recorded already") {
  const Line line;
  Tape tape;
  Trainer<double> trainer(line.record(tape, 2), line.set, Sgd{.01});
  const Tensor<double> x = ramp(2, 2, 1);
  check_throws<InputError>([&] { trainer.step({{"x", x}, {"y", x}}, 3); }, {"3 steps", "recorded already"});
  check_throws<InputError>([&] { trainer.evaluate({{"x", x}, {"y", x}}, 1); }, {"1 steps", "recorded already"});
  trainer.step({{"x", x}, {"y", x}});
  trainer.step({{"x", x}, {"y", x}}, 2);  // as it is
}

TEST_CASE("trainer misuse: a name that no input has") {
  const Line line;
  Trainer<double> trainer(line.builder(), line.set, Sgd{.01});
  const Tensor<double> x = ramp(2, 2, 1);
  check_throws<InputError>([&] { trainer.step({{"x", x}, {"y", x}, {"z", x}}, 2); }, {"\"z\"", "x [T=2, B, 1]", "y [T=2, B, 1]"});
  check_throws<InputError>([&] { trainer.evaluate({{"x", x}, {"y", x}, {"Y", x}}, 2); }, {"\"Y\""});
}

TEST_CASE("trainer misuse: nothing to learn") {
  Line line;
  line.set.add("v", {1}, init::zeros());
  const Builder other = [&line](Tape& tape, Index) { return sum(square(tape.parameter(line.set.find("v")))); };
  line.set.freeze("w");
  Trainer<double> only_v(other, line.set, Sgd{.01});
  check_throws<InputError>(
      [&] {
        Trainer<double>(line.builder(), line.set, Sgd{}).step({{"x", ramp(1, 1, 1)}, {"y", ramp(1, 1, 1)}});
      },
      {"no parameter that is trained"});
  Tape tape;
  check_throws<InputError>([&] { Trainer<double>(line.record(tape, 2), line.set, Sgd{}); }, {"no parameter that is trained"});
  line.set.freeze("v");
  check_throws<InputError>([&] { Trainer<double>(line.builder(), line.set, Sgd{}); }, {"frozen"});
  check_throws<InputError>([&] { Trainer<double>(line.builder(), ParameterSet(), Sgd{}); }, {"no parameters"});
}

TEST_CASE("trainer misuse: what was frozen after it was made") {
  Line line;
  Trainer<double> trainer(line.builder(), line.set, Sgd{.01});
  const Tensor<double> x = ramp(2, 2, 1);
  line.set.freeze("w", false);  // as it was
  trainer.step({{"x", x}, {"y", x}});
  line.set.freeze("w");
  check_throws<InputError>([&] { trainer.step({{"x", x}, {"y", x}}); }, {"frozen", "make another"});
}

TEST_CASE("trainer misuse: an empty batch is no update") {
  const Line line;
  Trainer<double> trainer(line.builder(), line.set, Sgd{.01});
  const Tensor<double> none(Shape{2, 0, 1});
  check_throws<InputError>([&] { trainer.step({{"x", none}, {"y", none}}); }, {"no rows", "B = 0"});
  CHECK(trainer.updates() == 0);
  CHECK(trainer.evaluate({{"x", none}, {"y", none}}) == 0);
}

TEST_CASE("trainer misuse: empty functions") {
  const Line line;
  check_throws<InputError>([&] { Trainer<double>(Builder(), line.set, Sgd{}); }, {"builder is empty"});
  check_throws<InputError>([] { Builder(std::function<Var(Tape&, Index)>()); }, {"Builder", "empty"});
  check_throws<InputError>([&] { Trainer<double>(Var(), line.set, Sgd{}); }, {"empty Var"});
}

TEST_CASE("trainer misuse: an evaluation that would be a matter of chance") {
  const StreamTask task;
  const Builder plain = [&task](Tape& tape, Index steps) {
    const Sequence x = tape.input("x", steps, {B, 2});
    return mean(square(dropout(task.head(unroll(task.cell, x, zero_state(tape, task.cell)).outputs.back()), .5, Mode::training)));
  };
  Trainer<double> trainer(plain, task.set, Sgd{.01});
  const Tensor<double> x(Shape{2, 3, 2});
  trainer.step({{"x", x}});
  check_throws<InputError>([&] { trainer.evaluate({{"x", x}}); }, {"dropout_mask", "Mode"});
}

TEST_CASE("trainer misuse: numbers that are not finite are traced to where they began") {
  ParameterSet set;
  const Parameter w = set.add("w", {2}, init::constant(1));
  Tape tape;
  const Var x = tape.input("x", {B, 2});
  const Var logarithm = log(x * w);
  Trainer<double> trainer(mean(square(logarithm)), set, Sgd{.01});
  const Tensor<double> good(Shape{2, 2}, {1, 2, 3, 4}), bad(Shape{2, 2}, {1, 2, -3, 4}),
      nan(Shape{2, 2}, {1, std::nan(""), 3, 4});
  trainer.step({{"x", good}});
  const double before = trainer.get("w")[0];
  check_throws<NumericError>(
      [&] {
        trainer.step({{"x", bad}});
      },
      {"the loss is", "not updated", "[log] element 2", "trainer_misuse"});
  check_throws<NumericError>([&] { trainer.step({{"x", nan}}); }, {"the loss is", "[input] element 1 of x"});
  check_throws<NumericError>([&] { trainer.evaluate({{"x", bad}}); }, {"[log] element 2"});
  CHECK(trainer.get("w")[0] == before);
  CHECK(trainer.updates() == 1);
}

TEST_CASE("trainer misuse: in two threads at once") {
  const Line line;
  Trainer<double>* inner = nullptr;
  const Tensor<double> x = ramp(1, 1, 1);
  // A builder that is called while the Trainer is at work, as another thread would.
  const Builder reentrant = [&](Tape& tape, Index steps) {
    if (inner) check_throws<InputError>([&] { inner->step({{"x", x}, {"y", x}}, 1); }, {"the Trainer is in use"});
    return line.record(tape, steps);
  };
  Trainer<double> trainer(reentrant, line.set, Sgd{.01});
  inner = &trainer;
  trainer.step({{"x", x}, {"y", x}}, 1);
  CHECK(trainer.updates() == 1);
}
