// Learns a text character by character, then writes more of it.
#include <cmath>
#include <filesystem>

#include "common/char_model.h"
#include "common/keeping.h"
#include "common/program.h"
#include "common/tracks.h"

#include <reel/data/files.h>
#include <reel/reel.h>

using namespace reel;
using chars::CharModel;
using chars::CharWriter;

namespace {

struct Settings {
  chars::ModelOptions model;
  std::string file, optimizer = "adam", prime, likelihood;
  Index batch = 32, length = 50, iterations = 1000, sample = 600, coloured = 600;
  double lr = 2e-3, clip = 5, validation = 0.1, temperature = 0.7;
  program::Common common;
  program::Keeping keeping;
};

// ---- the text ----

// reel's own source files, one after the other.
std::string own_sources() {
  std::vector<std::string> paths;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(REEL_SOURCE_DIR)) {
    const std::string extension = entry.path().extension();
    if (extension == ".h" || extension == ".cpp") paths.push_back(entry.path());
  }
  std::ranges::sort(paths);
  // Headers and sources of all folders take turns, so that the held-out tail is like the rest.
  RandomStream order(0);
  shuffle(paths, order);
  std::string text;
  for (const std::string& path : paths) text += read_file(path);
  return text;
}

std::string load_text(const Settings& s) {
  const std::string text = s.file.empty() ? own_sources() : read_text(s.file);
  const std::string name = s.file.empty() ? "reel's sources" : s.file;
  if (text.empty()) throw FileError(name + ": is empty");
  if (const auto zero = text.find('\0'); zero != std::string::npos)
    throw FileError(fmt::format("{}: is no text: byte {} is zero", name, zero));
  if (Vocabulary(text).size() < 2) throw FileError(name + ": holds only one symbol; there is nothing to learn");
  return text;
}

OptimizerRule make_rule(const Settings& s) {
  if (s.optimizer == "sgd") return Sgd{s.lr};
  if (s.optimizer == "momentum") return Momentum{s.lr};
  if (s.optimizer == "adagrad") return Adagrad{s.lr};
  return Adam{s.lr};
}

// ---- what the program does ----

// Mean cross-entropy in nats of the ids, from a zero state that is carried all along: as one stream, or as one for each shard.
double score(Trainer<float>& trainer, std::span<const std::int32_t> ids) {
  constexpr Index kWindow = 100;
  trainer.reset_evaluation();
  program::WeightedMean mean;
  const auto pairs = static_cast<Index>(ids.size()) - 1;
  const Index streams = std::min(trainer.rows().shards, pairs), count = pairs / streams, here = trainer.rows().among(streams);
  for (Index at = 0; at < count && !program::interrupted(); at += kWindow) {
    const Index steps = std::min(kWindow, count - at);
    Tensor<std::int32_t> x({steps, here}), y({steps, here});
    for (Index t = 0; t < steps; ++t)
      for (Index k = 0; k < here; ++k) {
        const auto from = static_cast<std::size_t>(trainer.rows().in_batch(k) * count + at + t);
        x(t, k) = ids[from], y(t, k) = ids[from + 1];
      }
    mean.add(trainer.evaluate({{"x", x}, {"y", y}}, steps), static_cast<double>(steps));
  }
  return mean.value();
}

// What the page shows of the training as it goes on.
class Diary {
 public:
  Diary(report::Page& page, const Settings& s)
      : page_(page), keeps_(s.common.reports), every_(std::max<Index>(s.iterations / 10, 1)) {
    losses_.curves = {{.name = "training"}, {.name = "validation", .best = report::Best::smallest}};
    norms_.curves = {{.name = "norm"}};
  }

  // `look`: what is told now and then only: the validation loss and a sample.
  template <class Look>
  void note(Index i, double loss, double norm, Look look) {
    if (!keeps_) return;
    const auto at = static_cast<double>(i);
    losses_.curves[0].points.push_back({at, loss / std::log(2.0)});
    norms_.curves[0].points.push_back({at, norm});
    if (i % every_ == 0) {
      const auto [validation, sample] = look();
      if (validation >= 0) losses_.curves[1].points.push_back({at, validation / std::log(2.0)});
      samples_.samples.push_back({fmt::format("iteration {}", i), sample});
    }
    if (i % every_ && i % 100) return;
    page_.set("loss", losses_);
    page_.set("norms", norms_);
    page_.set("samples", samples_);
    page_.write_now_and_then();
  }

  void keep(Keeper& keep) {
    program::KeptPoints losses{losses_.curves}, norms{norms_.curves};
    keep("losses", losses);
    keep("norms", norms);
    auto count = samples_.samples.size();
    keep("samples", count);
    samples_.samples.resize(count);
    for (std::size_t i = 0; i < count; ++i) {
      keep(fmt::format("when {}", i), samples_.samples[i].when);
      keep(fmt::format("sample {}", i), samples_.samples[i].text);
    }
  }

 private:
  report::Page& page_;
  bool keeps_;  // of every rank: looking is done together
  Index every_;
  report::LineChart losses_{.title = "Loss", .x_label = "iteration", .y_label = "bits per character", .log_y = true};
  report::LineChart norms_{.title = "Norm of the gradient, before clipping", .x_label = "iteration", .log_y = true};
  report::Samples samples_{.title = "What it writes"};
};

// What goes on from update to update, besides the Trainer.
struct Run {
  TextStreams streams;
  RandomStream random;  // of the diary's samples
  Diary diary;
  program::SmoothedLoss smoothed = {};

  void keep(Keeper& keep) {
    keep("streams", streams);
    keep("random", random);
    keep("diary", diary);
    keep("loss", smoothed);
  }
};

// `look`: as the diary has it.
template <class Look>
void train(Trainer<float>& trainer, const Settings& s, Run& run, report::Page& page, Look look) {
  program::Checkpoints checkpoints(trainer, s.keeping, [&](Keeper& keep) { run.keep(keep); });
  checkpoints.resume();
  const Index before = trainer.updates();
  program::Progress progress(s.iterations - before);
  const program::RankTimes ranks(s.common.sharding.group);
  for (Index i = before + 1; i <= s.iterations && !program::interrupted(); ++i) {
    if (run.streams.next()) trainer.reset_state();
    const double loss = trainer.step({{"x", run.streams.input()}, {"y", run.streams.target()}}, s.length);
    const double smooth = run.smoothed.add(loss);
    run.diary.note(i, smooth, trainer.gradient_norm(), look);
    checkpoints.update();
    progress.update(i - before, [&] {
      const double speed = static_cast<double>((i - before) * s.batch * s.length) / progress.seconds();
      return fmt::format("{:>6}/{}  loss {:.4f}  {:.3f} bits/char  {:.0f} chars/s", i, s.iterations, smooth,
                         smooth / std::log(2.0), speed);
    });
  }
  progress.finish(page);
  ranks.tell(progress.seconds(), trainer.updates() - before, page);
  checkpoints.finish();
}

// Which units track what, and the text coloured by the best of each: on the terminal, if it is one, and on the page.
void look_inside(CharWriter& writer, const Settings& s, const Vocabulary& vocabulary, std::span<const std::int32_t> ids,
                 report::Page& page) {
  const auto some = ids.first(std::min<std::size_t>(ids.size(), 20000));
  const std::string text = vocabulary.decode(some);
  const std::vector<std::vector<double>> units = writer.watch(some);
  if (units.empty()) return;
  report::Table table{.title = "Units that keep track", .header = {"of", "unit", "correlation", "next best", "by chance"}};
  for (const tracks::Track& track : tracks::of_text(text)) {
    const std::vector<tracks::Ranked> ranked = tracks::rank(units, track);
    std::string others;
    for (std::size_t i = 1; i < std::min<std::size_t>(ranked.size(), 4); ++i)
      others += fmt::format("{}{} {:.2f}", others.empty() ? "" : ", ", ranked[i].unit, ranked[i].correlation);
    const double chance = tracks::chance(units, track);
    const bool keeps = std::abs(ranked[0].correlation) > chance;
    fmt::print("{}: {} (correlation {:.2f}; next {}; by chance up to {:.2f})\n", track.name,
               keeps ? fmt::format("unit {}", ranked[0].unit) : fmt::format("no unit, unit {} comes nearest", ranked[0].unit),
               ranked[0].correlation, others, chance);
    table.rows.push_back({track.name, keeps ? fmt::format("{}", ranked[0].unit) : "none",
                          fmt::format("{:.2f}", ranked[0].correlation), others, fmt::format("{:.2f}", chance)});
    if (!keeps) continue;
    const std::vector<double>& best = units[static_cast<std::size_t>(ranked[0].unit)];
    const auto length = static_cast<std::size_t>(s.coloured);
    const auto [first, count] = tracks::whole_characters(text, tracks::liveliest(text, track, length), length);
    const std::string shown = text.substr(first, count);
    const auto activation = std::span(best).subspan(first, shown.size());
    if (program::on_terminal()) fmt::print("{}\n", tracks::for_terminal(shown, activation));
    page.set(track.name, report::ColouredText{.title = fmt::format("Unit {}: {}", ranked[0].unit, track.name),
                                              .text = shown,
                                              .activation = {activation.begin(), activation.end()},
                                              .caption = fmt::format("Correlation {:.2f}.", ranked[0].correlation)});
  }
  page.set("units", table);
}

// ---- what is kept ----

void learn_and_write(const CLI::App& app, Settings s) {
  const std::optional<SafetensorsFile> file = program::open(s.keeping, s.common.writes());
  std::string symbols;
  if (file) {
    auto saved = chars::described(*file);
    saved.options.dropout = s.model.dropout;
    s.model = saved.options;
    symbols = saved.symbols;
  }
  // What only writes needs no text.
  const bool reads = !file || s.iterations > 0 || s.keeping.resume || !s.file.empty();
  const std::string text = reads ? load_text(s) : "";
  s.common.require_same_data(text);
  const Vocabulary vocabulary(file ? symbols : text);
  const std::vector<std::int32_t> ids = vocabulary.encode(text);
  const std::string prime = !s.prime.empty() ? s.prime : std::string(1, reads ? text[0] : vocabulary.symbol(0));
  vocabulary.encode(prime);  // refuses strange characters before any work
  const std::vector<std::int32_t> asked = vocabulary.encode(s.likelihood);
  if (asked.size() == 1)
    throw InputError("the likelihood is that of all characters after the first; a text of one character has none");
  const auto held_out = static_cast<std::size_t>(s.validation * static_cast<double>(ids.size()));
  const auto head = std::span(ids).first(ids.size() - held_out);
  const auto tail = std::span(ids).last(held_out);
  if (reads && s.validation > 0 && held_out < 2)
    throw InputError(
        fmt::format("the text has {} characters; its held-out part of {} is too short to score", ids.size(), s.validation));

  const CharModel model(s.model, vocabulary.size());
  const auto builder = [&](Tape& tape, Index steps, Mode mode) { return model.loss(tape, steps, mode); };
  Trainer<float> trainer(
      Builder(builder), model.params(), make_rule(s), s.clip > 0 ? Clip(ClipNorm{s.clip}) : Clip(),
      {.seed = s.common.seed, .threads = s.common.make_threads(), .products = s.common.products, .sharding = s.common.sharding});
  if (file) load_model(*file, model.params(), trainer.parameters());
  auto page = program::make_page(app, s.common, "Character model",
                                 !reads           ? s.keeping.load
                                 : s.file.empty() ? "reel's sources"
                                                  : s.file);
  page.setting("parameters", fmt::format("{}", model.params().elements()));
  CharWriter writer(model, trainer.parameters());
  const double entropy = reads ? unigram_entropy(text) : 0;
  if (reads)
    fmt::print("{} characters, {} distinct, {:.4f} nats = {:.3f} bits each without context; {} parameters\n", text.size(),
               vocabulary.size(), entropy, entropy / std::log(2.0), model.params().elements());
  if (s.iterations > 0 || s.keeping.resume) {
    Run run{TextStreams(head, s.batch, s.length, trainer.rows()), s.common.random(1, RandomUse::sampling), Diary(page, s)};
    train(trainer, s, run, page, [&] {
      const double validation = held_out == 0 ? -1 : score(trainer, tail.first(std::min<std::size_t>(tail.size(), 5000)));
      return std::pair(validation, writer.write(vocabulary, prime, 200, s.temperature, run.random));
    });
  }
  if (!s.keeping.save.empty() && s.common.writes())
    save_model(s.keeping.save, model.params(), trainer.parameters(), chars::description(s.model, vocabulary));

  RandomStream random = s.common.random(0, RandomUse::sampling);
  const std::string written = writer.write(vocabulary, prime, s.sample, s.temperature, random);
  fmt::print("---- sample ----\n{}\n----------------\n", written);
  page.set("sample",
           report::Samples{.title = "In the end", .samples = {{fmt::format("temperature {}", s.temperature), written}}});
  if (asked.size() > 1) fmt::print("log-likelihood of \"{}\": {:.4f} nats\n", s.likelihood, writer.log_likelihood(asked));
  if (reads && s.coloured > 0 && !program::interrupted()) look_inside(writer, s, vocabulary, held_out > 1 ? tail : head, page);
  const double loss = held_out > 0 && !program::interrupted() ? score(trainer, tail) : 0;
  if (held_out > 0 && !program::interrupted()) {
    page.result("held-out bits per character", fmt::format("{:.4f}", loss / std::log(2.0)));
    fmt::print("held-out: {:.3f} bits per character, {:.1f}% of the entropy without context\n", loss / std::log(2.0),
               100 * loss / entropy);
    fmt::print("validation {:.4f}\n", loss);
  }
  page.finish();
}

}  // namespace

int main(int argc, char** argv) {
  Settings s;
  CLI::App app("Learns a text character by character, then writes more of it.", "char_rnn");
  app.add_option("--text", s.file, "Text file to learn; by default reel's own source files")->check(program::not_empty());
  app.add_option("--cell", s.model.cell, "Cell of the recurrent layers")
      ->check(CLI::IsMember(chars::known_cells()))
      ->capture_default_str();
  app.add_option("--layers", s.model.layers, "Recurrent layers (of a Jordan network, the last one feeds back)")
      ->check(CLI::Range(1, 64))
      ->capture_default_str();
  app.add_option("--size", s.model.size, "Units per layer")->check(CLI::Range(1, 16384))->capture_default_str();
  app.add_option("--batch", s.batch, "Parallel streams through the text")->check(CLI::Range(1, 65536))->capture_default_str();
  app.add_option("--length", s.length, "Steps of a training window")->check(CLI::Range(1, 100000))->capture_default_str();
  app.add_option("--optimizer", s.optimizer, "Update rule")
      ->check(CLI::IsMember({"sgd", "momentum", "adagrad", "adam"}))
      ->capture_default_str();
  app.add_option("--lr", s.lr, "Learning rate")->check(program::at_least(0))->capture_default_str();
  app.add_option("--clip", s.clip, "Largest norm of the gradient; 0 for none")
      ->check(program::at_least(0))
      ->capture_default_str();
  app.add_option("--iterations", s.iterations, "Training steps")
      ->check(CLI::Range(Index{0}, Index{1} << 40))
      ->capture_default_str();
  app.add_option("--validation", s.validation, "Fraction held out at the end, scored as one stream")
      ->check(program::between(0.0, 0.9))
      ->capture_default_str();
  app.add_option("--sample", s.sample, "Characters to write at the end")
      ->check(CLI::Range(Index{0}, Index{1} << 30))
      ->capture_default_str();
  app.add_option("--prime", s.prime, "What the sample begins with; by default the text's first character")
      ->check(program::not_empty());
  app.add_option("--temperature", s.temperature, "Of the sample: 0 always takes the likeliest character")
      ->check(program::between(0.0, 100.0))
      ->capture_default_str();
  app.add_option("--likelihood", s.likelihood, "A text whose likelihood is told at the end")->check(program::not_empty());
  app.add_option("--coloured", s.coloured, "Characters of held-out text to colour by hidden units; 0 for none")
      ->check(CLI::Range(0, 5000))
      ->capture_default_str();
  app.add_option("--dropout", s.model.dropout, "Of what goes from layer to layer")
      ->check(program::between(0.0, 0.95))
      ->capture_default_str();
  program::add_common(app, s.common);
  program::add_precision(app, s.common);
  program::add_shards(app, s.common);
  program::add_keeping(app, s.keeping);
  for (const char* option : {"--cell", "--layers", "--size"}) app.get_option(option)->excludes(app.get_option("--load"));
  return program::run(app, argc, argv, s.common, [&] { learn_and_write(app, s); });
}
