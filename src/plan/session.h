// Session: what predicts. Outputs of a tape, their plan, and the memory that it runs in, as one.
//
//   Session session({{"logits", logits}}, &values);
//   session.run({{"x", x}});
//   session["logits"]     // or session[logits]
//
// Threads: one at a time; the work inside runs on the ThreadPool of the options.
#pragma once

#include <initializer_list>
#include <span>
#include <string_view>
#include <vector>

#include <reel/plan/builder.h>
#include <reel/plan/compile.h>
#include <reel/plan/workspace.h>

namespace reel {

struct SessionOptions {
  ThreadPool threads = ThreadPool(1);
  std::uint64_t seed = 0;  // of dropout masks
  CompileOptions compile = {};
  std::shared_ptr<WorkspaceMemory> memory = nullptr;  // of another session's workspace, to share
};

template <class T = float>
class Session {
 public:
  // Plans the outputs. `parameters` outlive the session; a tape with parameters needs them. InputError when there is no output,
  // for one that is empty or on another tape, for a name given twice, and for parameters of another set.
  explicit Session(std::span<const Result> outputs, const ParameterValues<T>* parameters = nullptr, SessionOptions options = {});
  explicit Session(std::initializer_list<Result> outputs, const ParameterValues<T>* parameters = nullptr,
                   SessionOptions options = {})
      : Session(std::span(outputs.begin(), outputs.size()), parameters, std::move(options)) {}
  explicit Session(std::span<const Var> outputs, const ParameterValues<T>* parameters = nullptr, SessionOptions options = {})
      : Session(std::vector<Result>(outputs.begin(), outputs.end()), parameters, std::move(options)) {}

  // Throws as Plan::run, and an InputError for a name that no input of the outputs' tape has.
  void run(std::span<const Binding> bindings, const RunOptions& options = {});
  void run(std::initializer_list<Binding> bindings, const RunOptions& options = {}) {
    run(std::span(bindings.begin(), bindings.size()), options);
  }
  // The same with names and shapes checked beforehand (Plan::prepare).
  PreparedBindings prepare(std::span<const Binding> bindings) const;
  PreparedBindings prepare(std::initializer_list<Binding> bindings) const {
    return prepare(std::span(bindings.begin(), bindings.size()));
  }
  void run(const PreparedBindings& prepared, const RunOptions& options = {});

  // A sentence about the first node that is not finite in a run like the last, which had these bindings: op, shape, and where it
  // was recorded; "" where there is none. It costs an interpretation.
  std::string explain_non_finite(std::span<const Binding> bindings) const {
    return workspace_.explain_non_finite(results_.front().value.tape(), bindings);
  }

  // An output of the last run that succeeded; valid until the next. InputError for one that the session does not have, and for
  // ids, which ids() gives.
  TensorView<const T> operator[](Var output) const { return workspace_.value(output); }
  TensorView<const T> operator[](std::string_view name) const { return workspace_.value(named(name)); }
  TensorView<const std::int32_t> ids(Var output) const { return workspace_.ids(output); }
  TensorView<const std::int32_t> ids(std::string_view name) const { return workspace_.ids(named(name)); }

  std::span<const Result> results() const { return results_; }
  const Plan<T>& plan() const { return plan_; }
  Workspace<T>& workspace() { return workspace_; }  // carried state, runs, memory
  const Workspace<T>& workspace() const { return workspace_; }

 private:
  void require_inputs(std::span<const Binding> bindings) const;  // InputError for a name that the tape has not
  Var named(std::string_view name) const;                        // InputError, listing the names, for another one

  std::vector<Result> results_;
  Plan<T> plan_;
  Workspace<T> workspace_;
};

}  // namespace reel
