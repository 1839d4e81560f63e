#include <reel/train/trainer.h>

#include <cmath>

#include <fmt/format.h>

#include <reel/graph/gradients.h>
#include <reel/plan/compile.h>

namespace reel {

template <class T>
Trainer<T>::Trainer(Var loss, const ParameterSet& set, OptimizerRule rule, Clip clip, TrainerOptions options)
    : loss_(loss),
      set_(set),
      trainable_(set.trainable()),
      clip_(clip),
      options_(std::move(options)),
      values_(std::make_unique<ParameterValues<T>>(set.initial<T>(options_.seed))),
      optimizer_(rule, trainable_, options_.weight_decay) {
  model(training_, 0, true);
}

template <class T>
Trainer<T>::Trainer(ModeBuilder builder, const ParameterSet& set, OptimizerRule rule, Clip clip, TrainerOptions options)
    : builder_(std::move(builder)),
      set_(set),
      trainable_(set.trainable()),
      clip_(clip),
      options_(std::move(options)),
      values_(std::make_unique<ParameterValues<T>>(set.initial<T>(options_.seed))),
      optimizer_(rule, trainable_, options_.weight_decay) {}

template <class T>
typename Trainer<T>::Model& Trainer<T>::model(Models& models, Index steps, bool with_gradients) {
  if (!builder_) steps = 0;
  if (const auto it = models.by_steps.find(steps); it != models.by_steps.end()) return it->second;
  std::shared_ptr<Tape> tape;
  Var loss = loss_;
  if (builder_) {
    tape = std::make_shared<Tape>();
    loss = builder_(*tape, steps, with_gradients ? Mode::training : Mode::inference);
  }
  std::vector<Var> gradient_nodes;
  if (with_gradients) gradient_nodes = gradients(loss, trainable_);
  std::vector<Var> outputs{loss};
  outputs.insert(outputs.end(), gradient_nodes.begin(), gradient_nodes.end());
  Plan<T> plan = compile<T>(loss.tape(), outputs);
  Workspace<T> workspace(plan, values_.get(), options_.threads, options_.seed);
  return models.by_steps.emplace(steps, Model{tape, loss, std::move(gradient_nodes), std::move(plan), std::move(workspace)})
      .first->second;
}

// The model of a length, with the carried state and the count of runs that the last successful run left.
template <class T>
typename Trainer<T>::Model& Trainer<T>::prepare(Models& models, Index steps, bool with_gradients) {
  Model& next = model(models, steps, with_gradients);
  if (!builder_) steps = 0;
  if (models.active && *models.active != steps) {
    const Model& last = models.by_steps.at(*models.active);
    for (const InputSlot& slot : last.plan.carried()) {
      const auto state = last.workspace.carried(slot.name);
      if (state.data() && next.plan.carries(slot.name)) next.workspace.set_carried(slot.name, state);
    }
  }
  next.workspace.set_runs(models.runs);
  return next;
}

template <class T>
void Trainer<T>::succeeded(Models& models, Index steps) {
  models.active = builder_ ? steps : 0;
  ++models.runs;
}

template <class T>
void Trainer<T>::reset(Models& models) {
  for (auto& [steps, m] : models.by_steps) m.workspace.reset();
  models.active.reset();
}

template <class T>
double Trainer<T>::step(std::span<const Binding> bindings, Index steps) {
  Model& m = prepare(training_, steps, true);
  m.plan.run(m.workspace, bindings, {.commit = false});
  std::vector<TensorView<const T>> gradient_values;
  for (const Var& g : m.gradients) gradient_values.push_back(m.workspace.value(g));
  const ClippedGradients clipped = clip<T>(clip_, trainable_, gradient_values);
  const auto loss = static_cast<double>(m.workspace.value(m.loss)[0]);
  if (!std::isfinite(loss)) throw NumericError(fmt::format("the loss is {}; the parameters were not updated", loss));
  const double rate = options_.schedule(optimizer_.updates());
  if (!std::isfinite(rate) || rate < 0)
    throw NumericError(fmt::format("the schedule's factor for update {} is {}", optimizer_.updates(), rate));
  optimizer_.update(*values_, gradient_values, clipped.edits, rate);
  norm_ = clipped.norm;
  m.workspace.commit();
  succeeded(training_, steps);
  return loss;
}

template <class T>
double Trainer<T>::evaluate(std::span<const Binding> bindings, Index steps) {
  Model& m = prepare(evaluation_, steps, false);
  m.plan.run(m.workspace, bindings);
  succeeded(evaluation_, steps);
  return static_cast<double>(m.workspace.value(m.loss)[0]);
}

template <class T>
void Trainer<T>::reset_state() {
  reset(training_);
}

template <class T>
void Trainer<T>::reset_evaluation() {
  reset(evaluation_);
}

template <class T>
const Plan<T>& Trainer<T>::plan(Index steps) {
  return model(training_, steps, true).plan;
}

template <class T>
std::string Trainer<T>::summary(Index steps) {
  const Model& m = model(training_, steps, true);
  return set_.summary() + fmt::format("{} tape nodes, of which {} record the loss; {} kernels\n", m.loss.tape().size(),
                                      m.loss.id() + 1, m.plan.kernels());
}

template class Trainer<float>;
template class Trainer<double>;

}  // namespace reel
