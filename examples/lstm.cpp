// An LSTM written here, as its equations; its gradients checked; then trained on the adding problem (Hochreiter and
// Schmidhuber, 1997) beside an Elman network: two numbers of a long sequence are marked, and their sum is asked at the end.
#include "common/adding_problem.h"
#include "common/keeping.h"
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
  program::Keeping keeping;
};

// A network whose cell's last output gives the sum, and its training.
template <SizedCell Cell>
class Adder {
 public:
  // make(set): the cell. `key`: stands before its names in files.
  template <class Make>
  Adder(std::string name, std::string key, const Settings& s, Make make)
      : s_(s),
        name_(std::move(name)),
        key_(std::move(key)),
        cell_(make(set_)),
        head_(set_, "head", s.units, 1),
        answer_(head_(cell_output(cell_, unroll(cell_, tape_.input("x", s.length, {B, 2}), zero_state(tape_, cell_)).last))),
        trainer_(mean(square(answer_ - tape_.input("y", {B, 1}))), set_, Adam{.lr = s.lr}, ClipNorm{1},
                 {.seed = s.common.seed, .threads = s.common.make_threads(), .products = s.common.products}) {}

  void load(const SafetensorsFile& file) { load_model(file, set_, trainer_.parameters(), {.prefix = key_ + "."}); }
  void add_to(std::vector<TensorToStore>& tensors) const {
    for (const Parameter& p : set_.all()) tensors.emplace_back(key_ + "." + p.name(), trainer_.parameters()[p]);
  }

  // The mean squared error on new sequences, after training.
  double learn(report::LineChart& chart, report::Scatter& scatter, report::Page& page) {
    RandomStream random = s_.common.random(1);
    program::AddingProblem task(s_.length, s_.batch);
    program::SmoothedLoss smoothed;
    std::vector<report::Curve> curve{{.name = name_}};
    page.setting(fmt::format("parameters of {}", name_), fmt::format("{}", set_.elements()));
    const program::Keeping keeping = s_.keeping.part(key_);
    program::Checkpoints checkpoints(trainer_, keeping, [&](Keeper& keep) {
      keep("random", random);
      keep("loss", smoothed);
      program::KeptPoints points{curve};
      keep("losses", points);
      keep.same("length", s_.length);
      keep.same("batch", s_.batch);
    });
    checkpoints.resume();
    chart.curves.push_back(curve[0]);
    const Index before = trainer_.updates();
    program::Progress progress(s_.iterations - before);
    for (Index i = before + 1; i <= s_.iterations && !program::interrupted(); ++i) {
      task.draw(random);
      const double smooth = smoothed.add(trainer_.step({{"x", task.x}, {"y", task.y}}));
      curve[0].points.push_back({static_cast<double>(i), smooth});
      if (i % 100 == 0) chart.curves.back() = curve[0], page.set("loss", chart), page.write_now_and_then();
      checkpoints.update();
      progress.update(i - before,
                      [&] { return fmt::format("{:<6} {:>6}/{}  mean squared error {:.4f}", name_, i, s_.iterations, smooth); });
    }
    progress.finish(page, name_);
    checkpoints.finish();
    chart.curves.back() = curve[0];
    program::AddingProblem test(s_.length, 1000);
    test.draw(random);
    const Tensor<float> answers = trainer_.predict(answer_, {{"x", test.x}});
    for (Index n = 0; n < 200; ++n)
      scatter.points.push_back({static_cast<double>(test.y[n]), static_cast<double>(answers[n]), name_});
    return trainer_.evaluate({{"x", test.x}, {"y", test.y}});
  }

 private:
  const Settings& s_;
  std::string name_, key_;
  ParameterSet set_;
  Cell cell_;
  Linear head_;
  Tape tape_;
  Var answer_;
  Trainer<float> trainer_;
};

void adding_problem(Settings s, const std::optional<SafetensorsFile>& file, report::Page& page) {
  report::LineChart chart{.title = "Adding problem", .x_label = "iteration", .y_label = "mean squared error", .log_y = true};
  chart.levels = {{"always answering 1", 1.0 / 6}};
  report::Scatter scatter{.title = "Predicted against true sums", .x_label = "true", .y_label = "predicted", .diagonal = true};
  if (file) s.units = program::load_description(*file, "lstm").count("units");
  Adder<SlideLstm> lstm("LSTM", "lstm", s, [&](ParameterSet& set) { return SlideLstm(set, 2, s.units); });
  Adder<Elman> elman("Elman", "elman", s, [&](ParameterSet& set) { return Elman(set, "elman", 2, s.units); });
  if (file) lstm.load(*file), elman.load(*file);
  fmt::print("adding problem, length {}: always answering 1 has mean squared error {:.4f}\n", s.length, 1.0 / 6);
  const double by_lstm = lstm.learn(chart, scatter, page);
  const double by_elman = program::interrupted() ? 0 : elman.learn(chart, scatter, page);
  if (!s.keeping.save.empty()) {
    SaveOptions options;
    lstm.add_to(options.more);
    elman.add_to(options.more);
    Record told;
    told.set("program", "lstm").set("units", s.units);
    save_model(s.keeping.save, ParameterSet(), ParameterValues<float>(), told, options);
  }
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
  app.add_option("--iterations", s.iterations, "Training steps of each network; 0: only checks the gradients, and tests --load")
      ->check(CLI::Range(Index{0}, Index{1} << 40))
      ->capture_default_str();
  app.add_option("--lr", s.lr, "Adam's learning rate")->check(program::at_least(0))->capture_default_str();
  program::add_common(app, s.common);
  program::add_precision(app, s.common);
  program::add_keeping(app, s.keeping);
  app.get_option("--units")->excludes(app.get_option("--load"));
  return program::run(app, argc, argv, [&] {
    const std::optional<SafetensorsFile> file = program::open(s.keeping);
    const std::string gradients_told = check(s.common);
    auto page = program::make_page(app, s.common, "LSTM from its equations", "The adding problem");
    page.result("check", gradients_told);
    if (s.iterations > 0 || file || s.keeping.resume || !s.keeping.save.empty()) adding_problem(s, file, page);
    page.finish();
  });
}
