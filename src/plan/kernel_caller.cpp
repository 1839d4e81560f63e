#include <reel/plan/kernel_caller.h>

#include <chrono>

#include <fmt/format.h>

#include <reel/graph/error.h>

namespace reel {

template <class T>
void KernelCaller<T>::call_whole(std::uint32_t index, int slot, const RunContext& whole, Index task) {
  const KernelPlan& kernel = plan_.kernels[index];
  for (std::uint32_t i = 0; i < kernel.inputs + kernel.results; ++i)
    ports_of(slot)[i] = resolve(plan_.ports[kernel.first_port + i], slot, 0);
  run(index, slot, whole, 0, 1, task, kernel.tasks);
}

template <class T>
void KernelCaller<T>::call_shard(std::uint32_t index, int slot, const RowsOfShard& shard, Index task) {
  const KernelPlan& kernel = plan_.kernels[index];
  std::vector<KernelOperand>& ports = ports_of(slot);
  const Traits traits = kernel.op->traits();
  std::byte* result = traits.suspends ? shard.state : shard.results;
  for (std::uint32_t i = 0; i < kernel.inputs + kernel.results; ++i) {
    const OperandPlan& p = plan_.ports[kernel.first_port + i];
    ports[i] = resolve(p, slot, 0);
    if (i < kernel.inputs && p.shape->batched()) {
      ports[i].data = static_cast<std::byte*>(ports[i].data) + shard.first * p.stride * p.element_bytes;
      ports[i].stride = shard.step * p.stride;
    } else if (i == 0 && traits.continues) {
      ports[i].data = shard.state;
    } else if (i >= kernel.inputs && result) {
      ports[i].data = result;
      result += shard_result_bytes(p);
    }
  }
  run(index, slot, shard.run, 0, shard.run.rows, task, kernel.tasks);
}

template <class T>
void KernelCaller<T>::run(std::uint32_t index, int slot, const RunContext& context, Index first_row, Index rows, Index task,
                          Index tasks) {
  const KernelPlan& kernel = plan_.kernels[index];
  const std::vector<KernelOperand>& ports = ports_of(slot);
  const auto results = std::span<const KernelOperand>(ports).subspan(kernel.inputs, kernel.results);
  const KernelCall c{
      context,    first_row, rows,
      task,       tasks,     std::span<const KernelOperand>(ports).first(kernel.inputs),
      results[0], results,   w_.memory->scratch[static_cast<std::size_t>(slot)].get() + plan_.scratch_per_row * w_.block};
  const bool timed = !w_.times.empty();
  const auto start = timed ? std::chrono::steady_clock::now() : std::chrono::steady_clock::time_point();
  try {
    kernel.run<T>(c);
  } catch (const InputError& e) {
    throw InputError(fmt::format("[{}] {} ({})", kernel.op->name(), e.what(), plan_.program.tape->place(kernel.node)));
  }
  if (!timed) return;
  KernelTime& time = w_.times[static_cast<std::size_t>(slot)][index];
  time.seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  ++time.calls;
}

template class KernelCaller<float>;
template class KernelCaller<double>;

}  // namespace reel
