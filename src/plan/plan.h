// Plan: the nodes of a tape that some outputs need, rewritten by passes, placed in memory and ordered in phases, ready to be
// replayed with new data. It is made by compile() (plan/compile.h).
//
// Always holds: a plan is immutable and independent of the tape it came from; replay allocates nothing once a workspace has
// seen its number of rows (reset() frees the carried state); results have the same bits for every number of threads. A run that
// throws leaves carried state and parameters as they were. A plan that was moved from is empty: using it is an InputError.
// Threads: a const Plan may run in any number of threads, each with a Workspace of its own.
#pragma once

#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <reel/graph/bindings.h>
#include <reel/plan/rewriter.h>
#include <reel/plan/shards.h>

namespace reel {

template <class T>
class Workspace;
template <class T>
class StreamModel;
struct CompileOptions;
struct PlanData;
struct WorkspaceData;

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
  std::size_t held_bytes() const;                    // an estimate of the memory of the plan itself
  const PlanData& data() const;                      // for src/plan and src/export; InputError where it was moved away

 protected:
  int carried_slot(std::string_view name) const;
  explicit PlanBase(std::shared_ptr<const PlanData> data) : data_(std::move(data)) {}
  std::shared_ptr<const PlanData> data_;
};

struct RunOptions {
  std::optional<Index> rows = std::nullopt;  // B, where no batched input tells it (default 1)
  bool commit = true;                        // false: carried state waits for Workspace::commit()
  // NumericError for an output that is not finite, with the first node that was not so, and where it was recorded; nothing is
  // committed then. The node is one of `tape`, the tape that the plan was compiled from, where it is given, else of the plan's
  // own.
  bool check_finite = false;
  const Tape* tape = nullptr;
  const Shards* shards = nullptr;  // of a batch that is cut into them (plan/shards.h); null: the rows are the batch
};

// Bindings of a plan that were checked once, for runs that would rather not look for names and shapes each time: the numbers
// behind them may be others at every run, and must live until the last. Copies share what they hold.
class PreparedBindings {
 public:
  std::span<const Binding> bindings() const { return data_->bindings; }

 private:
  template <class T>
  friend class Plan;
  struct Data {
    std::vector<Binding> bindings;
    std::vector<const InputView*> views;  // of these bindings, by input slot
    std::optional<Index> rows;            // where a batched input tells them
    std::shared_ptr<const PlanData> plan;
  };
  explicit PreparedBindings(std::shared_ptr<const Data> data) : data_(std::move(data)) {}
  std::shared_ptr<const Data> data_;
};

template <class T>
class Plan : public PlanBase {
 public:
  // InputError for a binding that is missing, of another type or shape, or an id out of range, and while the workspace is in use.
  // Bindings of names that the plan does not read are ignored: a plan of fewer outputs reads fewer inputs. A Session knows the
  // tape's other inputs, and refuses names that it has not.
  void run(Workspace<T>& workspace, std::span<const Binding> bindings, const RunOptions& options = {}) const;
  void run(Workspace<T>& workspace, std::initializer_list<Binding> bindings, const RunOptions& options = {}) const {
    run(workspace, std::span(bindings.begin(), bindings.size()), options);
  }

  // The same with names and shapes checked beforehand. InputError as run(), and from run() for bindings of another plan.
  PreparedBindings prepare(std::span<const Binding> bindings) const;
  PreparedBindings prepare(std::initializer_list<Binding> bindings) const {
    return prepare(std::span(bindings.begin(), bindings.size()));
  }
  void run(Workspace<T>& workspace, const PreparedBindings& prepared, const RunOptions& options = {}) const;

 private:
  void run_bound(WorkspaceData& workspace, std::optional<Index> bound_rows, std::span<const Binding> bindings,
                 const RunOptions& options) const;
  friend class Workspace<T>;
  friend class StreamModel<T>;
  template <class U>
  friend Plan<U> compile(const Tape&, std::span<const Var>, const CompileOptions&);
  using PlanBase::PlanBase;
};

}  // namespace reel
