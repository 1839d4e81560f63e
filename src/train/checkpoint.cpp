// What a Trainer saves and resumes from.
#include <reel/train/trainer.h>

#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <reel/data/files.h>
#include <reel/data/own_rows.h>
#include <reel/data/versioned_record.h>
#include <reel/graph/error.h>
#include <reel/train/distributed/fingerprint.h>
#include <reel/train/distributed/gather_rows.h>

namespace reel {
namespace {

constexpr VersionedRecord kSettings{.key = "reel.checkpoint", .what = "a checkpoint of a Trainer", .version = 1};

// The parts that the program adds, under a name of their own.
struct More {
  const std::function<void(Keeper&)>& more;
  void keep(Keeper& keeper) {
    if (more) more(keeper);
  }
};

template <class T>
struct Values {
  const ParameterSet& set;
  ParameterValues<T>& values;
  void keep(Keeper& keeper) {
    for (const Parameter& p : set.all()) {
      if (keeper.restores())
        keeper.restore<T>(p.name(), values.edit(p));
      else
        keeper.refer<T>(p.name(), values[p]);  // an edit would have the weights packed anew
    }
  }
};

// Names one after the other, each with a 0 at its end.
template <class Names>
std::string joined(const Names& names) {
  std::string text;
  for (const std::string& name : names) text += name + '\0';
  return text;
}
std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> names;
  for (std::size_t at = 0, end; (end = text.find('\0', at)) != std::string::npos; at = end + 1)
    names.push_back(text.substr(at, end - at));
  return names;
}

// Carried state and the count of runs: of the whole batch in a file, of the rows that are here in a Trainer.
template <class T>
struct State {
  typename SessionFamily<T>::State& state;
  const DealtRows& rows;
  Group* group;

  void keep(Keeper& keeper) {
    keeper("runs", state.runs);
    std::vector<std::string> all;
    for (const auto& [name, value] : state.carried) all.push_back(name);
    std::string names = joined(all), with_rows = joined(state.with_rows);
    if (!keeper.restores() && group) {  // a rank may have no rows
      names = group->gather_texts(names)[0];
      with_rows = group->gather_texts(with_rows)[0];
    }
    keeper("names", names);
    if (rows.shards > 1) keeper("names with rows", with_rows);
    const std::vector<std::string> dealt = split(with_rows);
    if (keeper.restores()) {
      state.carried.clear();
      state.with_rows = {dealt.begin(), dealt.end()};
    }
    for (const std::string& name : split(names)) {
      const bool cut = rows.shards > rows.own && std::ranges::find(dealt, name) != dealt.end();
      Tensor<T> value = keeper.restores() ? Tensor<T>() : state.carried[name];
      if (cut && !keeper.restores()) value = gather_rows(*group, rows, value);
      keeper("of " + name, value);
      if (keeper.restores()) state.carried.insert_or_assign(name, cut ? own_rows(rows, value) : std::move(value));
    }
  }
};

// What a rank has of the optimizer's state; in a file it is whole.
template <class T>
struct Pieces {
  Optimizer<T>& optimizer;
  const OwnPieces& pieces;
  Group* group;

  void keep(Keeper& keeper) {
    optimizer.keep(keeper, [&](TensorView<T> whole) {  // to be written by rank 0
      std::vector<std::span<std::byte>> parts;
      for (Index rank = 0; rank < group->size(); ++rank) {
        const OwnPieces theirs{pieces.pieces, rank * pieces.own, pieces.own};
        parts.push_back(std::as_writable_bytes(
            std::span(whole.data() + theirs.begin(whole.size()), static_cast<std::size_t>(theirs.size(whole.size())))));
      }
      group->gather_parts(parts);
      return group->rank() == 0;
    });
  }
};

// FileError that lists what differs.
void require_same(const std::string& path, const Record& there, const Record& here) {
  std::vector<std::string> differences;
  for (const std::string& name : here.names())
    if (!there.has(name) || there.text(name) != here.text(name))
      differences.push_back(
          fmt::format("{} is {} there, but {} here", name, there.has(name) ? there.text(name) : "not told", here.text(name)));
  if (!differences.empty())
    throw FileError(fmt::format("{}: was saved with other settings: {}", path, fmt::join(differences, "; ")));
}

}  // namespace

namespace {

const char* name_of(Precision products) {
  constexpr const char* kNames[] = {"full", "bf16", "bf16 weights", "bf16 by multiply-adds", "bf16 by emulated tiles"};
  return kNames[static_cast<int>(products)];
}

}  // namespace

template <class T>
Record Trainer<T>::settings() const {
  const WeightDecay& decay = options_.weight_decay;
  Record r;
  r.set("element type", element_name(element_of<T>())).set("rule", text(optimizer_.rule())).set("clipping", text(clip_));
  r.set("weight decay", decay.rate == 0 ? "none" : fmt::format("{}{}", decay.rate, decay.decoupled ? ", decoupled" : ""));
  r.set("products", name_of(options_.products));
  r.set("shards", fmt::format("{}", options_.sharding.count()));
  r.set("sums of gradients", options_.sharding.bf16 ? "rounded to bf16" : "full");
  r.set("seed", fmt::format("{}", options_.seed)).set("updates of the schedule", fmt::format("{}", options_.schedule.updates()));
  return r;
}

template <class T>
void Trainer<T>::keep(Keeper& keeper, const Kept& kept) const {
  Values<T> values{set_, kept.values};
  keeper("parameters", values);
  Pieces<T> optimizer{kept.optimizer, pieces_, group()};
  keeper("optimizer", optimizer);
  keeper("gradient norm", kept.norm);
  bool has_best = kept.best.has_value();
  keeper("has best", has_best);
  if (!has_best) return;
  if (!kept.best) kept.best.emplace(set_.all());
  Values<T> best{set_, *kept.best};
  keeper("best score", kept.best_score);
  keeper("best", best);
}

template <class T>
void Trainer<T>::save(const std::string& path, const std::function<void(Keeper&)>& more, const CheckpointOptions& options) {
  const auto guard = in_use_.enter("the Trainer");
  together("save", [] {});
  Keeper keeper;
  keep(keeper, {*values_, optimizer_, best_, best_score_, norm_});
  auto training = training_.state(), evaluated = evaluation_ ? evaluation_->state() : typename SessionFamily<T>::State();
  State<T> of_training{training, shards_.rows, group()}, of_evaluation{evaluated, shards_.rows, group()};
  keeper("training", of_training);
  keeper("evaluation", of_evaluation);
  together("save", [&] {
    if (group() && group()->rank() > 0) return;
    More added{more};
    keeper("program", added);
    const std::string told = kSettings.json(settings());
    keep_last_files(path, options.keep_last);
    keeper.write(path, {{kSettings.key, told}});
  });
}

// What is read from a checkpoint, before any of it is taken.
template <class T>
struct Trainer<T>::Restored {
  ParameterValues<T> values;
  Optimizer<T> optimizer;
  std::optional<ParameterValues<T>> best = {};
  double best_score = std::numeric_limits<double>::infinity(), norm = 0;
  typename SessionFamily<T>::State training = {}, evaluated = {};
};

template <class T>
void Trainer<T>::restore(const std::string& path, const std::function<void(Keeper&)>& more, const ResumeOptions& options,
                         Restored& to) {
  const SafetensorsFile file(path);
  Record told = kSettings.read(file);
  if (!told.has("shards")) told.set("shards", "1").set("sums of gradients", "full");  // written before there were any
  if (!options.other_settings) require_same(path, told, settings());
  // The carried states of more shards than one are kept in another form.
  if (told.text("shards") != settings().text("shards"))
    throw FileError(
        fmt::format("{}: was saved with {} shards, not with {}", path, told.text("shards"), settings().text("shards")));
  Keeper keeper(file);
  keep(keeper, {to.values, to.optimizer, to.best, to.best_score, to.norm});
  State<T> of_training{to.training, shards_.rows, group()}, of_evaluation{to.evaluated, shards_.rows, group()};
  keeper("training", of_training);
  keeper("evaluation", of_evaluation);
  More added{more};
  keeper("program", added);
  keeper.require_all_restored();
}

template <class T>
void Trainer<T>::resume(const std::string& path, const std::function<void(Keeper&)>& more, const ResumeOptions& options) {
  const auto guard = in_use_.enter("the Trainer");
  Restored restored{.values = *values_, .optimizer = optimizer_};
  together("resume", [&] { restore(path, more, options, restored); });

  auto training_before = training_.state(),
       evaluation_before = evaluation_ ? evaluation_->state() : typename SessionFamily<T>::State();
  try {
    const auto take = [&] {
      training_.set_state(std::move(restored.training));
      if (restored.evaluated.runs > 0 || evaluation_) evaluation().set_state(std::move(restored.evaluated));
    };
    // Ranks may have read different files of one name.
    const auto updates = static_cast<std::uint64_t>(restored.optimizer.updates());
    if (exchange_)
      exchange_->together("resume", fingerprint(set_, restored.values) + updates, take);
    else
      take();
  } catch (const Error&) {
    training_.set_state(std::move(training_before));
    if (evaluation_) evaluation_->set_state(std::move(evaluation_before));
    throw;
  }
  *values_ = std::move(restored.values);
  version_ = values_->version();
  optimizer_ = std::move(restored.optimizer);
  best_ = std::move(restored.best);
  best_score_ = restored.best_score;
  norm_ = restored.norm;
}

template <class T>
bool Trainer<T>::keep_best(double score) {
  if (std::isnan(score)) throw NumericError("keep_best: the score is NaN");
  if (best_ && score >= best_score_) return false;
  best_ = *values_;
  best_score_ = score;
  return true;
}

template <class T>
const ParameterValues<T>& Trainer<T>::best() const {
  if (!best_) throw InputError("Trainer: no parameters were kept as the best yet (keep_best())");
  return *best_;
}

template void Trainer<float>::save(const std::string&, const std::function<void(Keeper&)>&, const CheckpointOptions&);
template void Trainer<double>::save(const std::string&, const std::function<void(Keeper&)>&, const CheckpointOptions&);
template void Trainer<float>::resume(const std::string&, const std::function<void(Keeper&)>&, const ResumeOptions&);
template void Trainer<double>::resume(const std::string&, const std::function<void(Keeper&)>&, const ResumeOptions&);
template bool Trainer<float>::keep_best(double);
template bool Trainer<double>::keep_best(double);
template const ParameterValues<float>& Trainer<float>::best() const;
template const ParameterValues<double>& Trainer<double>::best() const;

}  // namespace reel
