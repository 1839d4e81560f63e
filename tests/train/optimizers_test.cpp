
#include <reel/models/initializers.h>
#include <reel/models/parameter_set.h>
#include <reel/train/optimizers.h>
#include <reel/train/schedules.h>

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

TEST_CASE_TEMPLATE("optimizers: what has faded away is 0, and not a denormal number", T, float, double) {
  // A gradient that is denormal counts as none, and a moment that decays ends at 0.
  const auto tiny = static_cast<double>(std::numeric_limits<T>::denorm_min()) * 1000;
  for (const OptimizerRule& rule : {OptimizerRule(Sgd{1}), OptimizerRule(Momentum{1, .9}), OptimizerRule(Adam{.lr = 1})}) {
    ParameterSet set;
    set.add("p", {3}, init::zeros());
    ParameterValues<T> values = set.initial<T>(1);
    Optimizer<T> optimizer(rule, set.all());
    const Tensor<T> g(Shape{3}, {static_cast<T>(tiny), static_cast<T>(-tiny), T(0)});
    const TensorView<const T> gradients[] = {g};
    const GradientEdit none[] = {{}};
    for (int i = 0; i < 3; ++i) optimizer.update(values, gradients, none);
    for (T x : values.at(0)) CHECK(x == T(0));
  }
  ParameterSet set;
  set.add("p", {1}, init::zeros());
  ParameterValues<T> values = set.initial<T>(1);
  Optimizer<T> optimizer(Momentum{1, .5}, set.all());
  const Tensor<T> first(Shape{1}, {std::numeric_limits<T>::min() * T(4)}), zero(Shape{1});
  const TensorView<const T> begin[] = {first}, then[] = {zero};
  const GradientEdit none[] = {{}};
  optimizer.update(values, begin, none);
  for (int i = 0; i < 2; ++i) optimizer.update(values, then, none);
  const T reached = values.at(0)[0];
  CHECK(reached == -std::numeric_limits<T>::min() * T(7));
  for (int i = 0; i < 5; ++i) optimizer.update(values, then, none);
  CHECK(values.at(0)[0] == reached);
}

TEST_CASE("optimizers: numbers that are others in the parameters' type are refused") {
  struct Row {
    OptimizerRule rule;
    WeightDecay decay;
    std::vector<const char*> says;
  };
  const double kInfinite = std::numeric_limits<double>::infinity(), kNone = std::numeric_limits<double>::quiet_NaN();
  ParameterSet set;
  set.add("p", {2});
  const Row in_float[] = {{Adam{.epsilon = 1e-46}, {}, {"epsilon", "1e-46", "0 in float"}},
                          {Adam{.lr = 1e39}, {}, {"learning rate", "1e+39", "infinite in float"}},
                          {Sgd{1e-60}, {}, {"learning rate", "0 in float"}},
                          {Adam{.beta1 = 1 - 1e-12}, {}, {"beta1", "1 in float"}},
                          {Adam{.beta2 = 1 - 1e-12}, {}, {"beta2", "1 in float"}},
                          {Momentum{.1, 1 - 1e-12}, {}, {"momentum", "1 in float"}},
                          {Adagrad{.epsilon = 1e-50}, {}, {"epsilon", "0 in float"}},
                          {Adagrad{.initial = 1e40}, {}, {"initial", "infinite in float"}},
                          {Sgd{}, {.rate = 1e60}, {"weight decay", "infinite in float"}}};
  for (const Row& row : in_float) {
    CAPTURE(row.says[0]);
    const auto message = [&] {
      try {
        Optimizer<float>(row.rule, set.all(), row.decay);
      } catch (const InputError& e) {
        return std::string(e.what());
      }
      return std::string();
    }();
    for (const char* part : row.says) CHECK_MESSAGE(message.find(part) != std::string::npos, message, " lacks ", part);
    Optimizer<double>(row.rule, set.all(), row.decay);  // which double can hold
  }
  for (const double bad : {kInfinite, kNone, -1.0}) {
    check_throws<InputError>([&] { Optimizer<double>(Sgd{bad}, set.all()); }, {"learning rate", "finite"});
    check_throws<InputError>([&] { Optimizer<double>(Sgd{}, set.all(), {.rate = bad}); }, {"weight decay", "finite"});
    check_throws<InputError>([&] { Optimizer<double>(Adam{.epsilon = bad}, set.all()); }, {"epsilon"});
  }
}

TEST_CASE("optimizers: a rate that the schedule makes too large changes nothing") {
  ParameterSet set;
  set.add("p", {1}, init::zeros());
  ParameterValues<float> values = set.initial<float>(1);
  Optimizer<float> optimizer(Adam{.lr = 1e20}, set.all());
  const Tensor<float> g(Shape{1}, {1});
  const TensorView<const float> gradients[] = {g};
  const GradientEdit none[] = {{}};
  check_throws<NumericError>([&] { optimizer.update(values, gradients, none, 1e20); }, {"1e+20", "not finite in float"});
  CHECK(optimizer.updates() == 0);
  CHECK(values.at(0)[0] == 0);
}
