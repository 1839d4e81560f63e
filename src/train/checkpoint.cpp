// What a Trainer saves and resumes from.
#include <reel/train/trainer.h>

#include <cmath>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <reel/data/files.h>
#include <reel/data/versioned_record.h>
#include <reel/graph/error.h>

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

// Carried state and the count of runs.
template <class T>
struct State {
  typename SessionFamily<T>::State& state;
  void keep(Keeper& keeper) {
    keeper("runs", state.runs);
    std::string names;  // one after the other, each with a 0 at its end
    for (const auto& [name, value] : state.carried) names += name + '\0';
    keeper("names", names);
    if (keeper.restores()) {
      state.carried.clear();
      for (std::size_t at = 0, end; (end = names.find('\0', at)) != std::string::npos; at = end + 1)
        state.carried.emplace(names.substr(at, end - at), Tensor<T>());
    }
    for (auto& [name, value] : state.carried) keeper("of " + name, value);
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
  r.set("seed", fmt::format("{}", options_.seed)).set("updates of the schedule", fmt::format("{}", options_.schedule.updates()));
  return r;
}

template <class T>
void Trainer<T>::keep(Keeper& keeper, const Kept& kept) const {
  Values<T> values{set_, kept.values};
  keeper("parameters", values);
  keeper("optimizer", kept.optimizer);
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
  Keeper keeper;
  keep(keeper, {*values_, optimizer_, best_, best_score_, norm_});
  auto training = training_.state(), evaluated = evaluation_ ? evaluation_->state() : typename SessionFamily<T>::State();
  State<T> of_training{training}, of_evaluation{evaluated};
  keeper("training", of_training);
  keeper("evaluation", of_evaluation);
  More added{more};
  keeper("program", added);
  const std::string told = kSettings.json(settings());
  keep_last_files(path, options.keep_last);
  keeper.write(path, {{kSettings.key, told}});
}

template <class T>
void Trainer<T>::resume(const std::string& path, const std::function<void(Keeper&)>& more, const ResumeOptions& options) {
  const auto guard = in_use_.enter("the Trainer");
  const SafetensorsFile file(path);
  const Record told = kSettings.read(file);
  if (!options.other_settings) require_same(path, told, settings());
  Keeper keeper(file);
  ParameterValues<T> values = *values_;
  Optimizer<T> optimizer = optimizer_;
  std::optional<ParameterValues<T>> best;
  double best_score = std::numeric_limits<double>::infinity(), norm = 0;
  keep(keeper, {values, optimizer, best, best_score, norm});
  typename SessionFamily<T>::State training, evaluated;
  State<T> of_training{training}, of_evaluation{evaluated};
  keeper("training", of_training);
  keeper("evaluation", of_evaluation);
  More added{more};
  keeper("program", added);
  keeper.require_all_restored();

  auto training_before = training_.state(), evaluation_before = evaluation_ ? evaluation_->state() : evaluated;
  try {
    training_.set_state(std::move(training));
    if (evaluated.runs > 0 || evaluation_) evaluation().set_state(std::move(evaluated));
  } catch (const Error&) {
    training_.set_state(std::move(training_before));
    if (evaluation_) evaluation_->set_state(std::move(evaluation_before));
    throw;
  }
  *values_ = std::move(values);
  optimizer_ = std::move(optimizer);
  best_ = std::move(best);
  best_score_ = best_score;
  norm_ = norm;
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
