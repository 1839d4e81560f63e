#include <reel/models/initializers.h>
#include <reel/models/layers.h>
#include <reel/models/parameter_set.h>
#include <reel/ops/arithmetic.h>
#include <reel/ops/loss.h>
#include <reel/train/clipping.h>
#include <reel/train/optimizers.h>
#include <reel/train/trainer.h>

#include "train/stream_task.h"

using namespace reel;
using namespace reel::test;

namespace {

// E = 1/2 sum (x w + b - y)^2 with w = (1, -2), b = .5, x = (1, 2), y = 4: the error is -6.5.
struct Line {
  Tape tape;
  ParameterSet set;
  Linear layer{set, "line", 2, 1, init::values({1, -2}), init::values({.5})};
  Var loss = half_squared_error(layer(tape.input("x", {B, 2})), tape.input("y", {B, 1}));
  Data data = Data().add("x", Tensor<double>(Shape{1, 2}, {1, 2})).add("y", Tensor<double>(Shape{1, 1}, {4}));
};

static_assert(std::same_as<decltype(Trainer(std::declval<Var>(), std::declval<const ParameterSet&>(), Sgd{})), Trainer<float>>);

template <class T>
void check_one_step() {
  Line line;
  Trainer<T> trainer(line.loss, line.set, Sgd{.lr = .1}, {}, one_thread());
  check_close(trainer.get("line.W"), {1, -2}, 0);
  CHECK(trainer.updates() == 0);
  CHECK(trainer.step(line.data.bindings<T>()) == doctest::Approx(6.5 * 6.5 / 2));
  check_close(trainer.get("line.W"), {1 + .65, -2 + 1.3}, 1e-6);
  check_close(trainer.get("line.b"), {.5 + .65}, 1e-6);
  CHECK(trainer.updates() == 1);
  CHECK(trainer.gradient_norm() == doctest::Approx(6.5 * std::sqrt(6.0)));
  // The error is now -6.5 + .65 + 2.6 + .65 = -2.6.
  CHECK(trainer.evaluate(line.data.bindings<T>()) == doctest::Approx(2.6 * 2.6 / 2));
  CHECK(trainer.step(line.data.bindings<T>()) == doctest::Approx(2.6 * 2.6 / 2));
  CHECK(trainer.updates() == 2);
}

}  // namespace

TEST_CASE("trainer: one step by hand, in float and double") {
  check_one_step<float>();
  check_one_step<double>();
}

TEST_CASE("trainer: clipping acts on the summed gradients, the norm is the one before") {
  struct Row {
    std::string name;
    Clip clip;
    std::vector<double> weights, bias;  // after one step of rate 1; the gradients are (-6.5, -13) and (-6.5)
  };
  const double whole = 6.5 * std::sqrt(6.0), weights = 6.5 * std::sqrt(5.0);
  const Row rows[] = {
      {"value", ClipValue{10}, {1 + 6.5, -2 + 10}, {.5 + 6.5}},
      {"norm", ClipNorm{1}, {1 + 6.5 / whole, -2 + 13 / whole}, {.5 + 6.5 / whole}},
      {"norm of each", ClipNormEach{7}, {1 + 7 * 6.5 / weights, -2 + 7 * 13 / weights}, {.5 + 6.5}},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    Line line;
    Trainer<double> trainer(line.loss, line.set, Sgd{.lr = 1}, row.clip, one_thread());
    trainer.step(line.data.bindings<double>());
    check_close(trainer.get("line.W"), row.weights, 1e-14);
    check_close(trainer.get("line.b"), row.bias, 1e-14);
    CHECK(trainer.gradient_norm() == doctest::Approx(whole));
  }
}

TEST_CASE("trainer: the schedule and the weight decay of the options are used") {
  Line line;
  // Rates 0, then 1 x .1; decoupled decay .5 takes .05 of a weight.
  TrainerOptions options = one_thread();
  options.schedule = [](Index update) { return update == 0 ? 0.0 : 1.0; };
  options.weight_decay = {.rate = .5, .decoupled = true};
  Trainer<double> trainer(line.loss, line.set, Sgd{.lr = .1}, {}, options);
  trainer.step(line.data.bindings<double>());
  check_close(trainer.get("line.W"), {1, -2}, 0);
  trainer.step(line.data.bindings<double>());
  check_close(trainer.get("line.W"), {1 + .65 - .05, -2 + 1.3 + .1}, 1e-14);
}

TEST_CASE("trainer: frozen parameters do not change") {
  Line line;
  line.set.freeze("line.W");
  Trainer<double> trainer(line.loss, line.set, Adam{.lr = .1}, {}, {.threads = ThreadPool(1), .weight_decay = {.rate = .1}});
  for (int i = 0; i < 5; ++i) trainer.step(line.data.bindings<double>());
  check_close(trainer.get("line.W"), {1, -2}, 0);
  CHECK(trainer.get("line.b")[0] != .5);
}

TEST_CASE("trainer: a parameter that the loss does not use stays") {
  Line line;
  line.set.add("unused", {2}, init::values({7, 8}));
  Trainer<double> trainer(line.loss, line.set, Sgd{.lr = .1}, {}, one_thread());
  trainer.step(line.data.bindings<double>());
  check_close(trainer.get("unused"), {7, 8}, 0);
}

TEST_CASE("trainer: get and set by name") {
  Line line;
  Trainer<double> trainer(line.loss, line.set, Sgd{.lr = .1}, {}, one_thread());
  trainer.step(line.data.bindings<double>());
  trainer.set("line.W", Tensor<double>(Shape{2, 1}, {1, -2}));
  trainer.set("line.b", Tensor<double>(Shape{1}, {.5}));
  // The next step sees them: nothing derived from the old numbers is left.
  CHECK(trainer.step(line.data.bindings<double>()) == doctest::Approx(6.5 * 6.5 / 2));
  check_throws<InputError>([&] { trainer.get("line.w"); }, {"\"line.w\"", "line.W", "line.b"});
  check_throws<InputError>([&] { trainer.set("w", Tensor<double>(Shape{2, 1})); }, {"\"w\"", "line.W"});
  check_throws<ShapeError>([&] { trainer.set("line.W", Tensor<double>(Shape{2})); }, {"line.W", "[2, 1]", "[2]"});
}

TEST_CASE("trainer: the seed decides how the parameters begin") {
  const StreamTask task;
  const auto begin = [&](std::uint64_t seed) {
    return bits(Trainer<float>(task.builder<float>(), task.set, Sgd{}, {}, {.seed = seed}));
  };
  CHECK(begin(4) == begin(4));
  CHECK(begin(4) != begin(5));
}

TEST_CASE("trainer: the summary tells of parameters, nodes and kernels") {
  const StreamTask task;
  Trainer<float> trainer(task.builder<float>(), task.set, Sgd{}, {}, one_thread());
  const std::string text = trainer.summary(3);
  for (const char* part : {"cell.U_i", "[2, 4]", "head.b", "all parameters", "tape nodes", "kernels"})
    CHECK_MESSAGE(text.find(part) != std::string::npos, part);
  CHECK(text.find(std::to_string(task.set.elements())) != std::string::npos);
  CHECK(text.find(std::to_string(trainer.plan(3).kernels()) + " kernels") != std::string::npos);
}

TEST_CASE("trainer: a loss that is no scalar is refused") {
  Tape tape;
  ParameterSet set;
  const Linear layer(set, "line", 2, 1);
  const Var y = layer(tape.input("x", {B, 2}));
  check_throws<ShapeError>([&] { Trainer<float>(y, set, Sgd{}); }, {"[B, 1]"});
}

TEST_CASE("trainer: refused options") {
  Line line;
  check_throws<InputError>([&] { Trainer<float>(line.loss, line.set, Sgd{.lr = -1}); }, {"learning rate"});
  check_throws<InputError>([&] { Trainer<float>(line.loss, line.set, Sgd{}, {}, {.weight_decay = {.rate = -1}}); },
                           {"weight decay"});
}

TEST_CASE("trainer: Adam learns a line in float as in double") {
  Line line;
  Trainer<double> fine(line.loss, line.set, Adam{.lr = .05}, {}, one_thread());
  Trainer<float> rough(line.loss, line.set, Adam{.lr = .05}, {}, one_thread());
  for (int i = 0; i < 300; ++i) {
    const double a = fine.step(line.data.bindings<double>()), b = rough.step(line.data.bindings<float>());
    if (i < 50) CHECK(b == doctest::Approx(a).epsilon(1e-4));
  }
  CHECK(fine.evaluate(line.data.bindings<double>()) < 1e-4);
  CHECK(rough.evaluate(line.data.bindings<float>()) < 1e-4);
}
