#include <numbers>

#include <reel/models/initializers.h>
#include <reel/models/parameter_set.h>
#include <reel/train/optimizers.h>

#include "support.h"

using namespace reel;
using namespace reel::test;

namespace {

// Five updates from p = (1, -2, .5) with gradients (.1 k, -.3, .9 - .2 k), k = 1 to 5.
struct Run {
  ParameterSet set;
  Parameter p = set.add("p", {3}, init::values({1, -2, .5}));

  template <class T = double>
  std::vector<double> after_five(OptimizerRule rule, WeightDecay decay = {}, const Schedule& schedule = schedule::constant()) {
    auto values = set.initial<T>(1);
    Optimizer<T> optimizer(rule, set.all(), decay);
    for (Index k = 1; k <= 5; ++k) {
      const auto n = static_cast<double>(k);
      const Tensor<T> g = cast<T>(Tensor<double>(Shape{3}, {.1 * n, -.3, .9 - .2 * n}));
      const TensorView<const T> gradients[] = {g};
      const GradientEdit edits[1] = {};
      optimizer.update(values, gradients, edits, schedule(optimizer.updates()));
    }
    CHECK(optimizer.updates() == 5);
    return {values[p].begin(), values[p].end()};
  }
};

struct Row {
  std::string name;
  OptimizerRule rule;
  WeightDecay decay;
  std::vector<double> expected;
};

// From PyTorch 1.13 in float64 where it has the same rule; Adagrad by its formula, epsilon inside the root.
const Row kRows[] = {
    {"sgd", Sgd{.lr = .1}, {}, {.85, -1.85, .35}},
    {"momentum", Momentum{.lr = .1, .momentum = .9}, {}, {.682969, -1.605677, -.0489069999999999}},
    {"nesterov", Momentum{.lr = .1, .momentum = .8, .nesterov = true}, {}, {.6197152, -1.5727136, -.0212895999999999}},
    {"adagrad from 0", Adagrad{.lr = .1}, {}, {.5899293113837512, -1.676832945192643, .30888253262296506}},
    {"adagrad from .1", Adagrad{.lr = .1, .initial = .1}, {}, {.731708929160474, -1.7404763384401751, .3231503112359264}},
    {"adam", Adam{.lr = .05}, {}, {.757458465868005, -1.75000000833333, .282787210706581}},
    {"adam, other constants",
     Adam{.lr = .05, .beta1 = .7, .beta2 = .95, .epsilon = 1e-3},
     {},
     {.744274470134435, -1.75083056478405, .302819766102601}},
    {"sgd, coupled decay", Sgd{.lr = .1}, {.rate = .2}, {.7578612752, -1.6637227888, .3117230272}},
    {"sgd, decoupled decay", Sgd{.lr = .1}, {.rate = .2, .decoupled = true}, {.7578612752, -1.6637227888, .3117230272}},
    {"adam, coupled decay", Adam{.lr = .05}, {.rate = .2}, {.749922968323917, -1.75033872548227, .27670697392611}},
    {"adam, decoupled decay",
     Adam{.lr = .05},
     {.rate = .2, .decoupled = true},
     {.71328547483875, -1.65693035746832, .263032058349729}},
};

}  // namespace

TEST_CASE("optimizers: five updates, in double and float") {
  for (const Row& row : kRows) {
    CAPTURE(row.name);
    Run run;
    check_close(Tensor<double>(Shape{3}, run.after_five(row.rule, row.decay)), row.expected, 1e-13);
    check_close(Tensor<double>(Shape{3}, run.after_five<float>(row.rule, row.decay)), row.expected, 1e-6);
  }
}

TEST_CASE("optimizers: the schedule scales the rate, also of the decoupled decay") {
  Run run;
  const auto factor = schedule::exponential(.5);
  // p <- p (1 - lr f .2) - lr f g with f = 1, 1/2, 1/4, ...
  std::vector<double> expected = {1, -2, .5};
  for (int k = 1; k <= 5; ++k) {
    const double lr = .1 * std::pow(.5, k - 1), g[] = {.1 * k, -.3, .9 - .2 * k};
    for (std::size_t i = 0; i < 3; ++i) expected[i] -= lr * g[i] + lr * .2 * expected[i];
  }
  check_close(Tensor<double>(Shape{3}, run.after_five(Sgd{.lr = .1}, {.rate = .2, .decoupled = true}, factor)), expected, 1e-15);
}

TEST_CASE("optimizers: a gradient is scaled, then clamped, before the rule and the decay") {
  ParameterSet set;
  const Parameter p = set.add("p", {3}, init::values({1, 2, 3})), q = set.add("q", {1}, init::values({5}));
  auto values = set.initial<double>(1);
  Optimizer<double> optimizer(Sgd{.lr = 1}, set.all(), {.rate = .1});
  const Tensor<double> g(Shape{3}, {8, -.2, -40}), h(Shape{1}, {3});
  const TensorView<const double> gradients[] = {g, h};
  const GradientEdit edits[] = {{.scale = .5, .limit = 2}, {}};
  optimizer.update(values, gradients, edits);
  check_close(values[p], {1 - 2 - .1, 2 + .1 - .2, 3 + 2 - .3}, 1e-15);
  check_close(values[q], {5 - 3 - .5}, 1e-15);
}

TEST_CASE("optimizers: only the parameters it was made for are updated") {
  ParameterSet set;
  set.add("a", {1}, init::values({1}));
  const Parameter b = set.add("b", {1}, init::values({1}));
  auto values = set.initial<double>(1);
  Optimizer<double> optimizer(Adam{.lr = .1}, std::vector<Parameter>{b});
  const Tensor<double> g(Shape{1}, {2});
  const TensorView<const double> gradients[] = {g};
  const GradientEdit edits[1] = {};
  optimizer.update(values, gradients, edits);
  CHECK(values.at(0)[0] == 1);
  CHECK(values.at(1)[0] == doctest::Approx(.9));
}

TEST_CASE("optimizers: a gradient of 0 leaves an Adagrad parameter alone") {
  ParameterSet set;
  set.add("a", {1}, init::values({1}));
  auto values = set.initial<double>(1);
  Optimizer<double> optimizer(Adagrad{.lr = .1}, set.all());
  const Tensor<double> g(Shape{1});
  const TensorView<const double> gradients[] = {g};
  const GradientEdit edits[1] = {};
  optimizer.update(values, gradients, edits);
  CHECK(values.at(0)[0] == 1);
}

TEST_CASE("optimizers: refused settings") {
  struct Refused {
    OptimizerRule rule;
    WeightDecay decay;
    const char* what;
    const char* value;
  };
  const Refused rows[] = {
      {Sgd{.lr = -.5}, {}, "learning rate", "-0.5"},
      {Sgd{.lr = std::numeric_limits<double>::infinity()}, {}, "learning rate", "inf"},
      {Adam{.lr = std::numeric_limits<double>::quiet_NaN()}, {}, "learning rate", "nan"},
      {Momentum{.momentum = 1}, {}, "momentum", "1"},
      {Momentum{.momentum = -.25}, {}, "momentum", "-0.25"},
      {Adagrad{.epsilon = -1}, {}, "epsilon", "-1"},
      {Adagrad{.initial = -2}, {}, "initial", "-2"},
      {Adam{.beta1 = 1}, {}, "beta1", "1"},
      {Adam{.beta2 = -.5}, {}, "beta2", "-0.5"},
      {Adam{.epsilon = -3}, {}, "epsilon", "-3"},
      {Sgd{}, {.rate = -.125}, "weight decay", "-0.125"},
  };
  ParameterSet set;
  set.add("p", {3});
  for (const Refused& row : rows)
    check_throws<InputError>([&] { Optimizer<float>(row.rule, set.all(), row.decay); }, {row.what, row.value});
  CHECK_NOTHROW(Optimizer<float>(Sgd{.lr = 0}, set.all()));
}

TEST_CASE("schedules: factors by update") {
  struct Line {
    std::string name;
    Schedule schedule;
    std::vector<std::pair<Index, double>> factors;
  };
  const double quarter = 0.5 * (1 + std::cos(std::numbers::pi / 4));
  const Line lines[] = {
      {"constant", schedule::constant(), {{0, 1}, {1000, 1}}},
      {"step", schedule::step(10, .5), {{0, 1}, {9, 1}, {10, .5}, {19, .5}, {20, .25}}},
      {"exponential", schedule::exponential(.9), {{0, 1}, {1, .9}, {3, .729}}},
      {"cosine", schedule::cosine(100), {{0, 1}, {25, quarter}, {50, .5}, {100, 0}, {500, 0}}},
      {"cosine to a floor", schedule::cosine(100, .2), {{0, 1}, {50, .6}, {100, .2}, {101, .2}}},
      {"warmup", schedule::warmup(4, schedule::step(2, .1)), {{0, .25}, {2, .75}, {3, 1}, {4, 1}, {5, 1}, {6, .1}, {8, .01}}},
  };
  for (const Line& line : lines)
    for (const auto& at : line.factors) {
      CAPTURE(line.name);
      CAPTURE(at.first);
      CHECK(line.schedule(at.first) == doctest::Approx(at.second).epsilon(1e-12));
    }
}

TEST_CASE("schedules: refused lengths") {
  check_throws<InputError>([] { schedule::step(0, .5); }, {"schedule::step", "0"});
  check_throws<InputError>([] { schedule::cosine(-1); }, {"schedule::cosine", "-1"});
  check_throws<InputError>([] { schedule::warmup(0, schedule::constant()); }, {"schedule::warmup", "0"});
}
