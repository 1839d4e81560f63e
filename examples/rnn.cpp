// Elman and Jordan networks: the slides' Examples 1 to 3, and the toy memory problem with its theoretical levels.
#include <cmath>

#include "common/program.h"

#include <reel/reel.h>

using namespace reel;

namespace {

struct Settings {
  std::vector<int> examples;
  bool toy = false;
  Index iterations = 5000, steps = 10, units = 16, epochs = 4;
  program::Common common;
};

void set_all(const ParameterSet& set, ParameterValues<double>& values,
             const std::vector<std::pair<const char*, std::vector<double>>>& numbers) {
  for (const auto& [name, list] : numbers) set_values(set, values, name, Tensor<double>(set.find(name).shape(), list).view());
}

// ---- Example 1: Elman 2-3-2, sigmoid output ----
void example1() {
  ParameterSet set;
  const Elman cell(set, "cell", 2, 3);
  const Linear out(set, "out", 3, 2);
  auto values = set.initial<double>(1);
  set_all(set, values,
          {{"cell.U", {-1, .5, .2, .5, .1, -2}},
           {"cell.W", {2, 1.3, -1, 1.5, 0, -.5, -.2, 1.5, .4}},
           {"cell.b", {.2, .2, .2}},
           {"out.W", {2, -1, -1.5, .5, .2, .8}},
           {"out.b", {.5, .1}}});
  Tape tape;
  const Sequence x = tape.input("x", 4, {B, 2});
  const auto run = unroll(cell, x, zero_state(tape, cell));
  const Sequence y = map_steps(run.outputs, [&](Var h) { return sigmoid(out(h)); });
  const Tensor<double> data(Shape{4, 1, 2}, {1, 2, -1, 1, 0, 3, 2, -1});
  const auto plan = compile<double>(tape, y);
  Workspace<double> workspace(plan, &values);
  plan.run(workspace, {{"x", data}});
  fmt::print("Example 1: Elman 2-3-2\n");
  for (std::size_t t = 0; t < y.size(); ++t) {
    const auto v = workspace.value(y[t]);
    fmt::print("  t = {}: y = {:.6f} {:.6f}\n", t + 1, v[0], v[1]);
  }
}

// ---- Example 2: Jordan 2-3-1, a batch of two, sigmoid output ----
void example2() {
  ParameterSet set;
  const Jordan cell(set, "cell", 2, 3, 1, sigmoid);
  auto values = set.initial<double>(1);
  set_all(set, values,
          {{"cell.U", {-1, .5, .2, .5, .1, -2}},
           {"cell.W", {2, 1.3, -1}},
           {"cell.b", {.2, .2, .2}},
           {"cell.V", {2, -1.5, .2}},
           {"cell.c", {.1}}});
  Tape tape;
  const Sequence x = tape.input("x", 3, {B, 2});
  const Sequence y = unroll(cell, x, zero_state(tape, cell)).outputs;
  const Tensor<double> data(Shape{3, 2, 2}, {1, 2, -1, 0, -1, 1, 2, -1, 0, 3, 3, -1});
  const auto plan = compile<double>(tape, y);
  Workspace<double> workspace(plan, &values);
  plan.run(workspace, {{"x", data}});
  fmt::print("Example 2: Jordan 2-3-1, two sequences\n");
  for (std::size_t t = 0; t < y.size(); ++t)
    fmt::print("  t = {}: y = {:.6f}   {:.6f}\n", t + 1, workspace.value(y[t])[0], workspace.value(y[t])[1]);
}

// ---- Example 3: 16 sequences of 64 steps with random labels ----
void example3(const Settings& s) {
  constexpr Index T = 64, N = 16, I = 8, H = 5, classes = 3;
  RandomStream random(s.common.seed, 1u << 20);
  Tensor<float> x(Shape{T, N, I});
  for (float& v : x) v = static_cast<float>(random.uniform());
  Tensor<std::int32_t> y(Shape{T, N});
  for (std::int32_t& v : y) v = static_cast<std::int32_t>(random.below(classes));

  ParameterSet set;
  const Elman cell(set, "cell", I, H, {.weights = init::truncated_normal()});
  const Linear head(set, "head", H, classes, init::truncated_normal());
  Tape tape;
  const Sequence input = tape.input("x", T, {B, I});
  const Sequence logits = map_steps(unroll(cell, input, zero_state(tape, cell)).outputs, head);
  const Var loss = cross_entropy(logits, tape.ids("y", T, {B}));
  Trainer<float> trainer(loss, set, Adam{.lr = 1e-4}, {}, {.seed = s.common.seed, .threads = s.common.make_threads()});
  fmt::print("Example 3: Elman, 16 sequences of 64 steps, random labels\n");
  for (Index i = 0; i <= s.iterations && !program::interrupted(); ++i) {
    const double l = trainer.step({{"x", x}, {"y", y}});
    if (i % std::max<Index>(s.iterations / 10, 1) == 0) fmt::print("  {:>6} iterations: mean cross-entropy {:.4f}\n", i, l);
  }
  std::vector<Var> guesses;
  for (const Var& z : logits) guesses.push_back(argmax(z));
  const auto plan = compile<float>(tape, guesses);
  Workspace<float> workspace(plan, &trainer.parameters());
  plan.run(workspace, {{"x", x}});
  std::string truth, predicted;
  for (Index t = 0; t < T; ++t) {
    truth += static_cast<char>('0' + y[t * N]);
    predicted += static_cast<char>('0' + workspace.ids(guesses[static_cast<std::size_t>(t)])[0]);
  }
  fmt::print("  first sequence, true      {}\n  first sequence, predicted {}\n", truth, predicted);
}

// ---- the toy memory problem ----

// P(Y_t = 1) = .5, + .5 if X_(t-3) = 1, - .25 if X_(t-8) = 1.
double mean_entropy(bool knows3, bool knows8) {
  const auto entropy = [](double p) { return p <= 0 || p >= 1 ? 0 : -p * std::log(p) - (1 - p) * std::log(1 - p); };
  double total = 0;
  for (double x3 : {0., 1.})
    for (double x8 : {0., 1.}) total += entropy(.5 + .5 * (knows3 ? x3 : .5) - .25 * (knows8 ? x8 : .5)) / 4;
  return total;
}

struct Points {
  Tensor<std::int32_t> x, y;  // [count]
};

Points draw_points(Index count, RandomStream& random) {
  Points p{Tensor<std::int32_t>(Shape{count}), Tensor<std::int32_t>(Shape{count})};
  for (Index t = 0; t < count; ++t) {
    p.x[t] = static_cast<std::int32_t>(random.below(2));
    const double chance = .5 + (t >= 3 && p.x[t - 3] ? .5 : 0) - (t >= 8 && p.x[t - 8] ? .25 : 0);
    p.y[t] = random.uniform() < chance;
  }
  return p;
}

void toy(const Settings& s) {
  constexpr Index N = 200, points = 1'000'000;
  ParameterSet set;
  const Elman cell(set, "cell", 2, s.units, {.weights = init::glorot()});
  const Linear head(set, "head", s.units, 2);
  Tape tape;
  const Sequence ids = tape.ids("x", s.steps, {B});
  const Sequence x = map_steps(ids, [](Var id) { return one_hot(id, 2); });
  const Sequence h = unroll(cell, x, carried_state(tape, cell, "state")).outputs;
  const Var loss = cross_entropy(map_steps(h, head), tape.ids("y", s.steps, {B}));
  Trainer<float> trainer(loss, set, Adagrad{.lr = .1}, {}, {.seed = s.common.seed, .threads = s.common.make_threads()});
  fmt::print("toy memory problem: {} steps, {} units\n", s.steps, s.units);

  RandomStream random(s.common.seed, 1u << 20);
  const Index windows = points / N / s.steps, stretch = points / N;
  Tensor<std::int32_t> wx(Shape{s.steps, N}), wy(Shape{s.steps, N});
  double last = 0;
  program::Progress progress(s.epochs * windows);
  for (Index epoch = 0; epoch < s.epochs && !program::interrupted(); ++epoch) {
    const Points p = draw_points(points, random);
    trainer.reset_state();
    double recent = 0;
    const Index counted = std::min<Index>(windows, 100);
    for (Index w = 0; w < windows && !program::interrupted(); ++w) {
      for (Index t = 0; t < s.steps; ++t)
        for (Index b = 0; b < N; ++b) {
          wx[t * N + b] = p.x[b * stretch + w * s.steps + t];
          wy[t * N + b] = p.y[b * stretch + w * s.steps + t];
        }
      const double l = trainer.step({{"x", wx}, {"y", wy}});
      if (w >= windows - counted) recent += l / static_cast<double>(counted);
      progress.update(epoch * windows + w + 1, [&] { return fmt::format("  epoch {}  loss {:.4f}", epoch, l); });
    }
    progress.finish();
    if (program::interrupted()) return;
    last = recent;
    fmt::print("  epoch {}: mean cross-entropy of the last {} windows {:.4f}\n", epoch, counted, recent);
  }
  fmt::print(
      "  reached                     {:.6f}\n  learns nothing              {:.6f}\n  learns the first dependency {:.6f}\n  "
      "learns both                 {:.6f}\n",
      last, mean_entropy(false, false), mean_entropy(true, false), mean_entropy(true, true));
}

}  // namespace

int main(int argc, char** argv) {
  Settings s;
  CLI::App app("Elman and Jordan networks: the slides' examples and the toy memory problem.", "rnn");
  app.add_option("--example", s.examples, "Examples to run: 1, 2 or 3; by default all of them and the toy problem")
      ->check(CLI::Range(1, 3));
  app.add_flag("--toy", s.toy, "The toy memory problem");
  app.add_option("--iterations", s.iterations, "Of Example 3")
      ->check(CLI::Range(Index{0}, Index{1} << 40))
      ->capture_default_str();
  app.add_option("--steps", s.steps, "Of a window of the toy problem")->check(CLI::Range(1, 1000))->capture_default_str();
  app.add_option("--units", s.units, "Hidden units for the toy problem")->check(CLI::Range(1, 4096))->capture_default_str();
  app.add_option("--epochs", s.epochs, "Of 1,000,000 points of the toy problem")
      ->check(CLI::Range(1, 100000))
      ->capture_default_str();
  program::add_common(app, s.common);
  return program::run(app, argc, argv, [&] {
    if (s.examples.empty() && !s.toy) s.examples = {1, 2, 3}, s.toy = true;
    for (int e : s.examples) {
      if (e == 1) example1();
      if (e == 2) example2();
      if (e == 3) example3(s);
    }
    if (s.toy && !program::interrupted()) toy(s);
  });
}
