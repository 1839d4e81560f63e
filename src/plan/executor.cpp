#include <reel/plan/executor.h>

#include <algorithm>
#include <optional>
#include <utility>

#include <reel/plan/denormals.h>
#include <reel/plan/kernel_caller.h>
#include <reel/plan/sharded_sums.h>

namespace reel {
namespace {

template <class T>
class Executor {
 public:
  Executor(WorkspaceData& w, const Shards* shards, const BatchRows& batch) : w_(w), plan_(*w.plan), caller_(w) {
    if (shards) sums_.emplace(w, *shards, batch);
  }

  void run() {
    for (const PhasePlan& phase : plan_.phases) {
      if (phase.kind == PhaseKind::cached)
        attempt([&] { run_cached(phase); });
      else if (phase.kind == PhaseKind::unbatched)
        run_waves(phase);
      else
        attempt([&] { run_rows(phase); });
    }
    failure_.rethrow();
  }

 private:
  template <class F>
  void attempt(const F& f) {
    if (sums_)
      failure_.attempt(f);
    else
      f();
  }

  void run_cached(const PhasePlan& phase) {
    std::shared_ptr<CachedValues>& cached = w_.memory->cached;
    if (cached->are(plan_.shelf, w_.key)) return;
    std::uint32_t first = phase.first_kernel;
    for (std::uint32_t end : phase.wave_ends) run_wave(std::exchange(first, end), end);
    cached = CachedShelf::put(plan_.shelf, std::move(cached), w_.key);
  }

  void run_waves(const PhasePlan& phase) {
    std::uint32_t first = phase.first_kernel;
    for (std::uint32_t end : phase.wave_ends) {
      if (sums_)
        sums_->run_wave(first, end, failure_);
      else
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
      caller_.call(k, {slot, slot}, 0, plan_.kernels[k].reduces ? w_.context.rows : 1, task, plan_.kernels[k].tasks);
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
        if (const Index live = std::min(rows_of(k) - first, count); live > 0) caller_.call(k, {slot, slot}, first, live);
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
          team.share(leader, [&](int part, int slot) { caller_.call(k, {slot, leader}, 0, live, part, threads); });
        else if (live > 0)
          caller_.call(k, {leader, leader}, 0, live);
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

  WorkspaceData& w_;
  const PlanData& plan_;
  KernelCaller<T> caller_;
  std::optional<ShardedSums<T>> sums_;
  FirstFailure failure_;
};

}  // namespace

template <class T>
void execute(WorkspaceData& w, const Shards* shards, const BatchRows& batch) {
  cut_rows(w.context, w.threads.count(), w.plan->row_costs, w.row_work, w.block_ends);
  Executor<T>(w, shards, batch).run();
}

template void execute<float>(WorkspaceData&, const Shards*, const BatchRows&);
template void execute<double>(WorkspaceData&, const Shards*, const BatchRows&);

}  // namespace reel
