// The feed-forward network of the slides, its computational graph with values and gradients; XOR; digits from IDX files.
#include <filesystem>
#include <numeric>

#include "common/epochs.h"
#include "common/keeping.h"
#include "common/program.h"

#include <reel/data/files.h>
#include <reel/data/images.h>
#include <reel/reel.h>
#include <reel/report/graph_drawing.h>

using namespace reel;

namespace {

struct Settings {
  std::string graph, images, labels;
  bool xor_task = false;
  Index hidden = 128, batch = 64;
  std::optional<Index> epochs;
  double lr = 1e-3;
  program::Common common;
  program::Keeping keeping;
};

std::string numbers(TensorView<const double> v) {
  std::string s;
  for (Index i = 0; i < v.size(); ++i) s += fmt::format("{}{:.6f}", i % v.shape().last() || i == 0 ? " " : "; ", v[i]);
  return s.substr(1);
}

// ---- the slides' network: 3-2-2, sigmoid, the bias as row 0 of each weight ----

const Tensor<double> kX(Shape{4, 3}, {1, 4, 5, .1, -5, 3, 6, -5.542, 4.897, 4, 8, 9});
const Tensor<double> kY(Shape{4, 2}, {.1, .05, .1221, .0964, .1061, .0702, .0996, .0641});

struct SlideNetwork {
  ParameterSet set;
  Parameter w1 = set.add("w1", {4, 2}, init::values({.5, .5, .1, .2, .3, .4, .5, .6}));
  Parameter w2 = set.add("w2", {3, 2}, init::values({.5, .5, .7, .8, .9, .1}));

  struct Nodes {
    Var s1, a1, s2, a2, E;
  };
  Nodes record(Var x, Var y) const {
    Tape& tape = x.tape();
    const Var one = tape.fill(x.shape().batched() ? Shape{B, 1} : Shape{1}, 1);
    Nodes n;
    tape.name(n.s1 = matmul(concat({one, x}), w1), "s1");
    tape.name(n.a1 = sigmoid(n.s1), "a1");
    tape.name(n.s2 = matmul(concat({one, n.a1}), w2), "s2");
    tape.name(n.a2 = sigmoid(n.s2), "a2");
    tape.name(n.E = half_squared_error(n.a2, y), "E");
    return n;
  }
};

// Writes the graph as DOT and, where Graphviz is installed, as SVG.
void write_graph(const std::string& path, const std::string& dot, const report::Section& drawing) {
  write_file(path, dot);
  fmt::print("graph with values and gradients: {}\n", path);
  if (const auto* drawn = std::get_if<report::Drawing>(&drawing)) {
    const std::string svg = std::filesystem::path(path).replace_extension(".svg");
    write_file(svg, drawn->svg);
    fmt::print("drawn by Graphviz: {}\n", svg);
  }
}

void first_row(const std::string& graph_path, report::Page& page) {
  const SlideNetwork network;
  const auto values = network.set.initial<double>(1);
  Tape tape;
  const Var x = tape.input("x", {3}), y = tape.input("y", {2});
  const auto n = network.record(x, y);
  const NodeId end = tape.size();
  std::vector<Var> nodes;
  for (NodeId id = 0; id < end; ++id) nodes.push_back(tape.var(id));
  const std::vector<Var> g = gradients(n.E, nodes);
  const Tensor<double> row_x(Shape{3}, {1, 4, 5}), row_y(Shape{2}, {.1, .05});
  const auto run = interpret<double>(tape, {{"x", row_x}, {"y", row_y}}, &values);
  fmt::print("row 1\n  s1 = {}\n  a1 = {}\n  s2 = {}\n  a2 = {}\n  E = {:.6f}\n", numbers(run.value(n.s1)),
             numbers(run.value(n.a1)), numbers(run.value(n.s2)), numbers(run.value(n.a2)), run.value(n.E)[0]);
  fmt::print("  dE/dw1 = {}\n  dE/dw2 = {}\n  dE/da1 = {}\n", numbers(run.value(g[tape.parameter(network.w1).id()])),
             numbers(run.value(g[tape.parameter(network.w2).id()])), numbers(run.value(g[n.a1.id()])));
  std::vector<std::pair<Var, Var>> shown;
  for (std::size_t i = 0; i < nodes.size(); ++i) shown.emplace_back(nodes[i], g[i]);
  const std::string graph =
      dot(tape, {.values = &run, .gradients = shown, .end = end, .significant_digits = 4, .downwards = true});
  const report::Section drawing = report::graph_drawing("Computational graph", graph, "Value and gradient on every node.");
  if (!graph_path.empty()) write_graph(graph_path, graph, drawing);
  page.set("graph", drawing);
}

void one_step() {
  const SlideNetwork network;
  Tape tape;
  const auto n = network.record(tape.input("x", {B, 3}), tape.input("y", {B, 2}));
  const std::vector<Binding> rows{{"x", kX}, {"y", kY}};
  const auto begin = network.set.initial<double>(1);
  Trainer<double> trainer(n.E, network.set, Sgd{.01});
  const double before = trainer.step(rows);
  const std::vector<Var> g = gradients(n.E, network.set.all());
  const auto run = interpret<double>(tape, rows, &begin);
  fmt::print("one step of SGD, lr .01, on the sum over four rows\n  c1 = {}\n  c2 = {}\n  w1* = {}\n  w2* = {}\n",
             numbers(run.value(g[0])), numbers(run.value(g[1])), numbers(trainer.get("w1")), numbers(trainer.get("w2")));
  fmt::print("  sum of E: {:.6f} before, {:.6f} after\n", before, trainer.evaluate(rows));
}

void activations() {
  Tape tape;
  const Var x = tape.input("x", {3});
  const Tensor<double> values(Shape{3}, {-2, .5, 1.5});
  const std::pair<const char*, Activation> all[] = {
      {"sigmoid", sigmoid}, {"tanh", tanh}, {"relu", relu}, {"satlins", satlins}, {"softmax", softmax}};
  std::vector<Var> y;
  std::vector<Var> slopes;
  for (const auto& [name, f] : all) {
    y.push_back(f(x));
    slopes.push_back(gradient(sum(slice(y.back(), 0, 0, 1)), x));
  }
  const auto run = interpret<double>(tape, {{"x", values}});
  fmt::print("activations of (-2, 0.5, 1.5), and d y_0 / d x\n");
  for (std::size_t i = 0; i < y.size(); ++i)
    fmt::print("  {:<8} {}   {}\n", all[i].first, numbers(run.value(y[i])), numbers(run.value(slopes[i])));
}

// "hell" -> "ello": what a net can reach that sees one letter only, and one that remembers.
void hello(const program::Common& common, report::Page& page) {
  report::LineChart chart{.title = "\"hello\"", .x_label = "update", .y_label = "mean cross-entropy, nats"};
  chart.levels = {{"best without memory", std::log(2.0) / 2}};
  const Tensor<std::int32_t> hell(Shape{4, 1}, {0, 1, 2, 2}), ello(Shape{4, 1}, {1, 2, 2, 3});
  const auto train = [&](const char* name, auto record) {
    ParameterSet set;
    Tape tape;
    const Sequence ids = tape.ids("x", 4, {B}), next = tape.ids("y", 4, {B});
    const Var loss = record(set, tape, ids, next);
    Trainer<double> trainer(loss, set, Adam{.lr = .05}, {}, {.seed = common.seed, .threads = ThreadPool(1)});
    report::Curve curve{.name = name};
    for (int i = 0; i < 600 && !program::interrupted(); ++i)
      curve.points.push_back({static_cast<double>(i), trainer.step({{"x", hell}, {"y", ello}})});
    chart.curves.push_back(curve);
    fmt::print("  {:<12} {:.6f}\n", name, trainer.evaluate({{"x", hell}, {"y", ello}}));
  };
  fmt::print("\"hello\": mean cross-entropy; a net without memory cannot go below {:.6f}\n", std::log(2.0) / 2);
  train("memoryless", [](ParameterSet& set, Tape&, const Sequence& x, const Sequence& y) {
    const Mlp net(set, "net", {4, 8, 4}, tanh);
    return cross_entropy(map_steps(x, [&](Var id) { return net(one_hot(id, 4)); }), y);
  });
  train("recurrent", [](ParameterSet& set, Tape& tape, const Sequence& x, const Sequence& y) {
    const Elman cell(set, "cell", 4, 8);
    const Linear head(set, "head", 8, 4);
    const Sequence letters = map_steps(x, [](Var id) { return one_hot(id, 4); });
    return cross_entropy(map_steps(unroll(cell, letters, zero_state(tape, cell)).outputs, head), y);
  });
  page.set("hello", chart);
}

// ---- what is kept ----

Record describe(const char* task) {
  Record r;
  r.set("program", "mlp").set("task", task);
  return r;
}

// InputError for a model of another task.
Record require_task(const SafetensorsFile& file, const std::string& task) {
  Record r = program::load_description(file, "mlp");
  if (r.text("task") != task) throw InputError(fmt::format("{}: has learnt {}, not {}", file.path(), r.text("task"), task));
  return r;
}

// ---- XOR ----

void learn_xor(const Settings& s, report::Page& page) {
  const Index epochs = s.epochs.value_or(1000);
  const std::optional<SafetensorsFile> file = program::open(s.keeping);
  program::require_work(s.keeping, epochs, "epochs");
  if (file) require_task(*file, "xor");
  ParameterSet set;
  const Mlp net(set, "net", {2, 4, 1}, tanh, sigmoid);
  Tape tape;
  const Var output = net(tape.input("x", {B, 2}));
  const Var loss = half_squared_error(output, tape.input("y", {B, 1}));
  const Tensor<float> x(Shape{4, 2}, {0, 0, 0, 1, 1, 0, 1, 1}), y(Shape{4, 1}, {0, 1, 1, 0});
  Trainer<float> trainer(loss, set, Adam{.lr = .05}, {}, {.seed = s.common.seed, .threads = ThreadPool(1)});
  if (file) load_model(*file, set, trainer.parameters());
  report::LineChart chart{.title = "Loss", .x_label = "update", .y_label = "half squared error", .log_y = true};
  chart.curves = {{.name = "training"}};
  program::Checkpoints checkpoints(trainer, s.keeping, [&](Keeper& keep) {
    program::KeptPoints points{chart.curves};
    keep("losses", points);
  });
  checkpoints.resume();
  for (Index i = trainer.updates(); i < epochs && !program::interrupted(); ++i) {
    chart.curves[0].points.push_back({static_cast<double>(i), trainer.step({{"x", x}, {"y", y}})});
    checkpoints.update();
  }
  checkpoints.finish();
  page.set("loss", chart);
  const Tensor<float> answers = trainer.predict(output, {{"x", x}});
  for (Index i = 0; i < 4; ++i) fmt::print("{:.0f} xor {:.0f} = {:.4f}\n", x[2 * i], x[2 * i + 1], answers[i]);
  if (!s.keeping.save.empty()) save_model(s.keeping.save, set, trainer.parameters(), describe("xor"));
}

// ---- digits ----

struct Digits {
  Tensor<float> x;         // [count, pixels], 0 .. 1
  Tensor<std::int32_t> y;  // [count]
};

Digits read_digits(const Settings& s) {
  auto [images, labels] = read_idx_images(s.images, s.labels);
  if (labels.size() < 10) throw InputError(fmt::format("{}: {} images are too few to train on", s.images, labels.size()));
  const Shape rows{labels.size(), images.size() / labels.size()};
  return {Tensor<float>(rows, std::span<const float>(images.data(), static_cast<std::size_t>(images.size()))), labels};
}

// Rows `rows` of the digits as one batch.
Digits take(const Digits& all, std::span<const Index> rows) {
  const Index pixels = all.x.shape().last();
  const auto count = static_cast<Index>(rows.size());
  Digits some{Tensor<float>(Shape{count, pixels}), Tensor<std::int32_t>(Shape{count})};
  for (Index i = 0; i < count; ++i) {
    std::copy_n(all.x.data() + rows[static_cast<std::size_t>(i)] * pixels, pixels, some.x.data() + i * pixels);
    some.y[i] = all.y[rows[static_cast<std::size_t>(i)]];
  }
  return some;
}

struct Score {
  double share = 0, loss = 0;  // %, nats
};

Score test(Trainer<float>& trainer, Session<float>& session, Var guess, const Digits& digits) {
  session.run({{"x", digits.x}});
  Index right = 0;
  for (Index i = 0; i < digits.y.size(); ++i) right += session.ids(guess)[i] == digits.y[i];
  return {100.0 * static_cast<double>(right) / static_cast<double>(digits.y.size()),
          trainer.evaluate({{"x", digits.x}, {"y", digits.y}})};
}

// Learns four fifths of the images and is tested on the others; of a model that learns no more, on all.
void learn_digits(Settings s, report::Page& page) {
  const Index epochs = s.epochs.value_or(5);
  const std::optional<SafetensorsFile> file = program::open(s.keeping);
  program::require_work(s.keeping, epochs, "epochs");
  const Digits all = read_digits(s);
  const Index pixels = all.x.shape().last();
  Index classes = *std::max_element(all.y.begin(), all.y.end()) + 1;
  if (file) {
    const Record told = require_task(*file, "digits");
    s.hidden = told.count("hidden");
    if (told.count("pixels") != pixels)
      throw InputError(fmt::format("{}: reads images of {} pixels, not {}", file->path(), told.count("pixels"), pixels));
    if (classes > told.count("classes"))
      throw InputError(
          fmt::format("{}: knows {} classes; there is a label {}", file->path(), told.count("classes"), classes - 1));
    classes = told.count("classes");
  }
  std::vector<Index> rows(static_cast<std::size_t>(all.y.size()));
  std::iota(rows.begin(), rows.end(), 0);
  const auto to_learn = static_cast<std::ptrdiff_t>(epochs > 0 ? rows.size() * 4 / 5 : 0);
  const Digits to_test = take(all, std::span(rows).subspan(static_cast<std::size_t>(to_learn)));

  ParameterSet set;
  const Mlp net(set, "net", {pixels, s.hidden, classes}, relu);
  Tape tape;
  const Var logits = net(tape.input("x", {B, pixels}));
  const Var loss = cross_entropy(logits, tape.ids("y", {B}));
  Trainer<float> trainer(loss, set, Adam{.lr = s.lr}, {},
                         {.seed = s.common.seed, .threads = s.common.make_threads(), .products = s.common.products});
  if (file) load_model(*file, set, trainer.parameters());
  page.setting("parameters", fmt::format("{}", set.elements()));
  fmt::print("{}{} images to train, {} to test\n", trainer.summary(), to_learn, to_test.y.size());
  const Var guess = argmax(logits);
  Session<float> session({guess}, &trainer.parameters(), {.threads = s.common.make_threads()});

  program::Epochs run{{rows.begin(), rows.begin() + to_learn}, s.batch, s.common.random(0)};
  program::Checkpoints checkpoints(trainer, s.keeping, [&](Keeper& keep) { run.keep(keep); });
  checkpoints.resume();
  const Index before = trainer.updates();
  program::Progress progress(epochs * run.batches() - before);
  double last = 0;
  const auto learn = [&](std::span<const Index> some) {
    const Digits batch = take(all, some);
    return last = trainer.step({{"x", batch.x}, {"y", batch.y}});
  };
  const auto after_batch = [&] {
    checkpoints.update();
    progress.update(trainer.updates() - before, [&] { return fmt::format("epoch {}  loss {:.4f}", run.epoch, last); });
  };
  for (; run.epoch <= epochs && !program::interrupted(); run.begin_next()) {
    const bool whole = run.learn_epoch(learn, after_batch);
    progress.finish(page);
    const double share = test(trainer, session, guess, to_test).share;
    fmt::print("epoch {}: mean loss {:.4f}, {:.2f}% of the test images right\n", run.epoch, run.mean.value(), share);
    if (!whole) break;
    run.losses[0].points.push_back({static_cast<double>(run.epoch), run.mean.value()});
    run.shares[0].points.push_back({static_cast<double>(run.epoch), share});
    page.set("loss",
             report::LineChart{.title = "Loss", .x_label = "epoch", .y_label = "nats", .log_y = true, .curves = run.losses});
    page.set("right", report::LineChart{.title = "Right", .x_label = "epoch", .y_label = "%", .curves = run.shares});
    page.result("test images right", fmt::format("{:.2f}%", share));
    page.result("mean loss of the last epoch", fmt::format("{:.4f}", run.mean.value()));
    page.write_now_and_then();
  }
  checkpoints.finish();
  if (epochs == 0) {
    const Score score = test(trainer, session, guess, to_test);
    fmt::print("{:.2f}% of the images right, mean loss {:.4f}\n", score.share, score.loss);
    page.result("images right", fmt::format("{:.2f}%", score.share));
  }
  if (s.keeping.save.empty()) return;
  save_model(s.keeping.save, set, trainer.parameters(),
             describe("digits").set("pixels", pixels).set("hidden", s.hidden).set("classes", classes));
}

}  // namespace

int main(int argc, char** argv) {
  Settings s;
  CLI::App app("The slides' feed-forward network with every number; XOR; digits from IDX files.", "mlp");
  app.add_option("--graph", s.graph, "Where to write the network's graph as DOT, and with dot the same name with .svg as SVG")
      ->check(program::not_empty());
  auto* exclusive_or = app.add_flag("--xor", s.xor_task, "Learn the exclusive or instead");
  auto* images =
      app.add_option("--images", s.images, "IDX file of images to learn instead, perhaps gzipped")->excludes(exclusive_or);
  auto* labels = app.add_option("--labels", s.labels, "IDX file of their labels");
  images->needs(labels);
  labels->needs(images);
  app.add_option("--hidden", s.hidden, "Hidden units for images")->check(CLI::Range(1, 65536))->capture_default_str();
  app.add_option("--epochs", s.epochs,
                 "Passes over the training images; by default 5, or 1000 of XOR's four rows. 0: only tests --load")
      ->check(CLI::Range(0, 100000));
  app.add_option("--batch", s.batch, "Images per step")->check(CLI::Range(1, 65536))->capture_default_str();
  app.add_option("--lr", s.lr, "Adam's learning rate for images")->check(program::at_least(0))->capture_default_str();
  program::add_common(app, s.common);
  program::add_precision(app, s.common);
  program::add_keeping(app, s.keeping);
  app.get_option("--hidden")->excludes(app.get_option("--load"));
  return program::run(app, argc, argv, [&] {
    if (s.graph.ends_with(".svg") || (!s.graph.empty() && s.graph == s.common.report))
      throw InputError(fmt::format("--graph {}: the DOT file needs a name of its own, such as mlp.dot", s.graph));
    if (s.keeping.any() && !s.xor_task && s.images.empty())
      throw InputError("--save, --load and --checkpoint need --xor or --images: the slides' network is not kept");
    std::vector<const char*> unused = {"hidden", "epochs", "batch", "lr"};  // of the slides' network
    if (!s.images.empty()) unused = {"graph"};
    if (s.xor_task) unused = {"graph", "hidden", "batch", "lr"};
    auto page = program::make_page(app, s.common, "Feed-forward networks", {}, unused);
    if (s.xor_task) {
      learn_xor(s, page);
    } else if (!s.images.empty()) {
      learn_digits(s, page);
    } else {
      first_row(s.graph, page);
      one_step();
      activations();
      hello(s.common, page);
    }
    page.finish();
  });
}
