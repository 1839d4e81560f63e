// Elman and Jordan networks: the slides' Examples 1 to 3, and an unrolled network as a graph.
#include "common/keeping.h"
#include "common/program.h"

#include <reel/reel.h>
#include <reel/report/graph_drawing.h>

using namespace reel;

namespace {

struct Settings {
  std::vector<int> examples;
  Index iterations = 5000;
  program::Common common;
  program::Keeping keeping;
};

void set_all(const ParameterSet& set, ParameterValues<double>& values,
             const std::vector<std::pair<const char*, std::vector<double>>>& numbers) {
  for (const auto& [name, list] : numbers) set_values(set, values, name, Tensor<double>(set.find(name).shape(), list).view());
}

// The unrolled network clustered by step, with values, and gradients of the summed outputs.
report::Section draw_unrolled(Tape& tape, const Sequence& y, const Tensor<double>& x, const ParameterValues<double>& values) {
  const NodeId end = tape.size();
  std::vector<Var> sums, nodes;
  for (const Var& v : y) sums.push_back(sum(v));
  const Var total = accumulate(sums);
  for (NodeId id = 0; id < end; ++id) nodes.push_back(tape.var(id));
  const std::vector<Var> g = gradients(total, nodes);
  const auto run = interpret<double>(tape, {{"x", x}}, &values);
  std::vector<std::pair<Var, Var>> shown;
  for (std::size_t i = 0; i < nodes.size(); ++i) shown.emplace_back(nodes[i], g[i]);
  return report::graph_drawing("Example 1, unrolled",
                               dot(tape, {.values = &run, .gradients = shown, .end = end, .significant_digits = 4}),
                               "Values, and the gradients of the sum of all outputs.");
}

// ---- Example 1: Elman 2-3-2, sigmoid output ----
void example1(report::Page& page) {
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
  Session<double> session(y, &values);
  session.run({{"x", data}});
  fmt::print("Example 1: Elman 2-3-2\n");
  report::Table table{.title = "Example 1: Elman 2-3-2", .header = {"t", "y1", "y2"}};
  for (std::size_t t = 0; t < y.size(); ++t) {
    const auto v = session[y[t]];
    fmt::print("  t = {}: y = {:.6f} {:.6f}\n", t + 1, v[0], v[1]);
    table.rows.push_back({fmt::format("{}", t + 1), fmt::format("{:.6f}", v[0]), fmt::format("{:.6f}", v[1])});
  }
  page.set("example1", table);
  if (page.enabled()) page.set("graph", draw_unrolled(tape, y, data, values));
}

// ---- Example 2: Jordan 2-3-1, a batch of two, sigmoid output ----
void example2(report::Page& page) {
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
  Session<double> session(y, &values);
  session.run({{"x", data}});
  fmt::print("Example 2: Jordan 2-3-1, two sequences\n");
  report::Table table{.title = "Example 2: Jordan 2-3-1", .header = {"t", "y of the first sequence", "of the second"}};
  for (std::size_t t = 0; t < y.size(); ++t) {
    const auto v = session[y[t]];
    fmt::print("  t = {}: y = {:.6f}   {:.6f}\n", t + 1, v[0], v[1]);
    table.rows.push_back({fmt::format("{}", t + 1), fmt::format("{:.6f}", v[0]), fmt::format("{:.6f}", v[1])});
  }
  page.set("example2", table);
}

// ---- Example 3: 16 sequences of 64 steps with random labels ----
void example3(const Settings& s, const std::optional<SafetensorsFile>& file, report::Page& page) {
  constexpr Index T = 64, N = 16, I = 8, H = 5, classes = 3;
  RandomStream random = s.common.random(0);
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
  Trainer<float> trainer(loss, set, Adam{.lr = 1e-4}, {},
                         {.seed = s.common.seed, .threads = s.common.make_threads(), .products = s.common.products});
  if (file) load_model(*file, set, trainer.parameters());
  fmt::print("Example 3: Elman, 16 sequences of 64 steps, random labels\n");
  std::vector<report::Curve> curves{{.name = "training"}};
  program::Checkpoints checkpoints(trainer, s.keeping, [&](Keeper& keep) {
    program::KeptPoints points{curves};
    keep("losses", points);
    keep.same("seed", s.common.seed);  // of the data
  });
  checkpoints.resume();
  const auto show = [&] {
    page.set("example3", report::LineChart{.title = "Example 3: learning random labels",
                                           .x_label = "iteration",
                                           .y_label = "mean cross-entropy, nats",
                                           .curves = curves});
  };
  const std::vector<Binding> data{{"x", x}, {"y", y}};
  for (Index i = trainer.updates();; ++i) {
    const bool last = i >= s.iterations || program::interrupted();
    const double l = last ? trainer.evaluate(data) : trainer.step(data);
    curves[0].points.push_back({static_cast<double>(i), l});
    if (i % 100 == 0) show(), page.write_now_and_then();
    if (i % std::max<Index>(s.iterations / 10, 1) == 0 || last)
      fmt::print("  {:>6} iterations: mean cross-entropy {:.4f}\n", i, l);
    if (last) break;
    checkpoints.update();
  }
  checkpoints.finish();
  show();
  if (!s.keeping.save.empty()) {
    Record told;
    told.set("program", "rnn");
    save_model(s.keeping.save, set, trainer.parameters(), told);
  }
  std::vector<Var> guesses;
  for (const Var& z : logits) guesses.push_back(argmax(z));
  Session<float> session(guesses, &trainer.parameters());
  session.run({{"x", x}});
  std::string truth, predicted;
  report::LabelStrip strip{.title = "Labels of the first sequence", .names = {"true", "predicted"}, .labels = {{}, {}}};
  for (Index t = 0; t < T; ++t) {
    strip.labels[0].push_back(y[t * N]);
    strip.labels[1].push_back(session.ids(guesses[static_cast<std::size_t>(t)])[0]);
    truth += static_cast<char>('0' + strip.labels[0].back());
    predicted += static_cast<char>('0' + strip.labels[1].back());
  }
  page.set("labels", strip);
  fmt::print("  first sequence, true      {}\n  first sequence, predicted {}\n", truth, predicted);
}

}  // namespace

int main(int argc, char** argv) {
  Settings s;
  CLI::App app("Elman and Jordan networks: the slides' examples.", "rnn");
  app.add_option("--example", s.examples, "Examples to run: 1, 2 or 3; by default all of them")->check(CLI::Range(1, 3));
  app.add_option("--iterations", s.iterations, "Of Example 3")
      ->check(CLI::Range(Index{0}, Index{1} << 40))
      ->capture_default_str();
  program::add_common(app, s.common);
  program::add_precision(app, s.common);
  program::add_keeping(app, s.keeping);
  return program::run(app, argc, argv, [&] {
    if (s.examples.empty()) s.examples = {1, 2, 3};
    const std::optional<SafetensorsFile> file = program::open(s.keeping);
    if (file) program::load_description(*file, "rnn");
    if (s.keeping.any() && std::ranges::find(s.examples, 3) == s.examples.end())
      throw InputError("--save, --load and --checkpoint are of Example 3, which is not among those to run");
    auto page = program::make_page(app, s.common, "Elman and Jordan networks", "The slides' examples");
    for (int e : s.examples) {
      if (e == 1) example1(page);
      if (e == 2) example2(page);
      if (e == 3) example3(s, file, page);
    }
    page.finish();
  });
}
