// Word vectors: read from a GloVe file, or learnt by a language model over words whose output shares them; their neighbours, and
// a heat map.
#include <algorithm>
#include <cmath>
#include <map>

#include "common/keeping.h"
#include "common/program.h"
#include "common/sentences.h"

#include <fmt/ranges.h>

#include <reel/data/files.h>
#include <reel/data/sequence_batch.h>
#include <reel/data/word_vectors.h>
#include <reel/models/cells/cell_kinds.h>
#include <reel/models/generation/writer.h>
#include <reel/reel.h>

using namespace reel;

namespace {

struct Settings {
  std::string vectors, text, write_vectors, cell = "lstm";
  std::vector<std::string> words, analogy;
  Index neighbours = 6, most = 0, size = 48, batch = 32, iterations = 1500, length = 40, sentences = 3000, shown = 24, rarest = 5;
  double lr = 3e-3, dropout = .2;
  program::Common common;
  program::Keeping keeping;
};

// ---- a language model over words, for vectors of one's own ----

struct Corpus {
  WordVocabulary words;  // <start>, <end>, <unknown>, then the text's, the most frequent first
  std::vector<std::vector<std::int32_t>> sentences;
};

// Sentences end with . ! or ?, or with the line where none comes.
std::vector<std::vector<std::string>> sentences_of(const std::string& text, Index length) {
  std::vector<std::vector<std::string>> all(1);
  for (std::string& word : tokenize(text)) {
    const bool ends = word == "." || word == "!" || word == "?";
    all.back().push_back(std::move(word));
    if (ends || static_cast<Index>(all.back().size()) == length) all.emplace_back();
  }
  if (all.back().empty()) all.pop_back();
  return all;
}

// Over the words that are known, if any are.
Corpus make_corpus(const Settings& s, const std::vector<std::string>& known) {
  std::string text;
  if (s.text.empty()) {
    RandomStream random = s.common.random(0);
    for (Index i = 0; i < s.sentences; ++i) text += sentences::draw(random).second + "\n";
  } else {
    text = read_text(s.text);
  }
  const auto sentences = sentences_of(text, s.length);
  std::map<std::string, Index> counts;
  for (const auto& sentence : sentences)
    for (const std::string& word : sentence) ++counts[word];
  std::vector<std::pair<std::string, Index>> order(counts.begin(), counts.end());
  std::ranges::stable_sort(order, std::greater<>(), &std::pair<std::string, Index>::second);
  Corpus corpus;
  for (const char* mark : {"<start>", "<end>", "<unknown>"}) corpus.words.add(mark);
  for (const std::string& word : known) corpus.words.add(word);
  for (const auto& [word, count] : order)
    if (known.empty() && count >= s.rarest) corpus.words.add(word);
  if (corpus.words.size() < 5) throw InputError(fmt::format("no two words come {} times in the text; see --rarest", s.rarest));
  for (const auto& sentence : sentences) {
    auto& ids = corpus.sentences.emplace_back();
    for (const std::string& word : sentence) ids.push_back(corpus.words.contains(word) ? corpus.words.id(word) : 2);
  }
  return corpus;
}

// A recurrent language model whose logits are products with its input vectors (tied embeddings).
struct LanguageModel {
  ParameterSet params;
  Embedding words;
  AnyCell cell;
  TiedHead head;

  LanguageModel(const Settings& s, Index V)
      : words(params, "words", V, s.size, init::normal(.1)),
        cell(make_cell(s.cell, params, "cell", s.size, s.size)),
        head(params, "head", words) {}

  Decoder decoder() const { return {words, cell, head}; }
  Var loss(Tape& tape, Index T, double rate, Mode mode) const {
    const Sequence before = tape.ids("before", T, {B}), after = tape.ids("after", T, {B}),
                   weights = tape.input("weights", T, {B});
    const Sequence x = map_steps(before, [&](Var word) { return dropout(words(word), rate, mode); });
    const Lengths lengths = Lengths::packed(tape.row_counts("counts", T));
    const auto run = unroll(cell, x, zero_state(tape, cell), lengths);
    Sequence logits, targets;
    for (std::size_t t = 0; t < run.outputs.size(); ++t) {
      logits.push_back(head(dropout(run.outputs[t], rate, mode)));
      targets.push_back(first_rows(after[t], run.outputs[t].shape().rows()));
    }
    return cross_entropy(logits, targets);
  }
};

WordVectors learn_vectors(const Settings& s, const Corpus& corpus, const SafetensorsFile* file, report::Page& page) {
  const LanguageModel model(s, corpus.words.size());
  Trainer<float> trainer([&](Tape& tape, Index T, Mode mode) { return model.loss(tape, T, s.dropout, mode); }, model.params,
                         Adam{.lr = s.lr}, ClipNorm{1},
                         {.seed = s.common.seed,
                          .threads = s.common.make_threads(),
                          .schedule = program::rise_and_fall(s.iterations, 50),
                          .lengths = {.spare = 32},
                          .products = s.common.products});  // few lengths, each met again and again
  if (file) load_model(*file, model.params, trainer.parameters());
  fmt::print("{} sentences, {} words, {} parameters\n", corpus.sentences.size(), corpus.words.size(), model.params.elements());
  page.setting("parameters", fmt::format("{}", model.params.elements()));
  report::LineChart losses{.title = "Loss of the language model", .x_label = "iteration", .y_label = "nats per word"};
  losses.curves = {{.name = "training"}};
  RandomStream random = s.common.random(1);
  program::SmoothedLoss smooth;
  program::Checkpoints checkpoints(trainer, s.keeping, [&](Keeper& keep) {
    keep("random", random);
    keep("loss", smooth);
    program::KeptPoints kept{losses.curves};
    keep("losses", kept);
    keep.same("sentences", corpus.sentences.size());
  });
  checkpoints.resume();
  const Index start = trainer.updates();
  program::Progress progress(s.iterations - start);
  for (Index i = start + 1; i <= s.iterations && !program::interrupted(); ++i) {
    std::vector<std::vector<std::int32_t>> before, after;
    std::size_t longest = 1;
    for (Index k = 0; k < s.batch; ++k) {
      after.push_back(corpus.sentences[static_cast<std::size_t>(random.below(static_cast<Index>(corpus.sentences.size())))]);
      before.push_back(after.back());
      before.back().insert(before.back().begin(), 0);
      after.back().push_back(1);
      longest = std::max(longest, after.back().size());
    }
    const auto steps = static_cast<Index>(longest + 7) / 8 * 8;
    const SequenceBatch x = sequence_batch(before, steps), y = sequence_batch(after, steps);
    const double l = trainer.step({{"before", x.ids}, {"after", y.ids}, {"counts", x.counts}}, steps);
    smooth.add(l);
    losses.curves[0].points.push_back({static_cast<double>(i), smooth.value()});
    if (i % 50 == 0 || i == s.iterations) page.set("loss", losses), page.write_now_and_then();
    checkpoints.update();
    progress.update(i - start,
                    [&] { return fmt::format("{:>6}/{}  loss {:.4f} nats per word", i, s.iterations, smooth.value()); });
  }
  progress.finish(page);
  checkpoints.finish();
  if (!s.keeping.save.empty()) {
    std::vector<std::string> words;
    for (std::int32_t id = 0; id < corpus.words.size(); ++id) words.push_back(corpus.words.word(id));
    Record told;
    told.set("program", "embeddings").set("cell", s.cell).set("size", s.size).set("words", words);
    save_model(s.keeping.save, model.params, trainer.parameters(), told);
  }

  Writer writer(model.decoder(), trainer.parameters(), s.common.make_threads());
  report::Table samples{.title = "Sentences that it writes", .header = {"sentence", "log-likelihood in nats"}};
  for (const Written& text : writer.sample(writer.zeros(3), {.start = 0, .end = 1, .most = s.length}, .8, random)) {
    fmt::print("  {}\n", corpus.words.decode(text.ids));
    samples.rows.push_back({corpus.words.decode(text.ids), fmt::format("{:.2f}", text.log_probability())});
  }
  page.set("samples", samples);
  const auto table = trainer.parameters()[model.words.table];
  WordVectors all{corpus.words, Tensor<float>(table.shape())};
  std::copy(table.begin(), table.end(), all.vectors.begin());
  return all;
}

// ---- what lies near ----

std::string text_of(const WordVectors& v, const std::vector<Neighbour>& near) {
  std::string text;
  for (const Neighbour& n : near) text += fmt::format("{}{} {:.3f}", text.empty() ? "" : ", ", v.words.word(n.id), n.distance);
  return text;
}

void show_neighbours(const WordVectors& v, const std::vector<std::string>& words, Index count, report::Page& page) {
  report::Table table{.title = "Nearest words", .header = {"word", "by Euclidean distance", "by cosine distance"}};
  for (const std::string& word : words) {
    const std::string straight = text_of(v, nearest(v, word, count, Distance::euclidean));
    const std::string angle = text_of(v, nearest(v, word, count, Distance::cosine));
    fmt::print("{}\n  Euclidean: {}\n  cosine:    {}\n", word, straight, angle);
    table.rows.push_back({word, straight, angle});
  }
  page.set("neighbours", table);
}

// a is to b as c is to what?
void show_analogy(const WordVectors& v, const std::vector<std::string>& abc, Index count, report::Page& page) {
  std::vector<std::int32_t> ids = v.words.encode(abc);
  std::vector<float> target(static_cast<std::size_t>(v.size()));
  for (std::size_t k = 0; k < target.size(); ++k) {
    const auto at = [&](std::size_t i) { return v.vectors[ids[i] * v.size() + static_cast<Index>(k)]; };
    target[k] = at(1) - at(0) + at(2);
  }
  const std::string answer = text_of(v, nearest(v, target, count, Distance::cosine, ids));
  fmt::print("{} is to {} as {} is to: {}\n", abc[0], abc[1], abc[2], answer);
  page.set("analogy",
           report::Table{.title = "Analogy", .rows = {{fmt::format("{} is to {} as {} is to", abc[0], abc[1], abc[2]), answer}}});
}

void show_maps(const WordVectors& v, const std::vector<std::string>& words, report::Page& page) {
  report::HeatMap map{.title = "Vectors", .rows = words, .caption = "One row for each word, one column for each number."};
  for (Index k = 0; k < v.size(); ++k) map.columns.push_back(fmt::format("{}", k + 1));
  for (const std::string& word : words)
    for (Index k = 0; k < v.size(); ++k) map.values.push_back(v.vectors[v.words.id(word) * v.size() + k]);
  page.set("vectors", map);
  report::HeatMap alike{.title = "Cosine of the angle between words", .rows = words, .columns = words};
  for (const std::string& a : words)
    for (const std::string& b : words) alike.values.push_back(1 - distance(v, v.words.id(a), v.words.id(b), Distance::cosine));
  page.set("alike", alike);
}

// Words to show when none are asked for: some of the made-up sentences' own, or the most frequent ones.
std::vector<std::string> usual_words(const Settings& s, const WordVocabulary& known) {
  std::vector<std::string> words;
  if (s.vectors.empty() && s.text.empty())
    for (const char* word : {"painter", "boxer", "brother", "oslo", "nordwind", "medal"})
      if (known.contains(word)) words.emplace_back(word);
  if (words.empty())
    for (Index i = s.vectors.empty() ? 3 : 0; i < std::min<Index>(known.size(), 9); ++i)
      words.push_back(known.word(static_cast<std::int32_t>(i)));
  return words;
}

void run(const CLI::App& app, Settings s) {
  const std::optional<SafetensorsFile> file = program::open(s.keeping);
  std::vector<std::string> known;
  if (file) {
    const Record told = program::load_description(*file, "embeddings");
    s.cell = told.text("cell");
    s.size = told.count("size");
    known = told.texts("words");
    if (known.size() < 5) throw FileError(fmt::format("{}: knows {} words", file->path(), known.size()));
  }
  auto page = program::make_page(app, s.common, "Word vectors", s.vectors.empty() ? "learnt by a language model" : s.vectors);
  WordVectors v;
  const auto require_asked = [&](const WordVocabulary& words) { words.encode(s.words), words.encode(s.analogy); };
  if (s.vectors.empty()) {
    // What is only looked at needs no text.
    const Corpus corpus = file && s.iterations == 0 ? Corpus{WordVocabulary(known), {}} : make_corpus(s, known);
    require_asked(corpus.words);  // before any work
    v = learn_vectors(s, corpus, file ? &*file : nullptr, page);
  } else {
    v = read_word_vectors(s.vectors, s.most);
    require_asked(v.words);
  }
  if (!s.write_vectors.empty()) write_word_vectors(s.write_vectors, v);
  fmt::print("{} words of {} numbers\n", v.words.size(), v.size());
  const std::vector<std::string> words = s.words.empty() ? usual_words(s, v.words) : s.words;
  show_neighbours(v, words, s.neighbours, page);
  if (!s.analogy.empty()) show_analogy(v, s.analogy, s.neighbours, page);
  // The map: the words that were asked for, each followed by its neighbours.
  std::vector<std::string> shown;
  const auto add = [&](const std::string& word) {
    if (static_cast<Index>(shown.size()) < s.shown && std::ranges::find(shown, word) == shown.end()) shown.push_back(word);
  };
  for (const std::string& word : words) {
    add(word);
    for (const Neighbour& n : nearest(v, word, 3, Distance::cosine)) add(v.words.word(n.id));
  }
  show_maps(v, shown, page);
  page.finish();
}

}  // namespace

int main(int argc, char** argv) {
  Settings s;
  CLI::App app("Word vectors, read from a GloVe file or learnt by a language model, and what lies near what.", "embeddings");
  app.add_option("--vectors", s.vectors, "GloVe text file: a word and its numbers on each line")->check(program::not_empty());
  app.add_option("--most", s.most, "Words of the file that are read; 0 for all")
      ->check(CLI::Range(0, 100000000))
      ->capture_default_str();
  app.add_option("--text", s.text, "Text to learn from; by default made-up sentences")
      ->excludes("--vectors")
      ->check(program::not_empty());
  app.add_option("--word", s.words, "Words whose neighbours are shown");
  app.add_option("--analogy", s.analogy, "Three words: a is to b as c is to what?")->expected(3);
  app.add_option("--neighbours", s.neighbours, "Neighbours of each word")->check(CLI::Range(1, 1000))->capture_default_str();
  app.add_option("--shown", s.shown, "Words in the heat map at most")->check(CLI::Range(1, 1000))->capture_default_str();
  app.add_option("--write-vectors", s.write_vectors, "File to write the vectors to, in GloVe's format")
      ->check(program::not_empty());
  app.add_option("--cell", s.cell, "Cell of the language model")->check(CLI::IsMember(cell_names()))->capture_default_str();
  app.add_option("--size", s.size, "Numbers of a word's vector, and units")->check(CLI::Range(1, 4096))->capture_default_str();
  app.add_option("--rarest", s.rarest, "Words that come less often are <unknown>")
      ->check(CLI::Range(1, 1000000))
      ->capture_default_str();
  app.add_option("--length", s.length, "Words of a sentence at most")->check(CLI::Range(1, 10000))->capture_default_str();
  app.add_option("--sentences", s.sentences, "Made-up sentences")->check(CLI::Range(1, 10000000))->capture_default_str();
  app.add_option("--dropout", s.dropout, "Of what enters and leaves the cell")
      ->check(program::between(0.0, 0.95))
      ->capture_default_str();
  app.add_option("--batch", s.batch, "Sentences per training step")->check(CLI::Range(1, 65536))->capture_default_str();
  app.add_option("--iterations", s.iterations, "Training steps")->check(CLI::Range(0, 100000000))->capture_default_str();
  app.add_option("--lr", s.lr, "Adam's largest learning rate")->check(program::at_least(0))->capture_default_str();
  program::add_common(app, s.common);
  program::add_precision(app, s.common);
  program::add_keeping(app, s.keeping);
  for (const char* option : {"--cell", "--size", "--vectors", "--rarest"})
    app.get_option(option)->excludes(app.get_option("--load"));
  for (const char* option : {"--save", "--checkpoint"}) app.get_option(option)->excludes(app.get_option("--vectors"));
  return program::run(app, argc, argv, [&] { run(app, s); });
}
