// The memory and the bindings behind a Workspace. Internal to src/plan.
#pragma once

#include <map>
#include <memory>
#include <vector>

#include <reel/plan/cached_values.h>
#include <reel/plan/in_use.h>
#include <reel/plan/kernel_plan.h>
#include <reel/plan/shards.h>
#include <reel/plan/team.h>
#include <reel/plan/thread_pool.h>

namespace reel {

struct CarriedState {
  AlignedBytes bytes;
  Shape shape{0};          // bound to `rows`
  Index rows = -1;         // -1: zero, for any number of rows
  bool committed = false;  // holds the state of a run that succeeded, or one set by the user

  static CarriedState zero(const InputSlot& slot, Index rows, Element element);
  std::size_t size(Element element) const;  // in bytes
};

// The calls of one kernel by one thread.
struct KernelTime {
  Index calls = 0;
  double seconds = 0;
};

struct WorkspaceData;

// What runs write to. Workspaces may share one: it holds the values of whichever ran last.
struct WorkspaceMemory {
  AlignedBytes stored, unbatched;
  std::size_t stored_bytes = 0, unbatched_bytes = 0, scratch_bytes = 0;
  std::shared_ptr<CachedValues> cached;  // shared with other workspaces of the plan
  std::vector<AlignedBytes> scratch;     // per slot: block scratch, then kernel scratch
  AlignedBytes partial_sums;             // of shards, by level of their tree
  std::size_t partial_bytes = 0;
  std::map<Index, std::pair<AlignedBytes, std::size_t>> shard_states;  // of sums in parts, by their place in the plan
  const WorkspaceData* values_of = nullptr;                            // whose last run wrote it
  InUse in_use;

  std::size_t cached_bytes() const { return cached ? cached->size : 0; }
  std::size_t bytes() const {
    std::size_t total = stored_bytes + unbatched_bytes + cached_bytes() + scratch_bytes * scratch.size() + partial_bytes;
    for (const auto& [place, state] : shard_states) total += state.second;
    return total;
  }
};

// Makes a buffer as large as needed. What is too small is given back before more is asked for, so that both are never held at a
// time.
void grow(AlignedBytes& buffer, std::size_t& held, std::size_t needed);

// What ShardedSums works with, kept so that it is allocated once.
struct ShardBuffers {
  std::vector<std::uint32_t> bucket;  // kernels
  std::vector<std::byte*> results, states;
  std::vector<PartialSum> sums;
  std::vector<std::int32_t> counts;
  BatchRows batch;
};

// The bindings, carried state and counts of one workspace, untyped.
struct WorkspaceData {
  WorkspaceData() = default;
  WorkspaceData(const WorkspaceData&) = delete;
  WorkspaceData& operator=(const WorkspaceData&) = delete;
  ~WorkspaceData() {
    if (memory && memory->values_of == this) memory->values_of = nullptr;
  }

  std::shared_ptr<const PlanData> plan;
  ThreadPool threads;
  RunContext context;
  std::vector<std::int32_t> counts, next_counts;  // of rows, by number: of the last run, and of one whose inputs are checked
  const void* parameters = nullptr;               // const ParameterValues<T>*
  CachedKey key;                                  // of the parameters, in this run

  Index rows = -1;  // that the next three are for
  PlanData::Sizes sizes{};
  Index block = 0;  // that block scratch is laid out for
  std::vector<Index> block_ends;
  std::vector<double> row_work;
  ShardBuffers shard_buffers;
  std::unique_ptr<Team> team;  // of the threads, where they share the columns of a few rows
  std::shared_ptr<WorkspaceMemory> memory;
  std::vector<std::vector<KernelOperand>> ports;  // per slot: reused for every call
  std::vector<CarriedState> carried;              // by carried slot
  std::vector<const InputView*> views;            // by input slot, of this run
  std::vector<const void*> parameter_data;
  bool has_run = false;
  std::vector<std::vector<KernelTime>> times;  // by slot and kernel, while a profile is made
  bool pending = false;                        // states of the last run wait for commit()

  // Whether the memory holds what this one's last run wrote.
  bool has_values() const { return has_run && memory->values_of == this; }
  // Whether any of these bytes lies in the memory that runs write to.
  bool owns(const void* data, std::size_t bytes) const;
  void* base(Source source, std::uint32_t slot, int thread) const;
  Index scale(Source source) const { return source == Source::scratch ? block : context.rows; }
};

// Looks up where the parameters' values lie now. InputError, naming a parameter, when they are not of the plan's set or too few.
template <class T>
void bind_parameters(WorkspaceData& workspace);

// The address of a value that is not block scratch.
void* address(const WorkspaceData& workspace, const OperandPlan& port);

}  // namespace reel
