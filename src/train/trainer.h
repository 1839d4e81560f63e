// Trainer: plan, clipping and optimizer in one call. Plans are made once per sequence length.
//
// A step either happens whole or not at all: when it throws, parameters, optimizer and carried state are as before.
// Threads: one thread at a time; the work inside runs on the ThreadPool of the options.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>

#include <reel/graph/mode.h>
#include <reel/plan/workspace.h>
#include <reel/train/clipping.h>
#include <reel/train/optimizers.h>

namespace reel {

struct TrainerOptions {
  std::uint64_t seed = 1;             // of the initial parameters and of dropout
  ThreadPool threads = ThreadPool();  // default: all cores
  WeightDecay weight_decay = {};
  Schedule schedule = schedule::constant();
};

template <class T = float>
class Trainer {
 public:
  // Records a model of `steps` time steps and returns its loss []; the second form records it for step() in training mode and
  // for evaluate() in inference.
  using Builder = std::function<Var(Tape&, Index steps)>;
  using ModeBuilder = std::function<Var(Tape&, Index steps, Mode mode)>;

  // A loss that is recorded already, dropout and all; the adjoint nodes are appended to its tape. ShapeError unless it is a
  // scalar []. Which parameters are frozen is fixed here.
  Trainer(Var loss, const ParameterSet& set, OptimizerRule rule, Clip clip = {}, TrainerOptions options = {});
  // Any sequence length, recorded and planned when first met.
  Trainer(ModeBuilder builder, const ParameterSet& set, OptimizerRule rule, Clip clip = {}, TrainerOptions options = {});
  Trainer(Builder builder, const ParameterSet& set, OptimizerRule rule, Clip clip = {}, TrainerOptions options = {})
      : Trainer(ModeBuilder([builder = std::move(builder)](Tape& tape, Index steps, Mode) { return builder(tape, steps); }), set,
                rule, clip, std::move(options)) {}

  // One update; returns the loss before it. `steps`: which length, for a Trainer with a builder.
  // NumericError when the loss or a gradient's norm is not finite, naming the parameter, or when the schedule's factor is not.
  double step(std::span<const Binding> bindings, Index steps = 0);
  double step(std::initializer_list<Binding> bindings, Index steps = 0) {
    return step(std::span(bindings.begin(), bindings.size()), steps);
  }

  // The loss alone, with carried state of its own that training does not see (reset_evaluation() zeroes it).
  double evaluate(std::span<const Binding> bindings, Index steps = 0);
  double evaluate(std::initializer_list<Binding> bindings, Index steps = 0) {
    return evaluate(std::span(bindings.begin(), bindings.size()), steps);
  }

  ParameterValues<T>& parameters() { return *values_; }
  const ParameterValues<T>& parameters() const { return *values_; }
  TensorView<const T> get(const std::string& name) const { return (*values_)[set_.find(name)]; }
  void set(const std::string& name, TensorView<const T> values) { set_values(set_, *values_, name, values); }

  void reset_state();  // carried state of training back to zero
  void reset_evaluation();
  Index updates() const { return optimizer_.updates(); }
  double gradient_norm() const { return norm_; }  // of the last step, before clipping
  const Plan<T>& plan(Index steps = 0);           // of training
  std::string summary(Index steps = 0);           // parameters with shapes, tape nodes, kernels

 private:
  struct Model {
    std::shared_ptr<Tape> tape;  // empty for a loss that the user recorded
    Var loss;
    std::vector<Var> gradients;  // of the trainable parameters; empty when only evaluated
    Plan<T> plan;
    Workspace<T> workspace;
  };
  struct Models {
    std::map<Index, Model> by_steps;
    std::optional<Index> active;  // whose workspace holds the carried state; none before the first run that succeeds
    std::uint64_t runs = 0;       // that succeeded, of all lengths together: dropout draws new masks for each
  };

  Model& model(Models& models, Index steps, bool with_gradients);
  Model& prepare(Models& models, Index steps, bool with_gradients);
  void succeeded(Models& models, Index steps);
  static void reset(Models& models);

  ModeBuilder builder_;  // empty for a loss that the user recorded
  Var loss_;
  ParameterSet set_;
  std::vector<Parameter> trainable_;
  Clip clip_;
  TrainerOptions options_;
  std::unique_ptr<ParameterValues<T>> values_;
  Optimizer<T> optimizer_;
  Models training_, evaluation_;
  double norm_ = 0;
};

Trainer(Var, const ParameterSet&, OptimizerRule, Clip, TrainerOptions)->Trainer<float>;

}  // namespace reel
