// Finds the class of whole sequences: texts from a file of label<TAB>text lines, or pictures from IDX files, read row by row.
#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <unordered_map>

#include "common/epochs.h"
#include "common/keeping.h"
#include "common/labelled.h"
#include "common/program.h"

#include <fmt/ranges.h>

#include <reel/data/sequence_batch.h>
#include <reel/data/words.h>
#include <reel/models/sequence_classifier.h>
#include <reel/reel.h>

using namespace reel;
using labelled::Dataset;

namespace {

struct Settings {
  std::string network = "lstm", text, images, labels;
  Index units = 64, word_size = 32, length = 60, batch = 32, epochs = 10, train = 0, sentences = 4000;
  double lr = 2e-3, dropout = .2;
  program::Common common;
  program::Keeping keeping;
};

// ---- what is kept ----

// What a model that was saved knows; empty for one that is to be learnt.
struct Known {
  std::vector<std::string> classes, words;
  Index columns = 0;  // of pictures; 0: it reads texts
};

Known take_description(const SafetensorsFile& file, Settings& s) {
  const Record r = program::load_description(file, "classify");
  s.network = r.text("network");
  s.units = r.count("units");
  Known known{r.texts("classes"), {}, r.has("columns") ? r.count("columns") : 0};
  if (known.classes.size() < 2) throw FileError(fmt::format("{}: knows {} classes", file.path(), known.classes.size()));
  if (known.columns > 0 && s.images.empty())
    throw InputError(fmt::format("{}: reads pictures of {} columns: give --images and --labels", file.path(), known.columns));
  if (known.columns == 0 && !s.images.empty()) throw InputError(fmt::format("{}: reads texts, not pictures", file.path()));
  if (known.columns > 0) return known;
  known.words = r.texts("words");
  s.word_size = r.count("word size");
  return known;
}

// ---- data ----

// With the classes of what is known first. InputError for others.
Dataset read_data(const Settings& s, const Known& known) {
  Dataset data;
  for (const std::string& name : known.classes) labelled::class_id(data, name);
  if (!s.images.empty())
    data = labelled::read_pictures(s.images, s.labels);
  else if (!s.text.empty())
    data = labelled::read_texts(s.text, s.length, std::move(data));
  else
    data = labelled::draw_texts(s.sentences, s.length, s.common.random(0), std::move(data));
  if (known.classes.empty()) return data;
  if (data.classes.size() > known.classes.size())
    throw InputError(fmt::format("the class \"{}\" is not among those that the model knows: {}",
                                 data.classes[known.classes.size()], fmt::join(known.classes, ", ")));
  data.classes = known.classes;
  if (known.columns > 0 && data.pictures.shape().dim(2) != known.columns)
    throw InputError(fmt::format("the model reads pictures of {} columns, not {}", known.columns, data.pictures.shape().dim(2)));
  return data;
}

// What ranks must have alike.
std::string fingerprint(const Dataset& data) {
  const auto& numbers = data.pictures;
  std::string all(reinterpret_cast<const char*>(numbers.data()), static_cast<std::size_t>(numbers.size()) * sizeof(float));
  for (std::int32_t label : data.labels) all += fmt::format("{} ", label);
  for (const auto& words : data.texts) all += fmt::format("{} ", fmt::join(words, " "));
  return all;
}

// Which examples are learnt: the first of a file of pictures, drawn at random from texts.
struct Split {
  std::vector<Index> train, test;
};

Split split(const Dataset& data, const Settings& s) {
  std::vector<Index> order(static_cast<std::size_t>(data.size()));
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = static_cast<Index>(i);
  RandomStream random = s.common.random(2);
  if (data.of_texts()) shuffle(order, random);
  if (s.epochs == 0) return {{}, order};
  const Index train = s.train > 0 ? s.train : data.size() * 4 / 5;
  if (data.classes.size() < 2 || train < 1 || train >= data.size())
    throw InputError(fmt::format("{} examples of {} classes: cannot learn from {} and test on the others", data.size(),
                                 data.classes.size(), train));
  return {{order.begin(), order.begin() + train}, {order.begin() + train, order.end()}};
}

// ---- the network over one kind of data ----

class Classifier {
 public:
  // `words`: those that are known already; none: those of what is learnt.
  Classifier(const Settings& s, const Dataset& data, const Split& split, const std::vector<std::string>& words)
      : s_(s), data_(data), words_(words) {
    Index inputs = data.of_texts() ? s.word_size : data.pictures.shape().dim(2);
    if (data.of_texts()) {
      words_.add("<unknown>");
      for (Index i : words.empty() ? split.train : std::vector<Index>())
        for (const std::string& w : data.texts[static_cast<std::size_t>(i)]) words_.add(w);
      embed_.emplace(params_, "words", words_.size(), s.word_size, init::normal(.5));
    }
    const auto classes = static_cast<Index>(data.classes.size());
    network_.emplace(
        s.network, params_, "network",
        SequenceClassifierOptions{.inputs = inputs, .classes = classes, .units = s.units, .chunk = 7, .dropout = s.dropout});
    const Index updates = s.epochs * ((static_cast<Index>(split.train.size()) + s.batch - 1) / s.batch);
    // Texts have a handful of lengths (batch()), and each is met again and again.
    trainer_.emplace(Builder([this](Tape& t, Index T, Mode mode) { return record(t, T, mode); }), params_, Adam{.lr = s.lr},
                     ClipNorm{1},
                     TrainerOptions{.seed = s.common.seed,
                                    .threads = s.common.make_threads(),
                                    .schedule = program::rise_and_fall(updates, 50),
                                    .lengths = {.spare = 32},
                                    .products = s.common.products,
                                    .sharding = s.common.sharding});
  }

  double learn(std::span<const Index> rows) {
    const Batch b = batch(rows, trainer_->rows());
    return trainer_->step(b.bindings(), b.steps);
  }

  // Log-probabilities [rows, classes].
  Tensor<float> judge(std::span<const Index> rows) {
    const Batch b = batch(rows, {});
    const Tensor<float> value = trainer_->predict("log_probabilities", b.bindings(), b.steps);
    Tensor<float> out(value.shape());
    for (std::size_t r = 0; r < rows.size(); ++r) {
      const Index to = b.order[r], C = value.shape().dim(1);
      std::copy_n(value.data() + static_cast<Index>(r) * C, C, out.data() + to * C);
    }
    return out;
  }
  const ParameterSet& params() const { return params_; }
  Trainer<float>& trainer() { return *trainer_; }

  // What it takes to build this model again.
  Record description() const {
    Record r;
    r.set("program", "classify").set("network", s_.network).set("units", s_.units).set("classes", data_.classes);
    if (!data_.of_texts()) return r.set("columns", data_.pictures.shape().dim(2));
    std::vector<std::string> words;
    for (std::int32_t id = 0; id < words_.size(); ++id) words.push_back(words_.word(id));
    return r.set("words", words).set("word size", s_.word_size);
  }

 private:
  struct Batch {
    Index steps = 0;
    SequenceBatch texts;
    Tensor<float> x;
    Tensor<std::int32_t> y;
    std::vector<Index> order;
    std::vector<Binding> bindings() const {
      if (texts.ids.size() == 0) return {{"x", x}, {"y", y}};
      return {{"x", texts.ids}, {"mask", texts.mask}, {"counts", texts.counts}, {"y", y}};
    }
  };
  // Of a batch's examples, `rows`, those that are here.
  Batch batch(std::span<const Index> rows, const DealtRows& dealt) const {
    Batch b;
    const Index count = dealt.among(static_cast<Index>(rows.size()));
    b.y = Tensor<std::int32_t>(Shape{count});
    if (data_.of_texts()) {
      std::vector<std::vector<std::int32_t>> ids;
      std::size_t longest = 1;
      for (Index row : rows) {
        auto& list = ids.emplace_back();
        for (const std::string& w : data_.texts[static_cast<std::size_t>(row)])
          list.push_back(words_.contains(w) ? words_.id(w) : 0);
        longest = std::max(longest, list.size());
      }
      b.steps = static_cast<Index>(longest + 7) / 8 * 8;  // few lengths, so few plans
      b.texts = own_rows(dealt, sequence_batch(ids, b.steps));
      b.order = b.texts.order;
    } else {
      const Index T = data_.pictures.shape().dim(1), I = data_.pictures.shape().dim(2);
      b.steps = T;
      b.x = Tensor<float>(Shape{T, count, I});
      for (Index r = 0; r < count; ++r) {
        b.order.push_back(dealt.in_batch(r));
        for (Index t = 0; t < T; ++t)
          std::copy_n(data_.pictures.data() + (rows[static_cast<std::size_t>(b.order.back())] * T + t) * I, I,
                      b.x.data() + (t * count + r) * I);
      }
    }
    for (Index r = 0; r < count; ++r)
      b.y[r] = data_.labels[static_cast<std::size_t>(rows[static_cast<std::size_t>(b.order[static_cast<std::size_t>(r)])])];
    return b;
  }

  Var logits(Tape& tape, Index T, Mode mode) const {
    SequenceInput in;
    if (data_.of_texts()) {
      in.x = map_steps(tape.ids("x", T, {B}), [this](Var id) { return (*embed_)(id); });
      in.mask = tape.input("mask", T, {B});
      in.counts = tape.row_counts("counts", T);
    } else {
      in.x = tape.input("x", T, {B, data_.pictures.shape().dim(2)});
    }
    return (*network_)(in, mode);
  }
  std::vector<Result> record(Tape& tape, Index T, Mode mode) const {
    const Var z = logits(tape, T, mode);
    return {{"loss", cross_entropy(z, tape.ids("y", {B}))}, {"log_probabilities", log_softmax(z)}};
  }

  const Settings& s_;
  const Dataset& data_;
  WordVocabulary words_;
  ParameterSet params_;
  std::optional<Embedding> embed_;
  std::optional<SequenceClassifier> network_;
  std::optional<Trainer<float>> trainer_;
};

// ---- what the program does ----

struct Confusion {
  std::vector<double> counts;  // [true, guessed]
  double share = 0, loss = 0;
};

// Each rank judges some.
Tensor<float> judge_together(Classifier& classifier, Group* ranks, std::span<const Index> rows) {
  if (!ranks) return classifier.judge(rows);
  const DealtRows dealt{ranks->size(), ranks->rank(), 1};
  std::vector<Index> own;
  for (Index k = 0; k < dealt.among(static_cast<Index>(rows.size())); ++k)
    own.push_back(rows[static_cast<std::size_t>(dealt.in_batch(k))]);
  return gather_rows(*ranks, dealt, own.empty() ? Tensor<float>({0, 1}) : classifier.judge(own));
}

Confusion test(Classifier& classifier, const Dataset& data, const std::vector<Index>& rows, Group* ranks) {
  const std::size_t C = data.classes.size();
  Confusion c{std::vector<double>(C * C)};
  double right = 0;
  for (std::size_t first = 0; first < rows.size(); first += 250) {
    const auto group = std::span(rows).subspan(first, std::min<std::size_t>(250, rows.size() - first));
    const Tensor<float> p = judge_together(classifier, ranks, group);
    for (std::size_t r = 0; r < group.size(); ++r) {
      const float* row = p.data() + static_cast<Index>(r * C);
      const auto truth = static_cast<std::size_t>(data.labels[static_cast<std::size_t>(group[r])]);
      const auto guess = static_cast<std::size_t>(std::max_element(row, row + C) - row);
      ++c.counts[truth * C + guess];
      right += truth == guess;
      c.loss -= static_cast<double>(row[truth]) / static_cast<double>(rows.size());
    }
  }
  c.share = 100 * right / static_cast<double>(rows.size());
  return c;
}

constexpr std::size_t kMostBars = 40;

// Beside what comes out when every example is given the commonest class.
report::BarChart right_by_class(const Dataset& data, const Confusion& c) {
  report::BarChart chart{.title = "Right by true class", .label = "% of the class in the test"};
  const std::size_t C = data.classes.size();
  double most = 0, all = 0;
  for (std::size_t truth = 0; truth < C; ++truth) {
    const double count = std::accumulate(&c.counts[truth * C], &c.counts[truth * C] + C, 0.);
    chart.groups.push_back({data.classes[truth], {100 * c.counts[truth * C + truth] / count}});
    most = std::max(most, count);
    all += count;
  }
  chart.levels = {{"all classes together", c.share}, {"always the commonest", 100 * most / all}};
  return chart;
}

void show_texts(report::Page& page, Classifier& classifier, const Dataset& data, const std::vector<Index>& rows) {
  report::Table table{.title = "Texts that were not learnt", .header = {"text", "class", "judged", "probability"}};
  const std::size_t count = std::min<std::size_t>(rows.size(), 12), C = data.classes.size();
  const Tensor<float> p = classifier.judge(std::span(rows).first(count));
  for (std::size_t r = 0; r < count; ++r) {
    const float* row = p.data() + static_cast<Index>(r * C);
    const auto guess = static_cast<std::size_t>(std::max_element(row, row + C) - row);
    const auto i = static_cast<std::size_t>(rows[r]);
    table.rows.push_back({fmt::format("{}", fmt::join(data.texts[i], " ")),
                          data.classes[static_cast<std::size_t>(data.labels[i])], data.classes[guess],
                          fmt::format("{:.3f}", std::exp(row[guess]))});
  }
  page.set("texts", table);
}

// Options that mean nothing for the data.
std::vector<const char*> unused(const Settings& s) {
  if (!s.images.empty()) return {"sentences", "word-size", "length"};
  if (!s.text.empty()) return {"sentences"};
  return {};
}

void show(report::Page& page, const Dataset& data, const Confusion& c) {
  page.result("test right", fmt::format("{:.2f}%", c.share));
  page.result("loss of the test", fmt::format("{:.4f}", c.loss));
  if (data.classes.size() <= kMostBars) page.set("classes", right_by_class(data, c));
  page.set("confusion", report::HeatMap{.title = "True class against judged class",
                                        .rows = data.classes,
                                        .columns = data.classes,
                                        .values = c.counts,
                                        .diverging = false,
                                        .caption = "One row for each true class, one column for each that was judged."});
}

void train(Classifier& classifier, const Settings& s, const Dataset& data, const Split& parts, report::Page& page) {
  program::Epochs run{parts.train, s.batch, s.common.random(1)};
  run.losses.push_back({.name = "test", .best = report::Best::smallest});
  Trainer<float>& trainer = classifier.trainer();
  program::Checkpoints checkpoints(trainer, s.keeping, [&](Keeper& keep) { run.keep(keep); });
  checkpoints.resume();
  const Index before = trainer.updates();
  program::Progress progress(s.epochs * run.batches() - before);
  const program::RankTimes ranks(s.common.sharding.group);
  const auto after_batch = [&] {
    checkpoints.update();
    progress.update(trainer.updates() - before,
                    [&] { return fmt::format("epoch {}  loss {:.4f}", run.epoch, run.mean.value()); });
  };
  for (; run.epoch <= s.epochs && !program::interrupted(); run.begin_next()) {
    const bool whole = run.learn_epoch([&](std::span<const Index> rows) { return classifier.learn(rows); }, after_batch);
    progress.finish(page);
    const Confusion last = test(classifier, data, parts.test, s.common.sharding.group);
    fmt::print("epoch {}: loss {:.4f}, {:.2f}% of the test right\n", run.epoch, run.mean.value(), last.share);
    if (!whole) break;
    const auto at = static_cast<double>(run.epoch);
    run.losses[0].points.push_back({at, run.mean.value()});
    run.losses[1].points.push_back({at, last.loss});
    run.shares[0].points.push_back({at, last.share});
    page.set("loss",
             report::LineChart{.title = "Loss", .x_label = "epoch", .y_label = "nats", .log_y = true, .curves = run.losses});
    page.set("right", report::LineChart{.title = "Right", .x_label = "epoch", .y_label = "%", .curves = run.shares});
    show(page, data, last);
    page.write_now_and_then();
  }
  ranks.tell(progress.seconds(), trainer.updates() - before, page);
  checkpoints.finish();
}

void learn(const CLI::App& app, Settings s) {
  const std::optional<SafetensorsFile> file = program::open(s.keeping, s.common.writes());
  program::require_work(s.keeping, s.epochs, "epochs");
  const Known known = file ? take_description(*file, s) : Known();
  const Dataset data = read_data(s, known);
  s.common.require_same_data(fingerprint(data));
  const Split parts = split(data, s);
  Classifier classifier(s, data, parts, known.words);
  if (file) load_model(*file, classifier.params(), classifier.trainer().parameters());
  auto page = program::make_page(app, s.common, "Classes of sequences", fmt::format("{} network", s.network), unused(s));
  page.setting("parameters", fmt::format("{}", classifier.params().elements()));
  fmt::print("{} examples of {} classes to learn, {} to test, {} parameters\n", parts.train.size(), data.classes.size(),
             parts.test.size(), classifier.params().elements());
  if (s.epochs > 0) {
    train(classifier, s, data, parts, page);
  } else {
    const Confusion c = test(classifier, data, parts.test, s.common.sharding.group);
    fmt::print("{:.2f}% right, loss {:.4f}\n", c.share, c.loss);
    show(page, data, c);
  }
  if (!s.keeping.save.empty() && s.common.writes())
    save_model(s.keeping.save, classifier.params(), classifier.trainer().parameters(), classifier.description());
  if (data.of_texts()) show_texts(page, classifier, data, parts.test);
  page.finish();
}

}  // namespace

int main(int argc, char** argv) {
  Settings s;
  CLI::App app("Finds the class of texts, or of pictures read row by row.", "classify");
  app.add_option("--network", s.network, "What reads the sequences")
      ->check(CLI::IsMember(SequenceClassifier::kinds()))
      ->capture_default_str();
  auto* text =
      app.add_option("--text", s.text, "File of label<TAB>text lines; by default made-up sentences")->check(program::not_empty());
  auto* images = app.add_option("--images", s.images, "IDX file of pictures to read row by row, perhaps gzipped");
  auto* labels = app.add_option("--labels", s.labels, "IDX file of their classes");
  images->needs(labels)->excludes(text);
  labels->needs(images);
  app.add_option("--sentences", s.sentences, "Made-up sentences")->check(CLI::Range(1, 10000000))->capture_default_str();
  app.add_option("--train", s.train, "Examples to learn; 0 for four fifths. Of pictures, the first ones")
      ->check(CLI::Range(0, 100000000))
      ->capture_default_str();
  app.add_option("--units", s.units, "Units of the cells, filters of convolutions")
      ->check(CLI::Range(1, 4096))
      ->capture_default_str();
  app.add_option("--word-size", s.word_size, "Numbers that stand for a word")->check(CLI::Range(1, 4096))->capture_default_str();
  app.add_option("--length", s.length, "Words of a text that are read at most")
      ->check(CLI::Range(1, 10000))
      ->capture_default_str();
  app.add_option("--dropout", s.dropout, "Of inputs, recurrent connections and features")
      ->check(program::between(0.0, 0.95))
      ->capture_default_str();
  app.add_option("--batch", s.batch, "Sequences per training step")->check(CLI::Range(1, 65536))->capture_default_str();
  app.add_option("--epochs", s.epochs, "Passes over the training examples; 0: a model of --load judges them all")
      ->check(CLI::Range(0, 100000))
      ->capture_default_str();
  app.add_option("--lr", s.lr, "Adam's largest learning rate")->check(program::at_least(0))->capture_default_str();
  program::add_common(app, s.common);
  program::add_precision(app, s.common);
  program::add_shards(app, s.common);
  program::add_keeping(app, s.keeping);
  for (const char* option : {"--network", "--units", "--word-size"}) app.get_option(option)->excludes(app.get_option("--load"));
  return program::run(app, argc, argv, s.common, [&] { learn(app, s); });
}
