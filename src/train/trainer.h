// Trainer: plan, clipping and optimizer in one call.
//
// A step either happens whole or not at all: when it throws, parameters, optimizer and carried state are as before. The tape of a
// loss that was recorded already lives as long as its Trainer. Plans for several sequence lengths: plan/session_family.h.
// Threads: one thread at a time; the work inside runs on the ThreadPool of the options.
#pragma once

#include <functional>
#include <limits>
#include <list>
#include <memory>
#include <optional>
#include <string>

#include <reel/data/keeper.h>
#include <reel/data/record.h>
#include <reel/plan/in_use.h>
#include <reel/plan/session_family.h>
#include <reel/train/clipping.h>
#include <reel/train/distributed/group_exchange.h>
#include <reel/train/optimizers.h>
#include <reel/train/schedules.h>

namespace reel {

// How the rows of a batch are shared out. Results depend on the number of shards, but not on how many ranks they are computed by:
// one process with as many shards gets the same bits.
struct Sharding {
  // Row r of a batch is one of shard r mod `shards`, a power of two; each shard's gradient is summed by itself, and these as a
  // balanced tree. 0: one without a group, else 8.
  Index shards = 0;
  // The ranks that train together, each with a Trainer of the same settings and the rows of its own shards (dealt_rows()). It
  // outlives the Trainer. All call the same functions in the same order; what one refuses, all do.
  Group* group = nullptr;
  // Every node of the tree of gradients is rounded to bf16, and ranks exchange half as many bytes.
  bool bf16 = false;
  // Whether ranks may be of other builds or other instruction sets, whose numbers may differ in their last bits; else InputError.
  bool any_build = false;

  Index count() const { return shards ? shards : group ? 8 : 1; }
};

struct TrainerOptions {
  std::uint64_t seed = 1;             // of the initial parameters and of dropout
  ThreadPool threads = ThreadPool();  // default: all cores
  WeightDecay weight_decay = {};
  Schedule schedule = schedule::constant();
  LengthOptions lengths = {};  // of a Trainer with a Builder
  // Of a float Trainer: what products read. Parameters, gradients and what the rule keeps are float in any case.
  Precision products = Precision::full;
  // Of long sequences: true, or how many steps are computed again at a time. The bits are those without it; see Recompute.
  Recompute recompute = {};
  Sharding sharding = {};
};

struct CheckpointOptions {
  int keep_last = 1;  // files: the one before becomes "path.1", the one before that "path.2", ...
};
struct ResumeOptions {
  bool other_settings = false;  // rates, limits and the like may be others than those that the checkpoint was made with
};

// What predict() found, by name or by position. A copy: it stays when the Trainer goes on.
template <class T>
class Predictions {
 public:
  explicit Predictions(const Session<T>& session);
  std::size_t size() const { return entries_.size(); }
  // InputError for a name or position that there is not, and for ids where reals are asked for or the other way round.
  const Tensor<T>& operator[](std::string_view name) const { return real(find(name)); }
  const Tensor<T>& operator[](std::size_t i) const { return real(find(i)); }
  const Tensor<std::int32_t>& ids(std::string_view name) const { return id(find(name)); }
  const Tensor<std::int32_t>& ids(std::size_t i) const { return id(find(i)); }

 private:
  struct Entry {
    std::string name;
    Type type;
    Tensor<T> real;
    Tensor<std::int32_t> ids;
  };
  const Entry& find(std::string_view name) const;
  const Entry& find(std::size_t i) const;
  static const Tensor<T>& real(const Entry& entry);
  static const Tensor<std::int32_t>& id(const Entry& entry);
  std::vector<Entry> entries_;
};

template <class T = float>
class Trainer {
 public:
  // A loss [] that is recorded already, dropout and all; the adjoint nodes are appended to its tape. ShapeError unless it is a
  // scalar []. Which parameters are frozen is fixed here. InputError for what cannot learn: a set of which nothing is trained, a
  // loss that depends on none of it, an empty builder; and as clipping and Optimizer have it.
  Trainer(Var loss, const ParameterSet& set, OptimizerRule rule, Clip clip = {}, TrainerOptions options = {});
  // Any sequence length, recorded and planned when it is met: in training mode for step(), in inference for evaluate() and
  // predict(). The builder's first result is the loss []; those after it are what predict() may be asked for by name.
  Trainer(Builder builder, const ParameterSet& set, OptimizerRule rule, Clip clip = {}, TrainerOptions options = {});

  // One update; returns the loss before it, of the whole batch where there are several ranks, each with its own rows. `steps`:
  // which length, for a Trainer with a builder; without it, that of the bound sequences. NumericError when the loss is not
  // finite, naming the op where that began, when a gradient is not, naming the parameter, or when the schedule's factor is not.
  // InputError for a batch without rows, and when parameters were frozen since the Trainer was made; as Session::run.
  double step(std::span<const Binding> bindings, std::optional<Index> steps = std::nullopt);
  double step(std::initializer_list<Binding> bindings, std::optional<Index> steps = std::nullopt) {
    return step(std::span(bindings.begin(), bindings.size()), steps);
  }

  // The loss alone, with carried state of its own that training does not see (reset_evaluation() zeroes it). InputError where a
  // builder records dropout that is not switched off by the mode: such an evaluation would be a matter of chance. NumericError as
  // step().
  double evaluate(std::span<const Binding> bindings, std::optional<Index> steps = std::nullopt);
  double evaluate(std::initializer_list<Binding> bindings, std::optional<Index> steps = std::nullopt) {
    return evaluate(std::span(bindings.begin(), bindings.size()), steps);
  }

  // Values with the parameters of now, and with carried state of their own (reset_evaluation()): of a Var on any tape, of several
  // under names, of a result of this Trainer's builder by its name, or of all results of another builder (keep it: what was
  // planned for it is found again). The plans of the last few are kept.
  Tensor<T> predict(Var output, std::initializer_list<Binding> bindings) {
    const Result one[] = {output};
    return predict(std::span(one), std::span(bindings.begin(), bindings.size()))[0];
  }
  Predictions<T> predict(std::initializer_list<Result> outputs, std::initializer_list<Binding> bindings) {
    return predict(std::span(outputs.begin(), outputs.size()), std::span(bindings.begin(), bindings.size()));
  }
  Predictions<T> predict(std::span<const Result> outputs, std::span<const Binding> bindings);
  Tensor<T> predict(std::string_view result, std::span<const Binding> bindings, std::optional<Index> steps = std::nullopt);
  Tensor<T> predict(std::string_view result, std::initializer_list<Binding> bindings, std::optional<Index> steps = std::nullopt) {
    return predict(result, std::span(bindings.begin(), bindings.size()), steps);
  }
  Predictions<T> predict(const Builder& builder, std::initializer_list<Binding> bindings,
                         std::optional<Index> steps = std::nullopt) {
    return predict(builder, std::span(bindings.begin(), bindings.size()), steps);
  }
  Predictions<T> predict(const Builder& builder, std::span<const Binding> bindings, std::optional<Index> steps = std::nullopt);

  ParameterValues<T>& parameters() { return *values_; }
  const ParameterValues<T>& parameters() const { return *values_; }
  TensorView<const T> get(const std::string& name) const { return (*values_)[set_.find(name)]; }
  void set(const std::string& name, TensorView<const T> values) { set_values(set_, *values_, name, values); }

  // Writes a checkpoint, whole or not at all (data/file_writer.h): parameters, the optimizer's state and count of updates,
  // carried state of training and of evaluate(), the count of runs that dropout's masks follow, the best parameters, and what the
  // program adds. Of several ranks rank 0 writes, and `more` is called there alone; all resume. FileError where it cannot be
  // written. Carried state of predict() is not kept.
  void save(const std::string& path, const std::function<void(Keeper&)>& more = {}, const CheckpointOptions& options = {});
  // Goes on from a checkpoint: what follows equals, bit for bit, what would have followed where it was saved, on any number of
  // threads. FileError, with all but what the program adds as it was, for a file that is none, for other parameters, and, listing
  // them, for other settings: element type, rule, clipping, weight decay, seed, length of the schedule.
  void resume(const std::string& path, const std::function<void(Keeper&)>& more = {}, const ResumeOptions& options = {});

  // Keeps a copy of the parameters where the score is below all before; whether it was. NumericError for NaN.
  bool keep_best(double score);
  bool has_best() const { return best_.has_value(); }
  double best_score() const { return best_score_; }  // infinite before the first
  const ParameterValues<T>& best() const;            // InputError before the first

  void reset_state();       // carried state of training back to zero
  void reset_evaluation();  // that of evaluate() and predict()
  Index updates() const { return optimizer_.updates(); }
  double gradient_norm() const { return norm_; }                               // of the last step, before clipping
  Group* group() const { return options_.sharding.group; }                     // null: this process is alone
  const DealtRows& rows() const { return shards_.rows; }                       // of a batch: which are here
  const Plan<T>& plan(Index steps = 0) { return training_.at(steps).plan(); }  // of training
  std::string summary(Index steps = 0);                                        // parameters with shapes, tape nodes, kernels
  std::size_t bytes() const;  // an estimate of what all plans and their memory hold

 private:
  // What was asked of predict(): Vars of a tape, or a builder.
  const Session<T>& run(SessionFamily<T>& family, std::span<const Binding> bindings, std::optional<Index> steps);
  ClippedGradients clip_all(const Session<T>& session, std::span<const TensorView<const T>> gradients,
                            std::span<const Binding> bindings);
  double checked_rate() const;
  void gather_parameters();
  void require_same_everywhere() const;
  // f, which may fail on some ranks: all fail then.
  template <class F>
  void together(std::string_view what, const F& f) {
    if (exchange_)
      exchange_->together(what, edits(), f);
    else
      f();
  }
  std::uint64_t edits() const;
  struct Prediction {
    std::vector<Result> outputs;
    Builder builder;
    SessionFamily<T> sessions;
  };
  Trainer(Builder builder, const ParameterSet& set, OptimizerRule rule, Clip clip, TrainerOptions options, Var loss);
  static SessionFamily<T> training_family(const Builder& builder, Var loss, std::span<const Parameter> trainable,
                                          const ParameterValues<T>* values, const TrainerOptions& options);
  static Builder only_loss(Builder builder);
  static Builder without_chance(Builder builder);
  SessionOptions session_options() const {
    return {.threads = options_.threads, .seed = options_.seed, .compile = {.products = options_.products}};
  }
  SessionFamily<T>& remembered(Prediction prediction);
  SessionFamily<T>& evaluation();
  // What a checkpoint holds besides carried state.
  struct Kept {
    ParameterValues<T>& values;
    Optimizer<T>& optimizer;
    std::optional<ParameterValues<T>>& best;
    double &best_score, &norm;
  };
  void keep(Keeper& keeper, const Kept& kept) const;
  struct Restored;
  void restore(const std::string& path, const std::function<void(Keeper&)>& more, const ResumeOptions& options, Restored& to);
  Record settings() const;
  [[noreturn]] void refuse(const Session<T>& session, std::span<const Binding> bindings, const std::string& what) const;

  Builder builder_;  // empty for a loss that was recorded already
  Var loss_;
  ParameterSet set_;
  std::vector<Parameter> trainable_;
  Clip clip_;
  TrainerOptions options_;
  std::unique_ptr<GroupExchange> exchange_;  // where there are several ranks
  Shards shards_;
  OwnPieces pieces_;
  std::uint64_t version_ = 0;  // of the parameters, as the ranks have made them together
  std::unique_ptr<ParameterValues<T>> values_;
  Optimizer<T> optimizer_;
  SessionFamily<T> training_;
  std::unique_ptr<SessionFamily<T>> evaluation_;  // once it is needed
  Builder rest_;                                  // the builder without its loss
  std::list<Prediction> predictions_;             // the last used first
  double norm_ = 0, rate_ = 0;
  std::optional<ParameterValues<T>> best_;
  double best_score_ = std::numeric_limits<double>::infinity();
  Index freezes_;  // of the set, when this was made
  InUse in_use_;
};

}  // namespace reel
