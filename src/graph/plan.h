// compile(tape, outputs) -> Plan: the tape's nodes that the outputs need, rewritten by passes, placed in memory and ordered in
// phases, ready to be replayed with new data. Workspace: what one replay at a time writes to.
//
// Always holds: a plan is immutable and independent of the tape it came from; replay allocates nothing once a workspace has
// seen its number of rows (reset() frees the carried state); results have the same bits for every number of threads. A run that
// throws leaves carried state and parameters as they were. Threads: a const Plan may run in any number of threads, each with a
// Workspace of its own.
#pragma once

#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <reel/graph/bindings.h>
#include <reel/graph/program.h>
#include <reel/graph/threads.h>

namespace reel {

template <class T>
class Workspace;
struct PlanData;
struct Profile;
struct ProfileOptions;

// What every element type's plan has in common.
class PlanBase {
 public:
  std::span<const InputSlot> inputs() const;
  std::span<const InputSlot> carried() const;
  bool carries(std::string_view name) const { return carried_slot(name) >= 0; }
  std::size_t kernels() const;
  const Program& program() const;  // after the passes
  // Phases and kernels in order: operands, shapes, FLOP and bytes of a run over so many rows, and where on the tape each came
  // from.
  std::string text(Index rows = 1) const;
  std::size_t bytes(Index rows, int threads) const;  // memory of a workspace

 protected:
  int carried_slot(std::string_view name) const;
  explicit PlanBase(std::shared_ptr<const PlanData> data) : data_(std::move(data)) {}
  std::shared_ptr<const PlanData> data_;
};

struct RunOptions {
  std::optional<Index> rows = std::nullopt;  // B, where no batched input tells it (default 1)
  bool commit = true;                        // false: carried state waits for Workspace::commit()
};

template <class T>
class Plan : public PlanBase {
 public:
  // InputError for a binding that is missing, of another type or shape, or an id out of range.
  void run(Workspace<T>& workspace, std::span<const Binding> bindings, const RunOptions& options = {}) const;
  void run(Workspace<T>& workspace, std::initializer_list<Binding> bindings, const RunOptions& options = {}) const {
    run(workspace, std::span(bindings.begin(), bindings.size()), options);
  }

 private:
  friend class Workspace<T>;
  template <class U>
  friend Plan<U> make_plan(const Tape&, std::span<const Var>, std::span<const Pass>, bool);
  using PlanBase::PlanBase;
};

// What compile() (ops/compile.h) does with a list of passes. `check`: verify the program after each.
template <class T>
Plan<T> make_plan(const Tape& tape, std::span<const Var> outputs, std::span<const Pass> passes, bool check);

struct WorkspaceData;

template <class T>
class Workspace {
 public:
  // `parameters` outlives the workspace; plans whose tape has parameters need it. InputError when they are of another set.
  explicit Workspace(const Plan<T>& plan, const ParameterValues<T>* parameters = nullptr, Threads threads = Threads(1),
                     std::uint64_t seed = 0);
  ~Workspace();
  Workspace(Workspace&&) noexcept;
  Workspace& operator=(Workspace&&) noexcept;

  // An output of the last successful run; valid until the next. InputError for a Var that the plan was not compiled for.
  TensorView<const T> value(Var output) const;
  TensorView<const std::int32_t> ids(Var output) const;

  // Carried state. Zero until a run commits; its number of rows is then fixed until reset(), and before the first run it is
  // empty: [0]. Setting a state drops those that wait for commit(). InputError for unknown names.
  TensorView<const T> carried(std::string_view name) const;
  void set_carried(std::string_view name, TensorView<const T> value);  // [rows, ...]
  void commit();  // makes the last run's states, held back by RunOptions::commit = false, the next run's first
  void reset();   // back to zero, for any number of rows

  std::uint64_t runs() const;  // committed so far; dropout draws new masks for each
  void set_runs(std::uint64_t runs);
  std::size_t bytes() const;  // memory held

 private:
  friend class Plan<T>;
  template <class U>
  friend Profile profile(const Plan<U>&, Workspace<U>&, std::span<const Binding>, const ProfileOptions&);
  std::unique_ptr<WorkspaceData> data_;
};

}  // namespace reel
