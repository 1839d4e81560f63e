// Describes pictures: a convolutional and a recurrent network, trained together on scenes of two objects that it draws itself. A
// fifth of the pairs of shape and colour never appears in training.
//
// Cross-entropy over all words would teach more than the pictures show. Where no circle is ever blue, "circle" counts as wrong of
// every blue thing, and the network learns that blue things are no circles. So a word that would make a pair which training never
// shows is left out where it would stand: silence is no evidence. --closed-world counts it as wrong.
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <numeric>

#include "common/program.h"
#include "common/scenes.h"

#include <fmt/ranges.h>

#include <reel/models/captioner.h>
#include <reel/models/convolution.h>
#include <reel/models/writer.h>
#include <reel/reel.h>
#include <reel/train/files.h>
#include <reel/train/images.h>
#include <reel/train/sequence_batch.h>
#include <reel/train/words.h>

using namespace reel;

namespace {

using scenes::kSide;
using scenes::Scene;

struct Settings {
  std::string cell = "elman", decode = "greedy", folder;
  Index units = 128, features = 128, batch = 128, iterations = 3000, test = 1000, beam = 3;
  double lr = 3e-3, smoothing = .2, decay = .1, dropout = .2, temperature = 1;
  bool closed_world = false;
  program::Common common;
};

using Sentence = std::vector<std::string>;

constexpr Index kChannels = 4;                         // red, green, blue, and grey
constexpr float kDark = .2f;                           // about the mean of all pixels
constexpr Index kNumbers = kSide * kSide * kChannels;  // of a picture

// Pictures [N, H, W, kChannels] with what they show.
struct Examples {
  Tensor<float> pictures;
  std::vector<Scene> scenes;
};

// Adds the grey channel to red, green and blue, as a film of these sensitivities would show it.
void develop(const float* rgb, const double (&film)[3], float* picture) {
  for (Index i = 0; i < kSide * kSide; ++i, rgb += 3, picture += kChannels) {
    std::copy_n(rgb, 3, picture);
    picture[3] = static_cast<float>((film[0] * rgb[0] + film[1] * rgb[1] + film[2] * rgb[2]) / (film[0] + film[1] + film[2]));
  }
}
constexpr double kEvenFilm[3] = {1, 1, 1};

// With `films`, every picture has a film of its own, so that grey says little about colours.
Examples draw_examples(Index count, RandomStream& random, const std::vector<bool>& allowed, const std::vector<bool>* needs,
                       bool films) {
  Examples e{Tensor<float>(Shape{count, kSide, kSide, kChannels}), {}};
  std::vector<float> rgb(static_cast<std::size_t>(kSide * kSide * 3));
  for (Index i = 0; i < count; ++i) {
    e.scenes.push_back(scenes::draw_scene(random, allowed, needs));
    scenes::paint(e.scenes.back(), random, rgb.data());
    const double film[3] = {random.uniform(.1, 1), random.uniform(.1, 1), random.uniform(.1, 1)};
    develop(rgb.data(), films ? film : kEvenFilm, e.pictures.data() + i * kNumbers);
  }
  return e;
}

std::vector<bool> opposite(std::vector<bool> flags) {
  flags.flip();
  return flags;
}

constexpr Index kMostWords = 11;  // of a caption, with END

// Two pathways, as in the eye: sharp but blind to colour, and coloured but blurred. Each learns what it can see by itself, so
// that a shape is known in colours that it never came in.
class Eye {
 public:
  Eye(ParameterSet& set, Index features)  // of the sharp pathway; half as many of the coloured one
      : sharp_(set, "sharp", kSide, kSide, 1, {16, 32, 32}, features),
        coloured_(set, "coloured", kSide / kBlur, kSide / kBlur, 3, {24, 32}, features / 2) {}
  static Index size(Index features) { return features + features / 2; }
  // [B, H, W, 4]: red, green, blue and grey of [0, 1], most of them dark -> [B, size(features)]
  Var operator()(Operand picture) const {
    const Var x = 3.0 * (picture.on(*picture.tape()) - static_cast<double>(kDark));
    return concat({sharp_(slice(x, -1, 3, 4)), coloured_(mean_pool(slice(x, -1, 0, 3), kBlur))});
  }

 private:
  static constexpr Index kBlur = 4;
  ImageCnn sharp_, coloured_;
};

class CaptionModel {
 public:
  explicit CaptionModel(const Settings& s)
      : words_(std::vector<std::string>{"<start>", "<end>"}), s_(s), held_out_(held_out(s)), allowed_(opposite(held_out_)) {
    for (const std::string& word : scenes::words()) words_.add(word);
    const CaptionerOptions options{.features = Eye::size(s.features), .words = words_.size(), .units = s.units, .cell = s.cell};
    model_.emplace(params_, "captioner", Eye(params_, s.features), options);
    trainer_.emplace(Trainer<float>::ModeBuilder([this](Tape& tape, Index, Mode mode) { return loss(tape, mode); }), params_,
                     Adam{.lr = s.lr}, ClipNorm{5},
                     TrainerOptions{.seed = s.common.seed,
                                    .threads = s.common.make_threads(),
                                    .weight_decay = {s.decay, true},
                                    .schedule = schedule::warmup(100, schedule::cosine(s.iterations, .02))});
    see_ = see(see_tape_);
    see_plan_.emplace(compile<float>(see_tape_, see_.kept));
    seeing_.emplace(*see_plan_, &trainer_->parameters(), s.common.make_threads());
    writer_.emplace(model_->decoder(), trainer_->parameters(), s.common.make_threads());
  }

  // One update on newly drawn pictures; returns the loss.
  double learn(RandomStream& random) {
    const Examples e = draw_examples(s_.batch, random, allowed_, nullptr, true);
    std::vector<std::vector<std::int32_t>> before, after;
    for (const Scene& scene : e.scenes) {
      after.push_back(words_.encode(scenes::caption(scene)));
      before.push_back(after.back());
      before.back().insert(before.back().begin(), 0);
      after.back().push_back(1);
    }
    std::vector<Index> order(e.scenes.size());
    std::iota(order.begin(), order.end(), Index{0});
    const SequenceBatch x = sequence_batch_in_order(before, order, kMostWords),
                        y = sequence_batch_in_order(after, order, kMostWords);
    const Tensor<float> left_out = words_left_out(e.scenes);
    return trainer_->step(
        {{"picture", e.pictures}, {"before", x.ids}, {"after", y.ids}, {"weights", y.mask}, {"left out", left_out}});
  }

  // Of all pictures, or of the first ones after Ctrl-C.
  std::vector<Written> describe(const Tensor<float>& pictures) {
    std::vector<Written> all;
    const Index count = pictures.shape().dim(0), size = pictures.size() / std::max<Index>(count, 1);
    for (Index first = 0; first < count && !program::interrupted(); first += 250) {
      const Index n = std::min<Index>(250, count - first);
      see_plan_->run(*seeing_,
                     {{"picture", TensorView<const float>(pictures.data() + first * size, Shape{n, kSide, kSide, kChannels})}});
      for (Written& text : write(host_state(*seeing_, see_))) all.push_back(std::move(text));
    }
    return all;
  }

  Sentence sentence(const Written& text) const {
    Sentence words;
    for (std::int32_t id : text.ids) words.push_back(words_.word(id));
    return words;
  }
  const ParameterSet& params() const { return params_; }
  const std::vector<bool>& held_out() const { return held_out_; }
  const std::vector<bool>& seen() const { return allowed_; }

 private:
  static std::vector<bool> held_out(const Settings& s) {
    RandomStream random = s.common.random(2);
    return scenes::choose_held_out(random);
  }

  // [T, N, V]: 1 for each word that would make a pair of shape and colour which training never shows, where it would stand.
  Tensor<float> words_left_out(const std::vector<Scene>& scenes) const {
    const auto N = static_cast<Index>(scenes.size()), V = words_.size();
    Tensor<float> left_out(Shape{kMostWords, N, V});
    if (s_.closed_world) return left_out;
    for (Index n = 0; n < N; ++n) {
      const Scene& scene = scenes[static_cast<std::size_t>(n)];
      const std::vector<std::string> words = scenes::caption(scene);
      const auto leave_out = [&](std::size_t place, const char* word, const scenes::Object& o) {
        if (held_out_[static_cast<std::size_t>(o.pair())])
          left_out[(static_cast<Index>(place) * N + n) * V + words_.id(word)] = 1;
      };
      for (const scenes::Object* o : {&scene.first, &scene.second}) {
        const std::size_t colour = scenes::place_of_colour(scene, *o);
        for (std::size_t c = 0; c < scenes::kColours.size(); ++c)
          leave_out(colour, scenes::kColours[c], {o->shape, static_cast<Index>(c), o->size});
        for (std::size_t k = 0; k < scenes::kShapes.size(); ++k)
          leave_out(colour + 1, scenes::kShapes[k], {static_cast<Index>(k), o->colour, o->size});
      }
    }
    return left_out;
  }

  AnyCell::State see(Tape& tape) const { return model_->see(tape.input("picture", {B, kSide, kSide, kChannels})); }

  Var loss(Tape& tape, Mode mode) const {
    const Sequence before = tape.ids("before", kMostWords, {B}), after = tape.ids("after", kMostWords, {B});
    const Sequence weights = tape.input("weights", kMostWords, {B});
    AnyCell::State state = see(tape);
    state.kept.back() = dropout(state.kept.back(), s_.dropout, mode);
    const Sequence left_out = tape.input("left out", kMostWords, {B, words_.size()});
    Sequence logits = model_->decoder().logits(before, state);
    for (std::size_t t = 0; t < logits.size(); ++t) logits[t] = logits[t] - 30.0 * left_out[t];
    const Var exact = cross_entropy(logits, after, weights);
    if (s_.smoothing == 0) return exact;
    std::vector<Var> all;  // every word's share, right or wrong
    for (std::size_t t = 0; t < logits.size(); ++t)
      all.push_back(-mean_last(log_softmax(logits[t]) * (1.0 - left_out[t])) * weights[t]);
    const Var even = sum(accumulate(all)) / sum(accumulate(weights));
    return (1 - s_.smoothing) * exact + s_.smoothing * even;
  }

  std::vector<Written> write(const HostState& state) {
    const WriteLimits limits{.start = 0, .end = 1, .most = 2 * kMostWords};
    if (s_.decode == "beam") return writer_->beam(state, limits, s_.beam);
    if (s_.decode == "sample") return writer_->sample(state, limits, s_.temperature, sampling_);
    return writer_->greedy(state, limits);
  }

  WordVocabulary words_;
  const Settings& s_;
  std::vector<bool> held_out_, allowed_;
  ParameterSet params_;
  std::optional<Captioner> model_;
  std::optional<Trainer<float>> trainer_;
  Tape see_tape_;
  AnyCell::State see_;
  std::optional<Plan<float>> see_plan_;
  std::optional<Workspace<float>> seeing_;
  std::optional<Writer> writer_;
  RandomStream sampling_ = s_.common.random(3);
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

Score score(CaptionModel& model, const Examples& e, const std::vector<Written>& written) {
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

report::Picture picture_of(const CaptionModel& model, const float* pixels, const Written& text, const Sentence& truth) {
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

report::Pictures gallery(const CaptionModel& model, std::string title, const Examples& e, const std::vector<Written>& written,
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
    develop(picture.data(), kEvenFilm, pictures.data() + static_cast<Index>(i) * kNumbers);
  }
  return {std::move(paths), std::move(pictures)};
}

void describe_folder(CaptionModel& model, const Folder& folder, report::Page& page) {
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
void train(CaptionModel& model, const Settings& s, const Examples& peek, report::Page& page) {
  report::LineChart losses{.title = "Loss", .x_label = "iteration", .y_label = "nats per word", .log_y = true};
  losses.curves = {{.name = "training"}};
  report::LineChart exact{.title = "Exact captions", .x_label = "iteration", .y_label = "%"};
  exact.curves = {{.name = "unseen combinations"}};
  RandomStream random = s.common.random(0);
  program::Progress progress(s.iterations);
  program::SmoothedLoss smooth;
  for (Index i = 1; i <= s.iterations && !program::interrupted(); ++i) {
    smooth.add(model.learn(random));
    losses.curves[0].points.push_back({static_cast<double>(i), smooth.value()});
    if (i % std::max<Index>(s.iterations / 20, 1) == 0) {
      const double share = score(model, peek, model.describe(peek.pictures)).share();
      exact.curves[0].points.push_back({static_cast<double>(i), share});
      page.set("loss", losses);
      page.set("exact", exact);
      page.write_now_and_then();
    }
    progress.update(i, [&] {
      const std::string share =
          exact.curves[0].points.empty() ? "" : fmt::format("  {:.1f}% of unseen exact", exact.curves[0].points.back().y);
      return fmt::format("{:>6}/{}  loss {:.4f}{}", i, s.iterations, smooth.value(), share);
    });
  }
  progress.finish();
}

// Captions of new pictures: a row of the table, the first pictures, and what was wrong.
void describe(CaptionModel& model, const std::string& name, const Examples& e, report::Table& table, report::Page& page) {
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

void train_and_describe(const CLI::App& app, const Settings& s) {
  const Folder folder = s.folder.empty() ? Folder() : read_folder(s.folder);  // before any work
  CaptionModel model(s);
  auto page = program::make_page(app, s.common, "Captions", "A convolutional and a recurrent network describe scenes");
  std::vector<std::string> held;
  for (std::size_t p = 0; p < model.held_out().size(); ++p)
    if (model.held_out()[p])
      held.push_back(
          fmt::format("{} {}", scenes::kColours[p % scenes::kColours.size()], scenes::kShapes[p / scenes::kColours.size()]));
  page.setting("never seen in training", fmt::format("{}", fmt::join(held, ", ")));
  fmt::print("{} parameters; never seen in training: {}\n", model.params().numbers(), fmt::join(held, ", "));

  RandomStream random = s.common.random(1);
  const std::vector<bool> all(model.seen().size(), true);
  const Examples unseen = draw_examples(s.test, random, all, &model.held_out(), false);
  const Examples seen = draw_examples(s.test, random, model.seen(), nullptr, false);
  const Examples peek = draw_examples(std::min<Index>(s.test, 200), random, all, &model.held_out(), false);
  train(model, s, peek, page);

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
  app.add_option("--cell", s.cell, "Cell of the decoder")
      ->check(CLI::IsMember({"elman", "gru", "gru-reset-after", "lstm", "first-lstm", "peephole-lstm"}))
      ->capture_default_str();
  app.add_option("--units", s.units, "Units of the decoder")->check(CLI::Range(1, 4096))->capture_default_str();
  app.add_option("--features", s.features,
                 "Numbers by which the sharp pathway describes a picture; the coloured one has half as many")
      ->check(CLI::Range(2, 4096))
      ->capture_default_str();
  app.add_option("--batch", s.batch, "Pictures per training step")->check(CLI::Range(1, 65536))->capture_default_str();
  app.add_option("--iterations", s.iterations, "Training steps")
      ->check(CLI::Range(Index{1}, Index{1} << 40))
      ->capture_default_str();
  app.add_option("--test", s.test, "New pictures to describe at the end")->check(CLI::Range(1, 1000000))->capture_default_str();
  app.add_option("--lr", s.lr, "Adam's largest learning rate")->check(program::at_least(0))->capture_default_str();
  app.add_option("--smoothing", s.smoothing, "Share of each target that is spread over all words")
      ->check(program::between(0.0, 0.9))
      ->capture_default_str();
  app.add_option("--dropout", s.dropout, "Of the numbers that stand for a picture")
      ->check(program::between(0.0, 0.95))
      ->capture_default_str();
  app.add_option("--decay", s.decay, "Weight decay")->check(program::at_least(0))->capture_default_str();
  app.add_flag("--closed-world", s.closed_world, "Count words as wrong that would make a pair which training never shows");
  app.add_option("--decode", s.decode, "How captions are written")
      ->check(CLI::IsMember({"greedy", "sample", "beam"}))
      ->capture_default_str();
  app.add_option("--beam", s.beam, "Beginnings kept by beam search")->check(CLI::Range(1, 1000))->capture_default_str();
  app.add_option("--temperature", s.temperature, "Of sampling")->check(program::above(0))->capture_default_str();
  app.add_option("--pictures", s.folder, "Folder of PNG files to describe as well")->check(program::not_empty());
  program::add_common(app, s.common);
  return program::run(app, argc, argv, [&] { train_and_describe(app, s); });
}
