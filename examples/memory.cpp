// How far back recurrent networks remember: the toy memory problem with its theoretical levels, and the norm of the gradient
// against the distance that it travels back in time.
#include <cmath>
#include <numeric>
#include <utility>

#include "common/adding_problem.h"
#include "common/keeping.h"
#include "common/program.h"

#include <reel/models/cells/cell_kinds.h>
#include <reel/reel.h>

using namespace reel;

namespace {

struct Settings {
  std::string cell = "elman";
  Index steps = 10, units = 16, epochs = 4, points = 1'000'000, distance = 60, train = 1000;
  bool toy = false, gradients = false;
  program::Common common;
  program::Keeping keeping;
};

// ---- the toy memory problem ----

// P(Y_t = 1) = .5, + .5 if X_(t-3) = 1, - .25 if X_(t-8) = 1. The mean entropy of Y for who knows of these.
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

constexpr Index kStreams = 200;

// Window w of the points as parallel streams: [steps, streams].
void cut_window(const Points& p, Index w, Tensor<std::int32_t>& x, Tensor<std::int32_t>& y) {
  const Index steps = x.shape().dim(0), stretch = p.x.size() / kStreams;
  for (Index t = 0; t < steps; ++t)
    for (Index b = 0; b < kStreams; ++b) {
      x[t * kStreams + b] = p.x[b * stretch + w * steps + t];
      y[t * kStreams + b] = p.y[b * stretch + w * steps + t];
    }
}

// What goes on from window to window, besides the Trainer.
struct ToyRun {
  RandomStream random, before_epoch;  // before_epoch: as `random` was when the points of this epoch were drawn
  Index epoch = 0, window = 0;        // windows of the epoch that were learnt
  Index counted, drawn;               // windows of the mean that is told, and of one point of the curve
  std::vector<double> recent = {};    // losses of the last windows
  double drawn_sum = 0;
  program::SmoothedLoss smooth = {};
  std::vector<report::Curve> curves = {{}};

  void add(double loss) {
    smooth.add(loss);
    drawn_sum += loss;
    recent.push_back(loss);
    if (static_cast<Index>(recent.size()) > counted) recent.erase(recent.begin());
    ++window;
  }
  double mean_of_recent() const {
    return recent.empty() ? 0 : std::accumulate(recent.begin(), recent.end(), 0.0) / static_cast<double>(recent.size());
  }
  void keep(Keeper& keep) {
    keep("random", random);
    keep("random before the epoch", before_epoch);
    keep("epoch", epoch);
    keep("window", window);
    keep("recent", recent);
    keep("sum", drawn_sum);
    keep("loss", smooth);
    program::KeptPoints points{curves};
    keep("losses", points);
  }
};

void print_levels(double reached) {
  fmt::print(
      "  reached                     {:.6f}\n  learns nothing              {:.6f}\n  learns the first dependency {:.6f}\n  "
      "learns both                 {:.6f}\n",
      reached, mean_entropy(false, false), mean_entropy(true, false), mean_entropy(true, true));
}

// The mean cross-entropy over new points, of a model that learns no more.
double test_toy(Trainer<float>& trainer, const Settings& s, Index windows) {
  RandomStream random = s.common.random(0);
  const Points p = draw_points(s.points, random);
  Tensor<std::int32_t> x(Shape{s.steps, kStreams}), y(Shape{s.steps, kStreams});
  program::WeightedMean mean;
  for (Index w = 0; w < windows && !program::interrupted(); ++w) {
    cut_window(p, w, x, y);
    mean.add(trainer.evaluate({{"x", x}, {"y", y}}), 1);
  }
  return mean.value();
}

void train_toy(Trainer<float>& trainer, const Settings& s, Index windows, report::Page& page) {
  report::LineChart chart{.title = "Toy memory problem", .x_label = "points seen", .y_label = "mean cross-entropy, nats"};
  chart.levels = {{"learns nothing", mean_entropy(false, false)},
                  {"the first dependency", mean_entropy(true, false)},
                  {"both", mean_entropy(true, true)}};
  const Index counted = std::min<Index>(windows, 100);
  ToyRun run{.random = s.common.random(0),
             .before_epoch = s.common.random(0),
             .counted = counted,
             .drawn = std::max<Index>(counted / 5, 1)};
  run.curves[0].name = fmt::format("{}, {} units, {} steps", s.cell, s.units, s.steps);
  program::Checkpoints checkpoints(trainer, s.keeping, [&](Keeper& keep) {
    run.keep(keep);
    keep.same("points", s.points);
    keep.same("steps", s.steps);
  });
  checkpoints.resume();
  Tensor<std::int32_t> x(Shape{s.steps, kStreams}), y(Shape{s.steps, kStreams});
  const Index before = trainer.updates();
  program::Progress progress(s.epochs * windows - before);
  for (; run.epoch < s.epochs && !program::interrupted(); ++run.epoch, run.window = 0) {
    if (run.window == 0) {
      run.before_epoch = run.random;
      trainer.reset_state();
    } else {
      run.random = run.before_epoch;  // resumed: the points once more
    }
    const Points p = draw_points(s.points, run.random);
    while (run.window < windows && !program::interrupted()) {
      cut_window(p, run.window, x, y);
      run.add(trainer.step({{"x", x}, {"y", y}}));
      if (run.window % run.drawn == 0) {
        run.curves[0].points.push_back({static_cast<double>((run.epoch * windows + run.window) * kStreams * s.steps),
                                        std::exchange(run.drawn_sum, 0) / static_cast<double>(run.drawn)});
        chart.curves = run.curves;
        page.set("toy", chart);
        page.write_now_and_then();
      }
      checkpoints.update();
      progress.update(trainer.updates() - before,
                      [&] { return fmt::format("  epoch {}  loss {:.4f}", run.epoch + 1, run.smooth.value()); });
    }
    progress.finish(page, "toy problem");
    if (run.window < windows) break;
    run.drawn_sum = 0;
    fmt::print("  epoch {}: mean cross-entropy of its last {} windows {:.4f}\n", run.epoch + 1, counted, run.mean_of_recent());
  }
  checkpoints.finish();
  print_levels(run.mean_of_recent());
}

void toy(Settings s, const std::optional<SafetensorsFile>& file, report::Page& page) {
  if (file) {
    const Record told = program::load_description(*file, "memory");
    s.cell = told.text("cell");
    s.units = told.count("units");
    const auto cells = cell_names();
    if (std::ranges::find(cells, s.cell) == cells.end())
      throw FileError(fmt::format("{}: there is no cell {}", file->path(), s.cell));
  }
  const Index windows = s.points / kStreams / s.steps;
  if (windows < 1) throw InputError(fmt::format("{} points are too few for {} streams of {} steps", s.points, kStreams, s.steps));
  ParameterSet set;
  const AnyCell cell = make_cell(s.cell, set, "cell", 2, s.units, {.weights = init::glorot()});
  const Linear head(set, "head", s.units, 2);
  Tape tape;
  const Sequence x = map_steps(tape.ids("x", s.steps, {B}), [](Var id) { return one_hot(id, 2); });
  const Sequence h = unroll(cell, x, carried_state(tape, cell, "state")).outputs;
  const Var loss = cross_entropy(map_steps(h, head), tape.ids("y", s.steps, {B}));
  Trainer<float> trainer(loss, set, Adagrad{.lr = .1}, {},
                         {.seed = s.common.seed, .threads = s.common.make_threads(), .products = s.common.products});
  if (file) load_model(*file, set, trainer.parameters());
  page.setting("parameters", fmt::format("{}", set.elements()));
  fmt::print("toy memory problem: {} of {} units, {} steps\n", s.cell, s.units, s.steps);
  if (s.epochs > 0)
    train_toy(trainer, s, windows, page);
  else
    print_levels(test_toy(trainer, s, windows));
  if (s.keeping.save.empty()) return;
  Record told;
  told.set("program", "memory").set("cell", s.cell).set("units", s.units);
  save_model(s.keeping.save, set, trainer.parameters(), told);
}

// ---- gradients through time ----

// |dE/ds(T - k)| over the whole state s, in the mean of the rows: for k = 0 .. T - 1.
class GradientProbe {
 public:
  GradientProbe(const AnyCell& cell, const Linear& head, Index T, Index units) : T_(T), units_(units) {
    const Sequence x = tape_.input("x", T, {B, 2});
    const auto run = unroll(cell, x, zero_state(tape_, cell));
    const Var loss = sum(square(head(run.outputs.back()) - tape_.input("y", {B, 1})));
    std::vector<Var> states;
    for (const AnyCell::State& state : run.states) states.insert(states.end(), state.vars.begin(), state.vars.end());
    slopes_ = gradients(loss, states);
  }

  std::vector<double> norms(const ParameterValues<float>& values, const program::AddingProblem& task,
                            const ThreadPool& threads) const {
    Session<float> session(slopes_, &values, {.threads = threads});
    session.run({{"x", task.x}, {"y", task.y}});
    const Index rows = task.y.size();
    const std::size_t parts = slopes_.size() / static_cast<std::size_t>(T_);
    std::vector<double> result;
    for (Index k = 0; k < T_; ++k) {
      double mean = 0;
      for (Index r = 0; r < rows; ++r) {
        double squares = 0;
        for (std::size_t p = 0; p < parts; ++p) {
          const auto g = session[slopes_[static_cast<std::size_t>(T_ - 1 - k) * parts + p]];
          for (Index u = 0; u < units_; ++u)
            squares += static_cast<double>(g[r * units_ + u]) * static_cast<double>(g[r * units_ + u]);
        }
        mean += std::sqrt(squares) / static_cast<double>(rows);
      }
      result.push_back(mean);
    }
    return result;
  }

 private:
  Index T_, units_;
  Tape tape_;
  std::vector<Var> slopes_;
};

report::Curve curve_of(std::string name, const std::vector<double>& norms) {
  report::Curve curve{.name = std::move(name)};
  for (std::size_t k = 0; k < norms.size(); ++k)
    if (norms[k] > 0) curve.points.push_back({static_cast<double>(k), norms[k] / norms[0]});
  return curve;
}

void vanishing(const Settings& s, report::Page& page) {
  report::LineChart fresh{.title = "Gradient against distance, before training",
                          .x_label = "steps back, k",
                          .y_label = "|dE/ds(T-k)| / |dE/ds(T)|",
                          .log_y = true};
  report::LineChart trained = fresh;
  trained.title = fmt::format("The same after {} updates on the adding problem", s.train);
  fmt::print("norm of the gradient k steps back, as a part of that at k = 0\n  {:<7}{:<10}", "", "");
  std::vector<Index> shown;
  for (Index k : {1, 5, 10, 20, 40})
    if (k < s.distance - 1) shown.push_back(k);
  shown.push_back(s.distance - 1);
  for (Index k : shown) fmt::print("{:>10}", fmt::format("k = {}", k));
  fmt::print("\n");
  for (const char* kind : {"elman", "gru", "lstm"}) {
    ParameterSet set;
    const AnyCell cell = make_cell(kind, set, "cell", 2, s.units);
    const Linear head(set, "head", s.units, 1);
    Tape tape;
    const auto run = unroll(cell, tape.input("x", s.distance, {B, 2}), zero_state(tape, cell));
    const Var loss = mean(square(head(run.outputs.back()) - tape.input("y", {B, 1})));
    Trainer<float> trainer(loss, set, Adam{.lr = 2e-3}, ClipNorm{1},
                           {.seed = s.common.seed, .threads = s.common.make_threads(), .products = s.common.products});
    const GradientProbe probe(cell, head, s.distance, s.units);
    RandomStream random = s.common.random(1);
    program::AddingProblem test(s.distance, 100), task(s.distance, 64);
    test.draw(random);
    const auto show = [&](const char* when, report::LineChart& chart, const char* key) {
      const std::vector<double> norms = probe.norms(trainer.parameters(), test, s.common.make_threads());
      fmt::print("  {:<7}{:<10}", kind, when);
      for (Index k : shown) fmt::print("{:>10.1e}", norms[static_cast<std::size_t>(k)] / norms[0]);
      fmt::print("\n");
      chart.curves.push_back(curve_of(kind, norms));
      page.set(key, chart);
      page.write_now_and_then();
    };
    show("fresh", fresh, "fresh");
    program::Progress progress(s.train);
    for (Index i = 1; i <= s.train && !program::interrupted(); ++i) {
      task.draw(random);
      const double l = trainer.step({{"x", task.x}, {"y", task.y}});
      progress.update(i,
                      [&] { return fmt::format("  {}  adding problem {}/{}  mean squared error {:.4f}", kind, i, s.train, l); });
    }
    progress.finish(page, kind);
    if (program::interrupted()) return;
    if (s.train > 0) show("trained", trained, "trained");
  }
}

}  // namespace

int main(int argc, char** argv) {
  Settings s;
  CLI::App app("How far back recurrent networks remember.", "memory");
  auto* toy_alone = app.add_flag("--toy", s.toy, "The toy memory problem alone");
  auto* gradients_alone =
      app.add_flag("--gradients", s.gradients, "The gradient against the distance alone")->excludes(toy_alone);
  app.add_option("--cell", s.cell, "Cell for the toy problem")->check(CLI::IsMember(cell_names()))->capture_default_str();
  app.add_option("--units", s.units, "Hidden units")->check(CLI::Range(1, 4096))->capture_default_str();
  app.add_option("--steps", s.steps, "Of a window of the toy problem")->check(CLI::Range(1, 1000))->capture_default_str();
  app.add_option("--epochs", s.epochs, "Of the toy problem; 0: only tests --load")
      ->check(CLI::Range(0, 100000))
      ->capture_default_str();
  app.add_option("--points", s.points, "Of an epoch of the toy problem")->check(CLI::Range(1, 1000000000))->capture_default_str();
  app.add_option("--distance", s.distance, "Steps that gradients travel back")
      ->check(CLI::Range(2, 10000))
      ->capture_default_str();
  app.add_option("--train", s.train, "Updates on the adding problem before gradients are shown again")
      ->check(CLI::Range(0, 1000000))
      ->capture_default_str();
  program::add_common(app, s.common);
  program::add_precision(app, s.common);
  program::add_keeping(app, s.keeping);  // of the toy problem
  for (const char* option : {"--save", "--load", "--checkpoint"}) gradients_alone->excludes(app.get_option(option));
  for (const char* option : {"--cell", "--units"}) app.get_option(option)->excludes(app.get_option("--load"));
  return program::run(app, argc, argv, [&] {
    const std::optional<SafetensorsFile> file = program::open(s.keeping);
    if (!s.gradients) program::require_work(s.keeping, s.epochs, "epochs");
    auto page = program::make_page(app, s.common, "Memory", "What recurrent networks remember, and why it is hard to learn");
    if (!s.gradients) toy(s, file, page);
    if (!s.toy && !program::interrupted()) vanishing(s, page);
    page.finish();
  });
}
