// Describes pictures: a convolutional and a recurrent network, trained together on scenes of two objects that it draws itself. A
// fifth of the pairs of shape and colour never appears in training.
#include <algorithm>
#include <cmath>
#include <filesystem>

#include "common/caption_model.h"
#include "common/keeping.h"

#include <fmt/ranges.h>

#include <reel/data/files.h>
#include <reel/data/images.h>
#include <reel/models/cells/cell_kinds.h>

using namespace reel;

namespace {

using captions::Examples;
using captions::kChannels;
using captions::kNumbers;
using captions::Sentence;
using scenes::kSide;
using scenes::Scene;

struct Settings {
  captions::ModelOptions model;
  Index test = 1000;
  std::string folder;
  program::Keeping keeping;
};

// ---- how good captions are ----

// Whichever of the two true captions shares more words, place by place, with what was written.
Sentence closest_truth(const Scene& scene, const Sentence& written) {
  const Sentence one = scenes::caption(scene), other = scenes::caption(scenes::turned(scene));
  const auto shared = [&](const Sentence& truth) {
    Index count = 0;
    for (std::size_t i = 0; i < std::min(truth.size(), written.size()); ++i) count += truth[i] == written[i];
    return count;
  };
  return shared(other) > shared(one) ? other : one;
}

struct Score {
  Index exact = 0, count = 0;
  double bleu = 0;
  double share() const { return count == 0 ? 0 : 100.0 * static_cast<double>(exact) / static_cast<double>(count); }
};

Score score(captions::Model& model, const Examples& e, const std::vector<Written>& written) {
  Score s;
  std::vector<Sentence> hypotheses, references;
  for (std::size_t i = 0; i < written.size(); ++i) {
    hypotheses.push_back(model.sentence(written[i]));
    references.push_back(closest_truth(e.scenes[i], hypotheses.back()));
    s.exact += written[i].ended && hypotheses.back() == references.back();
  }
  s.count = static_cast<Index>(written.size());
  s.bleu = bleu(hypotheses, references);
  return s;
}

// ---- the page ----

report::Picture picture_of(const captions::Model& model, const float* pixels, const Written& text, const Sentence& truth) {
  report::Picture p{.width = static_cast<int>(kSide), .height = static_cast<int>(kSide)};
  for (Index i = 0; i < kSide * kSide; ++i)
    for (Index c = 0; c < 3; ++c)
      p.rgb.push_back(static_cast<std::uint8_t>(std::lround(255 * std::clamp(pixels[i * kChannels + c], 0.f, 1.f))));
  const Sentence words = model.sentence(text);
  for (std::size_t i = 0; i < words.size(); ++i) p.words.push_back({words[i], std::exp(text.log_probabilities[i])});
  p.truth = fmt::format("{}", fmt::join(truth, " "));
  p.correct = truth.empty() || (text.ended && words == truth);
  return p;
}

report::Pictures gallery(const captions::Model& model, std::string title, const Examples& e, const std::vector<Written>& written,
                         std::size_t most) {
  report::Pictures all{.title = std::move(title)};
  for (std::size_t i = 0; i < std::min(most, written.size()); ++i)
    all.pictures.push_back(picture_of(model, e.pictures.data() + static_cast<Index>(i) * kNumbers, written[i],
                                      closest_truth(e.scenes[i], model.sentence(written[i]))));
  return all;
}

// A folder's PNG files, in the order of their names.
struct Folder {
  std::vector<std::string> paths;
  Tensor<float> pictures;  // [N, H, W, kChannels]
};

Folder read_folder(const std::string& folder) {
  std::error_code failed;
  std::vector<std::string> paths;
  for (const auto& entry : std::filesystem::directory_iterator(folder, failed))
    if (entry.path().extension() == ".png" || entry.path().extension() == ".PNG") paths.push_back(entry.path());
  if (failed) throw FileError(fmt::format("{}: {}", folder, failed.message()));
  if (paths.empty()) throw FileError(folder + ": has no .png file");
  std::ranges::sort(paths);
  Tensor<float> pictures(Shape{static_cast<Index>(paths.size()), kSide, kSide, kChannels});
  for (std::size_t i = 0; i < paths.size(); ++i) {
    const Tensor<float> picture = resized(read_png(paths[i]), kSide, kSide);
    captions::develop(picture.data(), captions::Film(), pictures.data() + static_cast<Index>(i) * kNumbers);
  }
  return {std::move(paths), std::move(pictures)};
}

void describe_folder(captions::Model& model, const Folder& folder, report::Page& page) {
  const std::vector<Written> written = model.describe(folder.pictures);
  report::Pictures all{.title = "Pictures of the folder"};
  for (std::size_t i = 0; i < written.size(); ++i) {
    fmt::print("{}: {}\n", folder.paths[i], fmt::join(model.sentence(written[i]), " "));
    all.pictures.push_back(picture_of(model, folder.pictures.data() + static_cast<Index>(i) * kNumbers, written[i], {}));
    all.pictures.back().truth = std::filesystem::path(folder.paths[i]).filename();
  }
  page.set("folder", all);
}

// ---- what the program does ----

// Learns from pictures with pairs that it may see; now and then it describes some of `peek`.
void train(captions::Model& model, const Settings& s, const Examples& peek, report::Page& page) {
  report::LineChart losses{.title = "Loss", .x_label = "iteration", .y_label = "nats per word", .log_y = true};
  losses.curves = {{.name = "training"}};
  report::LineChart exact{.title = "Exact captions", .x_label = "iteration", .y_label = "%"};
  exact.curves = {{.name = "unseen combinations"}};
  RandomStream random = s.model.common.random(0);
  program::SmoothedLoss smooth;
  program::Checkpoints checkpoints(model.trainer(), s.keeping, [&](Keeper& keep) {
    keep("random", random);
    keep("sampling", model.sampling());
    keep("loss", smooth);
    program::KeptPoints kept_losses{losses.curves}, kept_shares{exact.curves};
    keep("losses", kept_losses);
    keep("shares", kept_shares);
  });
  checkpoints.resume();
  const Index before = model.trainer().updates();
  program::Progress progress(s.model.iterations - before);
  const program::RankTimes ranks(s.model.common.sharding.group);
  for (Index i = before + 1; i <= s.model.iterations && !program::interrupted(); ++i) {
    smooth.add(model.learn(random));
    losses.curves[0].points.push_back({static_cast<double>(i), smooth.value()});
    if (i % std::max<Index>(s.model.iterations / 20, 1) == 0) {
      const double share = score(model, peek, model.describe(peek.pictures)).share();
      exact.curves[0].points.push_back({static_cast<double>(i), share});
      page.set("loss", losses);
      page.set("exact", exact);
      page.write_now_and_then();
    }
    checkpoints.update();
    progress.update(i - before, [&] {
      const std::string share =
          exact.curves[0].points.empty() ? "" : fmt::format("  {:.1f}% of unseen exact", exact.curves[0].points.back().y);
      return fmt::format("{:>6}/{}  loss {:.4f}{}", i, s.model.iterations, smooth.value(), share);
    });
  }
  progress.finish(page);
  ranks.tell(progress.seconds(), model.trainer().updates() - before, page);
  checkpoints.finish();
}

// Captions of new pictures: a row of the table, the first pictures, and what was wrong.
void describe(captions::Model& model, const std::string& name, const Examples& e, report::Table& table, report::Page& page) {
  const std::vector<Written> written = model.describe(e.pictures);
  const Score result = score(model, e, written);
  fmt::print("{}: {:.1f}% of {} captions exact, BLEU {:.4f}\n", name, result.share(), result.count, result.bleu);
  table.rows.push_back({name, fmt::format("{:.1f}%", result.share()), fmt::format("{:.4f}", result.bleu)});
  page.set("table", table);
  page.set(name, gallery(model, name, e, written, 24));
  std::size_t shown = 0;
  for (std::size_t i = 0; i < written.size() && shown < 3; ++i) {
    const Sentence words = model.sentence(written[i]), truth = closest_truth(e.scenes[i], words);
    if (words == truth) continue;
    fmt::print("  wrong: {}   (true: {})\n", fmt::join(words, " "), fmt::join(truth, " "));
    ++shown;
  }
}

void train_and_describe(const CLI::App& app, Settings s) {
  const std::optional<SafetensorsFile> file = program::open(s.keeping, s.model.common.writes());
  program::require_work(s.keeping, s.model.iterations, "iterations");
  std::vector<Index> held_out;
  if (file) {
    const Record told = program::load_description(*file, "caption");
    s.model.cell = told.text("cell");
    s.model.units = told.count("units");
    s.model.features = told.count("features", 2);
    held_out = told.wholes("held out");
  }
  const Folder folder = s.folder.empty() ? Folder() : read_folder(s.folder);  // before any work
  captions::Model model(s.model, held_out);
  if (file) load_model(*file, model.params(), model.trainer().parameters());
  auto page = program::make_page(app, s.model.common, "Captions", "A convolutional and a recurrent network describe scenes");
  std::vector<std::string> held;
  for (std::size_t p = 0; p < model.held_out().size(); ++p)
    if (model.held_out()[p])
      held.push_back(
          fmt::format("{} {}", scenes::kColours[p % scenes::kColours.size()], scenes::kShapes[p / scenes::kColours.size()]));
  page.setting("parameters", fmt::format("{}", model.params().elements()));
  page.setting("never seen in training", fmt::format("{}", fmt::join(held, ", ")));
  fmt::print("{} parameters; never seen in training: {}\n", model.params().elements(), fmt::join(held, ", "));

  RandomStream random = s.model.common.random(1);
  const std::vector<bool> all(model.seen().size(), true);
  const Examples unseen = captions::draw_examples(s.test, random, all, &model.held_out(), false);
  const Examples seen = captions::draw_examples(s.test, random, model.seen(), nullptr, false);
  const Examples peek = captions::draw_examples(std::min<Index>(s.test, 200), random, all, &model.held_out(), false);
  if (s.model.iterations > 0) train(model, s, peek, page);
  if (!s.keeping.save.empty() && s.model.common.writes())
    save_model(s.keeping.save, model.params(), model.trainer().parameters(), model.description());

  report::Table table{.title = "Captions of new pictures", .header = {"pictures", "exact", "BLEU"}};
  describe(model, "unseen combinations", unseen, table, page);
  describe(model, "seen combinations", seen, table, page);
  if (!s.folder.empty()) describe_folder(model, folder, page);
  page.finish();
}

}  // namespace

int main(int argc, char** argv) {
  Settings s;
  CLI::App app("Describes pictures of two objects in words.", "caption");
  app.add_option("--cell", s.model.cell, "Cell of the decoder")->check(CLI::IsMember(cell_names()))->capture_default_str();
  app.add_option("--units", s.model.units, "Units of the decoder")->check(CLI::Range(1, 4096))->capture_default_str();
  app.add_option("--features", s.model.features,
                 "Numbers by which the sharp pathway describes a picture; the coloured one has half as many")
      ->check(CLI::Range(2, 4096))
      ->capture_default_str();
  app.add_option("--batch", s.model.batch, "Pictures per training step")->check(CLI::Range(1, 65536))->capture_default_str();
  app.add_option("--iterations", s.model.iterations, "Training steps")
      ->check(CLI::Range(Index{0}, Index{1} << 40))
      ->capture_default_str();
  app.add_option("--test", s.test, "New pictures to describe at the end")->check(CLI::Range(1, 1000000))->capture_default_str();
  app.add_option("--lr", s.model.lr, "Adam's largest learning rate")->check(program::at_least(0))->capture_default_str();
  app.add_option("--smoothing", s.model.smoothing, "Share of each target that is spread over all words")
      ->check(program::between(0.0, 0.9))
      ->capture_default_str();
  app.add_option("--misread", s.model.misread, "Share of sizes, colours and shapes that the decoder misreads in training")
      ->check(program::between(0.0, 1.0))
      ->capture_default_str();
  app.add_option("--dropout", s.model.dropout, "Of the numbers that stand for a picture")
      ->check(program::between(0.0, 0.95))
      ->capture_default_str();
  app.add_option("--decay", s.model.decay, "Weight decay")->check(program::at_least(0))->capture_default_str();
  app.add_flag("--closed-world", s.model.closed_world, "Count words as wrong that would make a pair which training never shows");
  app.add_option("--decode", s.model.decode, "How captions are written")
      ->check(CLI::IsMember({"greedy", "sample", "beam"}))
      ->capture_default_str();
  app.add_option("--beam", s.model.beam, "Beginnings kept by beam search")->check(CLI::Range(1, 1000))->capture_default_str();
  app.add_option("--temperature", s.model.temperature, "Of sampling")->check(program::above(0))->capture_default_str();
  app.add_option("--pictures", s.folder, "Folder of PNG files to describe as well")->check(program::not_empty());
  program::add_common(app, s.model.common);
  program::add_precision(app, s.model.common);
  program::add_shards(app, s.model.common);
  program::add_keeping(app, s.keeping);
  for (const char* option : {"--cell", "--units", "--features"}) app.get_option(option)->excludes(app.get_option("--load"));
  return program::run(app, argc, argv, s.model.common, [&] { train_and_describe(app, s); });
}
