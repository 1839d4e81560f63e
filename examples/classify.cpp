// Finds the class of whole sequences: texts from a file of label<TAB>text lines, or pictures from IDX files, read row by row.
#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <unordered_map>

#include "common/program.h"
#include "common/sentences.h"

#include <fmt/ranges.h>

#include <reel/data/files.h>
#include <reel/data/images.h>
#include <reel/data/sequence_batch.h>
#include <reel/data/words.h>
#include <reel/models/sequence_classifier.h>
#include <reel/reel.h>

using namespace reel;

namespace {

struct Settings {
  std::string network = "lstm", text, images, labels;
  Index units = 64, word_size = 32, length = 60, batch = 32, epochs = 10, train = 0, sentences = 4000;
  double lr = 2e-3, dropout = .2;
  program::Common common;
};

// ---- data: sequences of ids or of vectors, with a class each ----

struct Dataset {
  std::vector<std::string> classes;
  std::unordered_map<std::string, std::int32_t> class_ids;
  std::vector<std::int32_t> labels;
  // A text: words. A picture: rows of numbers, one after another.
  std::vector<std::vector<std::string>> texts;
  Tensor<float> pictures;  // [N, rows, columns]; empty for texts
  bool of_texts() const { return !texts.empty(); }
  Index size() const { return static_cast<Index>(labels.size()); }
};

std::int32_t class_id(Dataset& data, const std::string& label) {
  const auto [it, added] = data.class_ids.try_emplace(label, static_cast<std::int32_t>(data.classes.size()));
  if (added) data.classes.push_back(label);
  return it->second;
}

void add_text(Dataset& data, const std::string& label, std::string_view text, Index length) {
  std::vector<std::string> words = tokenize(text);
  if (static_cast<Index>(words.size()) > length) words.resize(static_cast<std::size_t>(length));
  data.labels.push_back(class_id(data, label));
  data.texts.push_back(std::move(words));
}

Dataset read_texts(const Settings& s) {
  LineReader lines(s.text);
  Dataset data;
  for (std::string row; lines.next(row);) {
    if (row.empty()) continue;
    const std::size_t tab = row.find('\t');
    if (tab == std::string::npos || tab == 0) throw FileError(fmt::format("{}: expected label<TAB>text", lines.place()));
    if (tokenize(row.substr(tab + 1)).empty()) throw FileError(fmt::format("{}: the text is empty", lines.place()));
    add_text(data, row.substr(0, tab), std::string_view(row).substr(tab + 1), s.length);
  }
  if (data.size() == 0) throw FileError(s.text + ": is empty");
  return data;
}

Dataset draw_texts(const Settings& s) {
  Dataset data;
  RandomStream random = s.common.random(0);
  for (Index i = 0; i < s.sentences; ++i) {
    const auto [label, text] = sentences::draw(random);
    add_text(data, label, text, s.length);
  }
  return data;
}

Dataset read_pictures(const Settings& s) {
  auto [images, labels] = read_idx_images(s.images, s.labels);
  if (images.shape().rank() != 3)
    throw InputError(fmt::format("{} {} are no pictures of rows and columns", s.images, images.shape().text()));
  Dataset data;
  data.pictures = std::move(images);
  const std::int32_t most = labels.size() ? *std::max_element(labels.begin(), labels.end()) : 0;
  for (std::int32_t c = 0; c <= most; ++c) data.classes.push_back(fmt::format("{}", c));
  data.labels.assign(labels.begin(), labels.end());
  return data;
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
  const Index train = s.train > 0 ? s.train : data.size() * 4 / 5;
  if (data.classes.size() < 2 || train < 1 || train >= data.size())
    throw InputError(fmt::format("{} examples of {} classes: cannot learn from {} and test on the others", data.size(),
                                 data.classes.size(), train));
  return {{order.begin(), order.begin() + train}, {order.begin() + train, order.end()}};
}

// ---- the network over one kind of data ----

class Classifier {
 public:
  Classifier(const Settings& s, const Dataset& data, const Split& split) : s_(s), data_(data) {
    Index inputs = data.of_texts() ? s.word_size : data.pictures.shape().dim(2);
    if (data.of_texts()) {
      words_.add("<unknown>");
      for (Index i : split.train)
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
                                    .lengths = {.spare = 32}});
  }

  double learn(std::span<const Index> rows) {
    const Batch b = batch(rows);
    return trainer_->step(b.bindings(), b.steps);
  }

  // Log-probabilities [rows, classes].
  Tensor<float> judge(std::span<const Index> rows) {
    const Batch b = batch(rows);
    const Tensor<float> value = trainer_->predict("log_probabilities", b.bindings(), b.steps);
    Tensor<float> out(value.shape());
    for (std::size_t r = 0; r < rows.size(); ++r) {
      const Index to = b.order[r], C = value.shape().dim(1);
      std::copy_n(value.data() + static_cast<Index>(r) * C, C, out.data() + to * C);
    }
    return out;
  }
  const ParameterSet& params() const { return params_; }
  const WordVocabulary& words() const { return words_; }

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
  Batch batch(std::span<const Index> rows) const {
    Batch b;
    const auto count = static_cast<Index>(rows.size());
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
      b.texts = sequence_batch(ids, b.steps);
      b.order = b.texts.order;
    } else {
      const Index T = data_.pictures.shape().dim(1), I = data_.pictures.shape().dim(2);
      b.steps = T;
      b.x = Tensor<float>(Shape{T, count, I});
      for (Index r = 0; r < count; ++r) {
        b.order.push_back(r);
        for (Index t = 0; t < T; ++t)
          std::copy_n(data_.pictures.data() + (rows[static_cast<std::size_t>(r)] * T + t) * I, I,
                      b.x.data() + (t * count + r) * I);
      }
    }
    for (std::size_t r = 0; r < rows.size(); ++r)
      b.y[static_cast<Index>(r)] = data_.labels[static_cast<std::size_t>(rows[static_cast<std::size_t>(b.order[r])])];
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

Confusion test(Classifier& classifier, const Dataset& data, const std::vector<Index>& rows) {
  const std::size_t C = data.classes.size();
  Confusion c{std::vector<double>(C * C)};
  double right = 0;
  for (std::size_t first = 0; first < rows.size(); first += 250) {
    const auto group = std::span(rows).subspan(first, std::min<std::size_t>(250, rows.size() - first));
    const Tensor<float> p = classifier.judge(group);
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

void learn(const CLI::App& app, const Settings& s) {
  const Dataset data = !s.images.empty() ? read_pictures(s) : !s.text.empty() ? read_texts(s) : draw_texts(s);
  Split parts = split(data, s);
  Classifier classifier(s, data, parts);
  auto page = program::make_page(app, s.common, "Classes of sequences", fmt::format("{} network", s.network), unused(s));
  page.setting("parameters", fmt::format("{}", classifier.params().elements()));
  fmt::print("{} examples of {} classes to learn, {} to test, {} parameters\n", parts.train.size(), data.classes.size(),
             parts.test.size(), classifier.params().elements());

  report::LineChart losses{.title = "Loss", .x_label = "epoch", .y_label = "nats", .log_y = true};
  losses.curves = {{.name = "training"}, {.name = "test", .best = report::Best::smallest}};
  report::LineChart shares{.title = "Right", .x_label = "epoch", .y_label = "%"};
  shares.curves = {{.name = "test", .best = report::Best::largest}};
  RandomStream random = s.common.random(1);
  const auto batches = (static_cast<Index>(parts.train.size()) + s.batch - 1) / s.batch;
  program::Progress progress(s.epochs * batches);
  Confusion last;
  for (Index epoch = 1; epoch <= s.epochs && !program::interrupted(); ++epoch) {
    shuffle(parts.train, random);
    program::WeightedMean mean;
    for (Index b = 0; b < batches && !program::interrupted(); ++b) {
      const auto first = static_cast<std::size_t>(b * s.batch);
      const std::size_t count = std::min(static_cast<std::size_t>(s.batch), parts.train.size() - first);
      const double l = classifier.learn(std::span(parts.train).subspan(first, count));
      mean.add(l, static_cast<double>(count));
      progress.update((epoch - 1) * batches + b + 1, [&] { return fmt::format("epoch {}  loss {:.4f}", epoch, mean.value()); });
    }
    progress.finish(page);
    last = test(classifier, data, parts.test);
    fmt::print("epoch {}: loss {:.4f}, {:.2f}% of the test right\n", epoch, mean.value(), last.share);
    losses.curves[0].points.push_back({static_cast<double>(epoch), mean.value()});
    losses.curves[1].points.push_back({static_cast<double>(epoch), last.loss});
    shares.curves[0].points.push_back({static_cast<double>(epoch), last.share});
    page.set("loss", losses);
    page.result("test right", fmt::format("{:.2f}%", last.share));
    page.result("loss of the test", fmt::format("{:.4f}", last.loss));
    page.set("right", shares);
    if (data.classes.size() <= kMostBars) page.set("classes", right_by_class(data, last));
    page.set("confusion", report::HeatMap{.title = "True class against judged class",
                                          .rows = data.classes,
                                          .columns = data.classes,
                                          .values = last.counts,
                                          .diverging = false,
                                          .caption = "One row for each true class, one column for each that was judged."});
    page.write_now_and_then();
  }
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
  app.add_option("--epochs", s.epochs, "Passes over the training examples")->check(CLI::Range(1, 100000))->capture_default_str();
  app.add_option("--lr", s.lr, "Adam's largest learning rate")->check(program::at_least(0))->capture_default_str();
  program::add_common(app, s.common);
  return program::run(app, argc, argv, [&] { learn(app, s); });
}
