// Workspace: what one replay of a plan at a time writes to: its values, its carried state, its count of runs.
//
// Always holds: it belongs to one plan; its memory grows to the largest number of rows that it has seen. A run that throws leaves
// carried state as it was. One that was moved from is empty: using it is an InputError. Threads: one at a time; a run that begins
// while another one is at work in the same memory is refused with an InputError.
#pragma once

#include <memory>
#include <string_view>

#include <reel/plan/plan.h>
#include <reel/plan/thread_pool.h>

namespace reel {

struct Profile;
struct ProfileOptions;
struct WorkspaceData;
struct WorkspaceMemory;

template <class T>
class Workspace {
 public:
  // `parameters` outlives the workspace; plans whose tape has parameters need it. InputError when they are of another set.
  // `memory`: of another workspace, to write to the same: the values of each are gone when the other runs, its carried state is
  // not.
  explicit Workspace(const Plan<T>& plan, const ParameterValues<T>* parameters = nullptr, ThreadPool threads = ThreadPool(1),
                     std::uint64_t seed = 0, std::shared_ptr<WorkspaceMemory> memory = nullptr);
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

  // A sentence about the first node of a tape, the one that the plan was compiled from, that is not finite in a run like the
  // last, which had these bindings: op, shape, and where it was recorded; "" where there is none. It costs an interpretation.
  std::string explain_non_finite(const Tape& tape, std::span<const Binding> bindings) const;

  Index rows() const;          // B of the last run; -1 before the first
  std::uint64_t runs() const;  // committed so far; dropout draws new masks for each
  void set_runs(std::uint64_t runs);
  std::size_t bytes() const;  // memory held
  const std::shared_ptr<WorkspaceMemory>& memory() const;

 private:
  friend class Plan<T>;
  template <class U>
  friend Profile profile(const Plan<U>&, Workspace<U>&, std::span<const Binding>, const ProfileOptions&);
  WorkspaceData& data() const;  // InputError where it was moved away
  std::unique_ptr<WorkspaceData> data_;
};

}  // namespace reel
