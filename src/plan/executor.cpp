#include <reel/plan/executor.h>

#include <algorithm>
#include <chrono>

#include <fmt/format.h>

#include <reel/graph/error.h>
#include <reel/plan/denormals.h>

namespace reel {
namespace {

template <class T>
class Executor {
 public:
  explicit Executor(WorkspaceData& w) : w_(w), plan_(*w.plan) {}

  void run() {
    for (const PhasePlan& phase : plan_.phases) {
      if (phase.kind == PhaseKind::cached)
        run_cached(phase);
      else if (phase.kind == PhaseKind::unbatched)
        run_waves(phase);
      else
        run_rows(phase);
    }
  }

 private:
  void run_cached(const PhasePlan& phase) {
    std::shared_ptr<CachedValues>& cached = w_.memory->cached;
    if (cached->are(plan_.shelf, w_.key)) return;
    run_waves(phase);
    cached = CachedShelf::put(plan_.shelf, std::move(cached), w_.key);
  }

  void run_waves(const PhasePlan& phase) {
    std::uint32_t first = phase.first_kernel;
    for (std::uint32_t end : phase.wave_ends) {
      run_wave(first, end);
      first = end;
    }
  }

  // All tasks of all kernels of a wave, as one list.
  void run_wave(std::uint32_t first, std::uint32_t end) {
    Index tasks = 0;
    for (std::uint32_t k = first; k < end; ++k) tasks += plan_.kernels[k].tasks;
    w_.threads.each(tasks, [&](Index task, int slot) {
      const FlushDenormals flush;
      std::uint32_t k = first;
      while (task >= plan_.kernels[k].tasks) task -= plan_.kernels[k++].tasks;
      const auto x = std::span(plan_.ports).subspan(plan_.kernels[k].first_port, plan_.kernels[k].inputs);
      const bool reduces = std::ranges::any_of(x, [](const OperandPlan& p) { return p.shape->batched(); });
      call(k, {slot, slot}, 0, reduces ? w_.context.rows : 1, task, plan_.kernels[k].tasks);
    });
  }

  void run_rows(const PhasePlan& phase) {
    if (phase.shares_columns && few_rows(w_.context.rows, w_.threads.count())) return run_few_rows(phase);
    const std::vector<Index>& ends = w_.block_ends;
    w_.threads.each(static_cast<Index>(ends.size()), [&](Index block, int slot) {
      const FlushDenormals flush;
      const auto b = static_cast<std::size_t>(block);
      const Index first = b == 0 ? 0 : ends[b - 1], count = ends[b] - first;
      for (std::uint32_t k = phase.first_kernel; k < phase.end_kernel; ++k)
        if (const Index live = std::min(rows_of(k) - first, count); live > 0) call(k, {slot, slot}, first, live);
    });
  }

  // All rows as one block of one thread, which calls the others to share the columns of large products.
  void run_few_rows(const PhasePlan& phase) {
    const int threads = w_.threads.count();
    if (!w_.team) w_.team = std::make_unique<Team>(threads);
    Team& team = *w_.team;
    team.begin();
    const auto lead = [&](int leader) {
      const FlushDenormals flush;
      const Team::Leadership leadership(team);
      for (std::uint32_t k = phase.first_kernel; k < phase.end_kernel; ++k) {
        const Index live = rows_of(k);
        if (live > 0 && plan_.kernels[k].shares_columns)
          team.share(leader, [&](int part, int slot) { call(k, {slot, leader}, 0, live, part, threads); });
        else if (live > 0)
          call(k, {leader, leader}, 0, live);
      }
    };
    w_.threads.together(lead, [&](int slot) {
      const FlushDenormals flush;
      team.follow(slot);
    });
  }

  Index rows_of(std::uint32_t kernel) const {
    const KernelPlan& k = plan_.kernels[kernel];
    return w_.context.rows_of(*plan_.ports[k.first_port + k.inputs].shape);
  }

  // Of whom a call is: whose scratch and ports it takes, and whose block the rows' values are of.
  struct Slots {
    int own, block;
  };

  KernelOperand resolve(const OperandPlan& p, int slot, Index first_row) const {
    auto* data = static_cast<std::byte*>(w_.base(p.source, p.slot, slot));
    data += p.fixed + p.scaled * w_.scale(p.source);
    if (p.source != Source::scratch && p.shape->batched()) data += first_row * p.stride * p.element_bytes;
    return {data, p.stride, p.shape, p.type, p.splat};
  }

  void call(std::uint32_t index, Slots slots, Index first_row, Index rows, Index task = 0, Index tasks = 1) {
    const KernelPlan& kernel = plan_.kernels[index];
    std::vector<KernelOperand>& ports = w_.ports[static_cast<std::size_t>(slots.own)];
    for (std::uint32_t i = 0; i < kernel.inputs + kernel.results; ++i)
      ports[i] = resolve(plan_.ports[kernel.first_port + i], slots.block, first_row);
    const auto results = std::span<const KernelOperand>(ports).subspan(kernel.inputs, kernel.results);
    const KernelCall c{
        w_.context, first_row, rows,
        task,       tasks,     std::span(ports).first(kernel.inputs),
        results[0], results,   w_.memory->scratch[static_cast<std::size_t>(slots.own)].get() + plan_.scratch_per_row * w_.block};
    if (w_.times.empty()) return run_kernel(kernel, c);
    const auto start = std::chrono::steady_clock::now();
    run_kernel(kernel, c);
    KernelTime& time = w_.times[static_cast<std::size_t>(slots.own)][index];
    time.seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    ++time.calls;
  }

  void run_kernel(const KernelPlan& kernel, const KernelCall& c) {
    try {
      kernel.run<T>(c);
    } catch (const InputError& e) {
      throw InputError(fmt::format("[{}] {} ({})", kernel.op->name(), e.what(), plan_.program.tape->place(kernel.node)));
    }
  }

  WorkspaceData& w_;
  const PlanData& plan_;
};

}  // namespace

template <class T>
void execute(WorkspaceData& w) {
  cut_rows(w.context, w.threads.count(), w.plan->row_costs, w.row_work, w.block_ends);
  Executor<T>(w).run();
}

template void execute<float>(WorkspaceData&);
template void execute<double>(WorkspaceData&);

}  // namespace reel
