#include <reel/train/trainer.h>

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include <reel/graph/error.h>
#include <reel/graph/gradients.h>

namespace reel {
namespace {

constexpr std::size_t kMostPredictions = 4;

// InputError unless a node depends on one of the parameters.
void require_parameters(Var loss, std::span<const Parameter> trainable) {
  const Tape& tape = loss.tape();
  std::vector<char> needed(loss.id() + 1, 0);
  needed.back() = 1;
  for (NodeId id = loss.id() + 1; id-- > 0;) {
    if (!needed[id]) continue;
    for (NodeId x : tape.inputs(id)) needed[x] = 1;
    const LeafInfo* leaf = tape.node(id).op->leaf();
    if (leaf && leaf->kind == LeafInfo::Kind::parameter && std::ranges::find(trainable, leaf->parameter) != trainable.end())
      return;
  }
  throw InputError(fmt::format("Trainer: the loss ({}) depends on no parameter that is trained, so there is nothing to learn",
                               tape.place(loss.id())));
}

// The loss and, after it, its gradients.
std::vector<Result> with_gradients(Var loss, std::span<const Parameter> trainable) {
  if (!loss) throw InputError("Trainer: the loss is an empty Var");
  std::vector<Result> results{{"loss", loss}};
  for (const Var& g : gradients(loss, trainable)) results.push_back({"", g});
  require_parameters(loss, trainable);
  return results;
}

template <class T>
const Clip& checked(const Clip& rule) {
  check<T>(rule);
  return rule;
}

Builder checked(Builder builder) {
  if (!builder) throw InputError("Trainer: the builder is empty");
  return builder;
}

std::vector<Parameter> trained(const ParameterSet& set) {
  std::vector<Parameter> all = set.trainable();
  if (all.empty())
    throw InputError(set.size() == 0 ? "Trainer: the set has no parameters" : "Trainer: all parameters of the set are frozen");
  return all;
}

// A node that draws random numbers.
std::optional<NodeId> chance(const Tape& tape) {
  for (NodeId id = 0; id < tape.size(); ++id)
    if (tape.node(id).op->traits().draws) return id;
  return std::nullopt;
}

const Var& loss_of(const std::vector<Result>& results) {
  if (results.empty()) throw InputError("Trainer: the builder returned nothing; its first result must be the loss");
  return results[0].value;
}

}  // namespace

template <class T>
Predictions<T>::Predictions(const Session<T>& session) {
  for (const Result& r : session.results()) {
    Entry& e = entries_.emplace_back(Entry{r.name, r.value.type(), {}, {}});
    const auto copy = [](auto view) {
      return Tensor(view.shape(), std::span(view.data(), static_cast<std::size_t>(view.size())));
    };
    if (e.type == Type::id)
      e.ids = copy(session.ids(r.value));
    else
      e.real = copy(session[r.value]);
  }
}

template <class T>
const typename Predictions<T>::Entry& Predictions<T>::find(std::string_view name) const {
  const auto found = std::ranges::find(entries_, name, &Entry::name);
  if (found == entries_.end()) throw InputError(fmt::format("predict: there is no result \"{}\"", name));
  return *found;
}
template <class T>
const typename Predictions<T>::Entry& Predictions<T>::find(std::size_t i) const {
  if (i >= entries_.size()) throw InputError(fmt::format("predict: there is no result {} of {}", i, entries_.size()));
  return entries_[i];
}
template <class T>
const Tensor<T>& Predictions<T>::real(const Entry& entry) {
  if (entry.type == Type::id) throw InputError(fmt::format("predict: the result \"{}\" is ids; read it with ids()", entry.name));
  return entry.real;
}
template <class T>
const Tensor<std::int32_t>& Predictions<T>::id(const Entry& entry) {
  if (entry.type != Type::id) throw InputError(fmt::format("predict: the result \"{}\" is no ids", entry.name));
  return entry.ids;
}
template class Predictions<float>;
template class Predictions<double>;

template <class T>
Trainer<T>::Trainer(Var loss, const ParameterSet& set, OptimizerRule rule, Clip clip, TrainerOptions options)
    : Trainer(Builder(), set, rule, clip, std::move(options), loss) {}

template <class T>
Trainer<T>::Trainer(Builder builder, const ParameterSet& set, OptimizerRule rule, Clip clip, TrainerOptions options)
    : Trainer(checked(std::move(builder)), set, rule, clip, std::move(options), Var()) {}

template <class T>
Trainer<T>::Trainer(Builder builder, const ParameterSet& set, OptimizerRule rule, Clip clip, TrainerOptions options, Var loss)
    : builder_(std::move(builder)),
      loss_(loss),
      set_(set),
      trainable_(trained(set)),
      clip_(checked<T>(clip)),
      options_(std::move(options)),
      shards_{.rows = dealt_rows(options_.sharding.count(), group()), .first_sliced = 1, .rounds_slices = options_.sharding.bf16},
      pieces_{shards_.rows.shards, shards_.rows.first, shards_.rows.own},
      values_(std::make_unique<ParameterValues<T>>(set.initial<T>(options_.seed))),
      optimizer_(rule, trainable_, options_.weight_decay, pieces_),
      training_(training_family(builder_, loss_, trainable_, values_.get(), options_)),
      freezes_(set.freezes()) {
  if (options_.sharding.bf16 && shards_.rows.shards == 1)
    throw InputError("Trainer: there are no sums of shards to round to bf16 where there is one shard");
  if (group() && group()->size() > 1) {
    exchange_ = std::make_unique<GroupExchange>(*group(), shards_.rows, options_.sharding.bf16);
    shards_.exchange = exchange_.get();
  }
  version_ = values_->version();
  require_same_everywhere();
}

template <class T>
SessionFamily<T> Trainer<T>::training_family(const Builder& builder, Var loss, std::span<const Parameter> trainable,
                                             const ParameterValues<T>* values, const TrainerOptions& options) {
  SessionOptions session{.threads = options.threads,
                         .seed = options.seed,
                         .compile = {.recompute = options.recompute, .products = options.products}};
  if (!builder) return SessionFamily<T>(with_gradients(loss, trainable), values, std::move(session));
  const auto record = [builder, trainable = std::vector<Parameter>(trainable.begin(), trainable.end())](Tape& tape, Index steps,
                                                                                                        Mode mode) {
    return with_gradients(loss_of(builder.record(tape, steps, mode)), trainable);
  };
  return SessionFamily<T>(Builder(record), values, std::move(session), options.lengths, Mode::training);
}

template <class T>
Builder Trainer<T>::only_loss(Builder builder) {
  return Builder([builder = std::move(builder)](Tape& tape, Index steps, Mode mode) {
    return Result("loss", loss_of(builder.record(tape, steps, mode)));
  });
}

// Recorded for inference, what draws masks would make every evaluation another.
template <class T>
Builder Trainer<T>::without_chance(Builder builder) {
  return Builder([builder = std::move(builder)](Tape& tape, Index steps, Mode mode) {
    std::vector<Result> results = builder.record(tape, steps, mode);
    if (const auto id = chance(tape))
      throw InputError(
          fmt::format("Trainer: the builder records {} ({}) for an evaluation too; take the mode, as a function of "
                      "(Tape&, Index steps, Mode), and hand it to dropout()",
                      tape.node(*id).op->name(), tape.place(*id)));
    return results;
  });
}

// One run of all ranks, whose state waits to be committed; the loss is that of the whole batch.
template <class T>
const Session<T>& Trainer<T>::run(SessionFamily<T>& family, std::span<const Binding> bindings, std::optional<Index> steps) {
  const Session<T>* session = nullptr;
  const bool learns = &family == &training_;
  const Shards* shards = shards_.rows.shards > 1 ? &shards_ : nullptr;
  together(learns ? "step" : "evaluate", [&] {
    if (learns && set_.freezes() != freezes_)
      throw InputError(
          "Trainer: parameters were frozen or unfrozen since it was made, which it does not follow; make another one");
    if (learns) rate_ = checked_rate();
    session = &family.run(bindings, steps, {.commit = false, .shards = shards});
  });
  version_ = values_->version();
  const auto loss = static_cast<double>((*session)[session->results()[0].value][0]);
  if (!std::isfinite(loss))
    refuse(*session, bindings, fmt::format("the loss is {}{}", loss, learns ? "; the parameters were not updated" : ""));
  return *session;
}

// The schedule's factor, before anything is done.
template <class T>
double Trainer<T>::checked_rate() const {
  const double rate = options_.schedule(optimizer_.updates());
  if (!std::isfinite(rate) || rate < 0)
    throw NumericError(fmt::format("the schedule's factor for update {} is {}", optimizer_.updates(), rate));
  return rate;
}

template <class T>
double Trainer<T>::step(std::span<const Binding> bindings, std::optional<Index> steps) {
  const auto guard = in_use_.enter("the Trainer");
  const Session<T>& session = run(training_, bindings, steps);
  if ((exchange_ ? exchange_->rows() : session.workspace().rows()) == 0)
    throw InputError("Trainer: the batch has no rows (B = 0); there is nothing to learn from it");
  if (exchange_) exchange_->finish_sums();
  std::vector<TensorView<const T>> gradient_values;
  for (const Result& g : session.results().subspan(1)) gradient_values.push_back(session[g.value]);
  const ClippedGradients clipped = clip_all(session, gradient_values, bindings);
  optimizer_.update(*values_, gradient_values, clipped.edits, rate_);
  if (exchange_) gather_parameters();
  version_ = values_->version();
  norm_ = clipped.norm;
  training_.commit();
  return static_cast<double>(session[session.results()[0].value][0]);
}

// NumericError with what was found and where it began.
template <class T>
void Trainer<T>::refuse(const Session<T>& session, std::span<const Binding> bindings, const std::string& what) const {
  std::string place;
  try {
    place = session.explain_non_finite(bindings);
  } catch (const MemoryError&) {  // it needs more than a run does; the others wait for what it says
  }
  if (exchange_) place = exchange_->first_text(place);
  throw NumericError(fmt::format("{}{}", what, place.empty() ? "" : fmt::format(". It began with {}", place)));
}

template <class T>
double Trainer<T>::evaluate(std::span<const Binding> bindings, std::optional<Index> steps) {
  const auto guard = in_use_.enter("the Trainer");
  SessionFamily<T>& family = evaluation();
  const Session<T>& session = run(family, bindings, steps);
  family.commit();
  return static_cast<double>(session[session.results()[0].value][0]);
}

template <class T>
SessionFamily<T>& Trainer<T>::evaluation() {
  if (!evaluation_)
    evaluation_ = builder_ ? std::make_unique<SessionFamily<T>>(only_loss(without_chance(builder_)), values_.get(),
                                                                session_options(), options_.lengths)
                           : std::make_unique<SessionFamily<T>>(std::vector<Result>{loss_}, values_.get(), session_options());
  return *evaluation_;
}

// The sessions of what is asked for, made anew or found among the last few.
template <class T>
SessionFamily<T>& Trainer<T>::remembered(Prediction prediction) {
  predictions_.push_front(std::move(prediction));
  if (predictions_.size() > kMostPredictions) predictions_.pop_back();
  return predictions_.front().sessions;
}

template <class T>
Predictions<T> Trainer<T>::predict(std::span<const Result> outputs, std::span<const Binding> bindings) {
  const auto guard = in_use_.enter("the Trainer");
  const auto same = [&](const Prediction& p) {
    return std::ranges::equal(p.outputs, outputs,
                              [](const Result& a, const Result& b) { return a.name == b.name && a.value == b.value; });
  };
  if (const auto known = std::ranges::find_if(predictions_, same); known != predictions_.end()) {
    predictions_.splice(predictions_.begin(), predictions_, known);
    return Predictions<T>(predictions_.front().sessions.run(bindings));
  }
  return Predictions<T>(
      remembered({{outputs.begin(), outputs.end()}, {}, SessionFamily<T>(outputs, values_.get(), session_options())})
          .run(bindings));
}

template <class T>
Predictions<T> Trainer<T>::predict(const Builder& builder, std::span<const Binding> bindings, std::optional<Index> steps) {
  const auto guard = in_use_.enter("the Trainer");
  if (!builder) throw InputError("predict: the builder is empty");
  const auto known = std::ranges::find(predictions_, builder, &Prediction::builder);
  if (known != predictions_.end()) {
    predictions_.splice(predictions_.begin(), predictions_, known);
    return Predictions<T>(predictions_.front().sessions.run(bindings, steps));
  }
  return Predictions<T>(remembered({{}, builder, SessionFamily<T>(builder, values_.get(), session_options(), options_.lengths)})
                            .run(bindings, steps));
}

template <class T>
Tensor<T> Trainer<T>::predict(std::string_view result, std::span<const Binding> bindings, std::optional<Index> steps) {
  if (!builder_)
    throw InputError(
        fmt::format("predict: \"{}\" is a result of no builder: this Trainer was given a loss; give the Var", result));
  if (!rest_)
    rest_ = Builder([builder = without_chance(builder_)](Tape& tape, Index length, Mode mode) {
      std::vector<Result> results = builder.record(tape, length, mode);
      loss_of(results);
      if (results.size() == 1) throw InputError("predict: the builder returned a loss and no other result");
      results.erase(results.begin());
      return results;
    });
  return predict(rest_, bindings, steps)[result];
}

template <class T>
void Trainer<T>::reset_state() {
  training_.reset();
}

template <class T>
void Trainer<T>::reset_evaluation() {
  if (evaluation_) evaluation_->reset();
  for (Prediction& p : predictions_) p.sessions.reset();
}

template <class T>
std::size_t Trainer<T>::bytes() const {
  std::size_t total = training_.bytes() + (evaluation_ ? evaluation_->bytes() : 0);
  for (const Prediction& p : predictions_) total += p.sessions.bytes();
  return total;
}

template <class T>
std::string Trainer<T>::summary(Index steps) {
  const Session<T>& session = training_.at(steps);
  const Var loss = session.results()[0].value;
  return set_.summary() + fmt::format("{} tape nodes, of which {} record the loss; {} kernels\n", loss.tape().size(),
                                      loss.id() + 1, session.plan().kernels());
}

template class Trainer<float>;
template class Trainer<double>;

}  // namespace reel
