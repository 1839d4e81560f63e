// An LSTM written here, as its equations; its gradients checked; then trained on the adding problem (Hochreiter and
// Schmidhuber, 1997) beside an Elman network: two numbers of a long sequence are marked, and their sum is asked at the end.
#include "common/adding_problem.h"
#include "common/program.h"

#include <reel/reel.h>

using namespace reel;

namespace {

struct SlideLstm {
  Gate i, f, o, g;
  SlideLstm(ParameterSet& set, Index I, Index H)
      : i(set, "cell", "i", I, H, begin()),
        f(set, "cell", "f", I, H, begin(1)),
        o(set, "cell", "o", I, H, begin()),
        g(set, "cell", "g", I, H, begin()) {}
  static CellOptions begin(double bias = 0) { return {.weights = init::glorot(), .bias = init::constant(bias)}; }

  struct State {
    Var h, c;
  };
  std::vector<StatePart> state_layout() const {  // for zero_state
    return {{"h", {B, i.units()}}, {"c", {B, i.units()}}};
  }
  State step(Var x, const State& s) const {
    const Var c = sigmoid(f(x, s.h)) * s.c + sigmoid(i(x, s.h)) * tanh(g(x, s.h));
    return {sigmoid(o(x, s.h)) * tanh(c), c};
  }
};

std::string check(const program::Common& common) {
  ParameterSet set;
  const SlideLstm cell(set, 3, 4);
  const auto values = set.initial<double>(common.seed);
  Tape tape;
  const Sequence x = tape.input("x", 6, {B, 3});
  const auto run = unroll(cell, x, zero_state(tape, cell));
  const Var loss = sum(square(run.last.h) + run.last.c);
  Tensor<double> data(Shape{6, 2, 3});
  RandomStream random = common.random(0);
  for (double& v : data) v = random.normal();
  std::vector<Var> wrt;
  for (const Parameter& p : set.all()) wrt.push_back(tape.parameter(p));
  const std::vector<Binding> bindings{{"x", data}};
  const std::string told = check_gradients(loss, wrt, bindings, &values).text();
  fmt::print("LSTM from its equations: {}\n", told);
  return told;
}

struct Settings {
  Index length = 100, units = 64, batch = 64, iterations = 3000;
  double lr = 2e-3;
  program::Common common;
};

// Trains a cell whose last output gives the sum; returns the mean squared error on new sequences.
template <SizedCell Cell>
double learn(const char* name, const Settings& s, const ParameterSet& set, const Cell& cell, const Linear& head,
             report::LineChart& chart, report::Scatter& scatter, report::Page& page) {
  Tape tape;
  const Sequence x = tape.input("x", s.length, {B, 2});
  const Var h = cell_output(cell, unroll(cell, x, zero_state(tape, cell)).last);
  const Var answer = head(h);
  const Var loss = mean(square(answer - tape.input("y", {B, 1})));
  Trainer<float> trainer(loss, set, Adam{.lr = s.lr}, ClipNorm{1}, {.seed = s.common.seed, .threads = s.common.make_threads()});
  RandomStream random = s.common.random(1);
  program::AddingProblem task(s.length, s.batch);
  program::SmoothedLoss smoothed;
  chart.curves.push_back({.name = name});
  page.setting(fmt::format("parameters of {}", name), fmt::format("{}", set.elements()));
  program::Progress progress(s.iterations);
  for (Index i = 1; i <= s.iterations && !program::interrupted(); ++i) {
    task.draw(random);
    const double smooth = smoothed.add(trainer.step({{"x", task.x}, {"y", task.y}}));
    chart.curves.back().points.push_back({static_cast<double>(i), smooth});
    if (i % 100 == 0) page.set("loss", chart), page.write_now_and_then();
    progress.update(i, [&] { return fmt::format("{:<6} {:>6}/{}  mean squared error {:.4f}", name, i, s.iterations, smooth); });
  }
  progress.finish(page, name);
  program::AddingProblem test(s.length, 1000);
  test.draw(random);
  const Tensor<float> answers = trainer.predict(answer, {{"x", test.x}});
  for (Index n = 0; n < 200; ++n)
    scatter.points.push_back({static_cast<double>(test.y[n]), static_cast<double>(answers[n]), name});
  return trainer.evaluate({{"x", test.x}, {"y", test.y}});
}

void adding_problem(const Settings& s, report::Page& page) {
  report::LineChart chart{.title = "Adding problem", .x_label = "iteration", .y_label = "mean squared error", .log_y = true};
  chart.levels = {{"always answering 1", 1.0 / 6}};
  report::Scatter scatter{.title = "Predicted against true sums", .x_label = "true", .y_label = "predicted", .diagonal = true};
  fmt::print("adding problem, length {}: always answering 1 has mean squared error {:.4f}\n", s.length, 1.0 / 6);
  ParameterSet lstm_set, elman_set;
  const SlideLstm lstm(lstm_set, 2, s.units);
  const Linear lstm_head(lstm_set, "head", s.units, 1);
  const Elman elman(elman_set, "elman", 2, s.units);
  const Linear elman_head(elman_set, "head", s.units, 1);
  const double by_lstm = learn("LSTM", s, lstm_set, lstm, lstm_head, chart, scatter, page);
  if (program::interrupted()) return;
  const double by_elman = learn("Elman", s, elman_set, elman, elman_head, chart, scatter, page);
  if (program::interrupted()) return;
  fmt::print("on 1000 new sequences: LSTM {:.4f}, Elman {:.4f}\n", by_lstm, by_elman);
  page.result("mean squared error of the LSTM", fmt::format("{:.4f}", by_lstm));
  page.result("mean squared error of Elman", fmt::format("{:.4f}", by_elman));
  page.set("loss", chart);
  page.set("sums", scatter);
}

}  // namespace

int main(int argc, char** argv) {
  Settings s;
  CLI::App app("An LSTM written as its equations, checked, and trained on the adding problem beside an Elman network.", "lstm");
  app.add_option("--length", s.length, "Steps of a sequence")->check(CLI::Range(2, 100000))->capture_default_str();
  app.add_option("--units", s.units, "Hidden units")->check(CLI::Range(1, 4096))->capture_default_str();
  app.add_option("--batch", s.batch, "Sequences per step")->check(CLI::Range(1, 65536))->capture_default_str();
  app.add_option("--iterations", s.iterations, "Training steps of each network")
      ->check(CLI::Range(Index{0}, Index{1} << 40))
      ->capture_default_str();
  app.add_option("--lr", s.lr, "Adam's learning rate")->check(program::at_least(0))->capture_default_str();
  program::add_common(app, s.common);
  return program::run(app, argc, argv, [&] {
    const std::string gradients_told = check(s.common);
    auto page = program::make_page(app, s.common, "LSTM from its equations", "The adding problem");
    page.result("check", gradients_told);
    if (s.iterations > 0) adding_problem(s, page);
    page.finish();
  });
}
