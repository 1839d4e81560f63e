// Calls of a plan's kernels with their operands' addresses. Internal to src/plan. Threads: calls of different slots at a time.
#pragma once

#include <reel/plan/workspace_data.h>

namespace reel {

// Which rows a kernel that sums over the batch is given, of those of the workspace, and where its results go.
struct RowsOfShard {
  RunContext run;                // of these rows alone
  Index first = 0, step = 1;     // rows first, first + step, ..
  std::byte* results = nullptr;  // one after the other, each where a cache line begins; null: at home
  std::byte* state = nullptr;    // of a sum that continues or suspends
};

template <class T>
class KernelCaller {
 public:
  explicit KernelCaller(WorkspaceData& w) : w_(w), plan_(*w.plan) {}

  // Of whom a call is: whose scratch and ports it takes, and whose block the rows' values are of.
  struct Slots {
    int own, block;
  };
  void call(std::uint32_t index, Slots slots, Index first_row, Index rows, Index task = 0, Index tasks = 1) {
    std::vector<KernelOperand>& ports = ports_of(slots.own);
    const KernelPlan& kernel = plan_.kernels[index];
    for (std::uint32_t i = 0; i < kernel.inputs + kernel.results; ++i)
      ports[i] = resolve(plan_.ports[kernel.first_port + i], slots.block, first_row);
    run(index, slots.own, w_.context, first_row, rows, task, tasks);
  }
  // One task of a kernel without B that has no batched operand, with the counts of the whole batch.
  void call_whole(std::uint32_t index, int slot, const RunContext& whole, Index task);
  // One task of a kernel that sums over the batch.
  void call_shard(std::uint32_t index, int slot, const RowsOfShard& shard, Index task);

 private:
  std::vector<KernelOperand>& ports_of(int slot) { return w_.ports[static_cast<std::size_t>(slot)]; }
  KernelOperand resolve(const OperandPlan& p, int slot, Index first_row) const {
    auto* data = static_cast<std::byte*>(w_.base(p.source, p.slot, slot));
    data += p.fixed + p.scaled * w_.scale(p.source);
    if (p.source != Source::scratch && p.shape->batched()) data += first_row * p.stride * p.element_bytes;
    return {data, p.stride, p.shape, p.type, p.splat};
  }
  void run(std::uint32_t index, int slot, const RunContext& context, Index first_row, Index rows, Index task, Index tasks);

  WorkspaceData& w_;
  const PlanData& plan_;
};

// Bytes that a result takes among those of RowsOfShard::results.
inline Index shard_result_bytes(const OperandPlan& result) {
  return round_up(result.shape->row_size() * result.element_bytes, static_cast<Index>(kAlignment));
}

}  // namespace reel
