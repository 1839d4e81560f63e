#include <cmath>

#include <reel/data/text_corpus.h>
#include <reel/graph/mode.h>
#include <reel/models/initializers.h>
#include <reel/models/layers.h>
#include <reel/models/parameter_set.h>
#include <reel/ops/arithmetic.h>
#include <reel/ops/dropout.h>
#include <reel/ops/elementary.h>
#include <reel/ops/matmul.h>
#include <reel/ops/reduction.h>
#include <reel/train/optimizers.h>
#include <reel/train/trainer.h>

#include "support.h"

using namespace reel;
using namespace reel::test;

namespace {

// loss = sum(W x), with x [B, 1] bound.
struct OneWeight {
  ParameterSet set;
  Parameter W = set.add("W", {1, 1}, init::constant(1));
  Tape tape;
  Var loss = sum(matmul(tape.input("x", {B, 1}), W));
};

}  // namespace

TEST_CASE("trainer: a schedule that is not finite changes nothing") {
  OneWeight m;
  Trainer<double> trainer(m.loss, m.set, Sgd{.lr = .1}, {},
                          {.threads = ThreadPool(1), .schedule = [](Index) { return std::nan(""); }});
  const Tensor<double> x(Shape{1, 1}, {2});
  check_throws<NumericError>([&] { trainer.step({{"x", x}}); }, {"schedule", "update 0"});
  CHECK(trainer.get("W")[0] == 1);
}

TEST_CASE("trainer: a loss that is not finite changes nothing, even where the gradient is finite") {
  ParameterSet set;
  set.add("W", {1}, init::constant(1));
  Tape tape;
  const Var loss = sum(tape.input("x", {B, 1})) + sum(tape.parameter(set.find("W")));
  Trainer<double> trainer(loss, set, Sgd{.lr = .1}, {}, {.threads = ThreadPool(1)});
  const Tensor<double> x(Shape{1, 1}, {std::nan("")});
  check_throws<NumericError>([&] { trainer.step({{"x", x}}); }, {"loss is nan"});
  CHECK(trainer.get("W")[0] == 1);
  CHECK(trainer.updates() == 0);
}

TEST_CASE("optimizers: a rule that would divide 0 by 0 is refused") {
  OneWeight m;
  check_throws<InputError>([&] { Optimizer<double>(Adam{.epsilon = 0}, m.set.all()); }, {"epsilon must be positive"});
  check_throws<InputError>([&] { Optimizer<double>(Adagrad{.epsilon = 0}, m.set.all()); }, {"epsilon must be positive"});
  Optimizer<double>(Adagrad{.epsilon = 0, .initial = .1}, m.set.all());
}

TEST_CASE("trainer: a builder that is told the mode trains with dropout and evaluates without") {
  ParameterSet set;
  const Linear layer(set, "layer", 8, 1);
  const Builder builder = [&](Tape& tape, Index, Mode mode) {
    return sum(square(layer(dropout(tape.input("x", {B, 8}), .5, mode))));
  };
  Trainer<double> trainer(builder, set, Sgd{.lr = 0}, {}, {.threads = ThreadPool(1)});
  const Tensor<double> x(Shape{4, 8}, std::vector<double>(32, 1.0));
  const double first = trainer.evaluate({{"x", x}});
  CHECK(trainer.evaluate({{"x", x}}) == first);
  CHECK(trainer.step({{"x", x}}) != trainer.step({{"x", x}}));
}

TEST_CASE("vocabulary: ids outside it are refused") {
  const Vocabulary vocabulary("abc");
  const std::vector<std::int32_t> ids{0, 1, 100000};
  check_throws<InputError>([&] { (void)vocabulary.decode(ids); }, {"id 100000", "[0, 3)"});
  check_throws<InputError>([&] { (void)vocabulary.symbol(-1); }, {"id -1"});
}
