#include "common/caption_model.h"

#include <algorithm>
#include <numeric>

#include <reel/data/sequence_batch.h>
#include <reel/models/convolution.h>

namespace captions {
namespace {

constexpr Index kMostWords = 11;  // of a caption, with END
constexpr double kDark = .2;      // about the mean of all pixels

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

}  // namespace

void develop(const float* rgb, const Film& film, float* picture) {
  const double all = film.red + film.green + film.blue;
  for (Index i = 0; i < kSide * kSide; ++i, rgb += 3, picture += kChannels) {
    std::copy_n(rgb, 3, picture);
    picture[3] = static_cast<float>((film.red * rgb[0] + film.green * rgb[1] + film.blue * rgb[2]) / all);
  }
}

Examples draw_examples(Index count, RandomStream& random, const std::vector<bool>& allowed, const std::vector<bool>* needs,
                       bool films) {
  Examples e{Tensor<float>(Shape{count, kSide, kSide, kChannels}), {}};
  std::vector<float> rgb(static_cast<std::size_t>(kSide * kSide * 3));
  for (Index i = 0; i < count; ++i) {
    e.scenes.push_back(scenes::draw_scene(random, allowed, needs));
    scenes::paint(e.scenes.back(), random, rgb.data());
    const Film film{random.uniform(.1, 1), random.uniform(.1, 1), random.uniform(.1, 1)};
    develop(rgb.data(), films ? film : Film(), e.pictures.data() + i * kNumbers);
  }
  return e;
}

Model::Model(const ModelOptions& o, const std::vector<Index>& held_out)
    : options_(o), words_(std::vector<std::string>{"<start>", "<end>"}), sampling_(o.common.random(0, RandomUse::sampling)) {
  RandomStream random = o.common.random(2);
  held_out_ = scenes::choose_held_out(random);
  if (!held_out.empty()) {
    held_out_.assign(held_out_.size(), false);
    for (Index pair : held_out) {
      if (pair < 0 || pair >= static_cast<Index>(held_out_.size()))
        throw FileError(fmt::format("there is no pair {} of shape and colour", pair));
      held_out_[static_cast<std::size_t>(pair)] = true;
    }
  }
  seen_ = held_out_;
  seen_.flip();
  for (const std::string& word : scenes::words()) words_.add(word);
  const auto add_kind = [&](const auto& list) {
    auto& kind = kinds_.emplace_back();
    for (const char* word : list) kind.push_back(words_.id(word));
  };
  add_kind(scenes::kSizes), add_kind(scenes::kColours), add_kind(scenes::kShapes);
  const CaptionerOptions options{.features = Eye::size(o.features), .words = words_.size(), .units = o.units, .cell = o.cell};
  captioner_.emplace(params_, "captioner", Eye(params_, o.features), options);
  trainer_.emplace(Builder([this](Tape& tape, Index, Mode mode) { return loss(tape, mode); }), params_, Adam{.lr = o.lr},
                   ClipNorm{5},
                   TrainerOptions{.seed = o.common.seed,
                                  .threads = o.common.make_threads(),
                                  .weight_decay = {o.decay, true},
                                  .schedule = program::rise_and_fall(o.iterations, 100),
                                  .products = o.common.products,
                                  .sharding = o.common.sharding});
  Tape tape;
  see_ = see(tape);
  seeing_.emplace(see_.vars, &trainer_->parameters(), SessionOptions{.threads = o.common.make_threads()});
  writer_.emplace(captioner_->decoder(), trainer_->parameters(), o.common.make_threads());
}

Record Model::description() const {
  std::vector<Index> pairs;
  for (std::size_t p = 0; p < held_out_.size(); ++p)
    if (held_out_[p]) pairs.push_back(static_cast<Index>(p));
  Record r;
  r.set("program", "caption").set("cell", options_.cell).set("units", options_.units).set("features", options_.features);
  return r.set("held out", pairs);
}

double Model::learn(RandomStream& random) {
  const Examples e = draw_examples(options_.batch, random, seen_, nullptr, true);
  std::vector<std::vector<std::int32_t>> before, after;
  for (const Scene& scene : e.scenes) {
    after.push_back(words_.encode(scenes::caption(scene)));
    before.push_back(after.back());
    misread(before.back(), random);
    before.back().insert(before.back().begin(), 0);
    after.back().push_back(1);
  }
  std::vector<Index> order(e.scenes.size());
  std::iota(order.begin(), order.end(), Index{0});
  const DealtRows& rows = trainer_->rows();
  const SequenceBatch x = own_rows(rows, sequence_batch_in_order(before, order, kMostWords)),
                      y = own_rows(rows, sequence_batch_in_order(after, order, kMostWords));
  return trainer_->step({{"picture", own_rows(rows, e.pictures)},
                         {"before", x.ids},
                         {"after", y.ids},
                         {"weights", y.mask},
                         {"left out", own_rows_of_steps(rows, words_left_out(e.scenes))}});
}

std::vector<Written> Model::describe(const Tensor<float>& pictures) {
  std::vector<Written> all;
  const Index count = pictures.shape().dim(0), size = pictures.size() / std::max<Index>(count, 1);
  for (Index first = 0; first < count && !program::interrupted(); first += 250) {
    const Index n = std::min<Index>(250, count - first);
    seeing_->run({{"picture", TensorView<const float>(pictures.data() + first * size, Shape{n, kSide, kSide, kChannels})}});
    for (Written& text : write(host_state(*seeing_, see_))) all.push_back(std::move(text));
  }
  return all;
}

Sentence Model::sentence(const Written& text) const {
  Sentence words;
  for (std::int32_t id : text.ids) words.push_back(words_.word(id));
  return words;
}

// Some of the words that tell of an object become others of their kind.
void Model::misread(std::vector<std::int32_t>& words, RandomStream& random) const {
  for (std::int32_t& id : words) {
    const auto kind = std::ranges::find_if(kinds_, [id](const auto& k) { return std::ranges::find(k, id) != k.end(); });
    if (kind != kinds_.end() && random.uniform() < options_.misread)
      id = (*kind)[static_cast<std::size_t>(random.below(static_cast<Index>(kind->size())))];
  }
}

// [T, N, V]: 1 for each word that would make a pair of shape and colour which training never shows, where it would stand.
Tensor<float> Model::words_left_out(const std::vector<Scene>& scenes) const {
  const auto N = static_cast<Index>(scenes.size()), V = words_.size();
  Tensor<float> left_out(Shape{kMostWords, N, V});
  if (options_.closed_world) return left_out;
  for (Index n = 0; n < N; ++n) {
    const Scene& scene = scenes[static_cast<std::size_t>(n)];
    const auto leave_out = [&](std::size_t place, const char* word, const scenes::Object& o) {
      if (held_out_[static_cast<std::size_t>(o.pair())]) left_out[(static_cast<Index>(place) * N + n) * V + words_.id(word)] = 1;
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

AnyCell::State Model::see(Tape& tape) const { return captioner_->see(tape.input("picture", {B, kSide, kSide, kChannels})); }

Var Model::loss(Tape& tape, Mode mode) const {
  const Sequence before = tape.ids("before", kMostWords, {B}), after = tape.ids("after", kMostWords, {B});
  const Sequence weights = tape.input("weights", kMostWords, {B});
  AnyCell::State state = see(tape);
  FirstInput::seen(state) = dropout(FirstInput::seen(state), options_.dropout, mode);
  const Sequence left_out = tape.input("left out", kMostWords, {B, words_.size()});
  Sequence logits = captioner_->decoder().logits(before, state);
  // e^-30 of its probability is none in float.
  for (std::size_t t = 0; t < logits.size(); ++t) logits[t] = logits[t] - 30.0 * left_out[t];
  const Var exact = cross_entropy(logits, after, weights);
  if (options_.smoothing == 0) return exact;
  std::vector<Var> all;  // every word's share, right or wrong
  for (std::size_t t = 0; t < logits.size(); ++t)
    all.push_back(-mean(log_softmax(logits[t]) * (1.0 - left_out[t]), -1) * weights[t]);
  const Var even = sum(accumulate(all)) / sum(accumulate(weights));
  return (1 - options_.smoothing) * exact + options_.smoothing * even;
}

std::vector<Written> Model::write(const HostState& state) {
  const WriteLimits limits{.start = 0, .end = 1, .most = 2 * kMostWords};
  if (options_.decode == "beam") return writer_->beam(state, limits, options_.beam);
  if (options_.decode == "sample") return writer_->sample(state, limits, options_.temperature, sampling_);
  return writer_->greedy(state, limits);
}

}  // namespace captions
