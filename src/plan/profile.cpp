#include <reel/plan/profile.h>

#include <algorithm>
#include <chrono>
#include <map>

#include <fmt/format.h>

#include <reel/graph/error.h>
#include <reel/plan/executor.h>

namespace reel {
namespace {

std::string kernel_text(const PlanData& plan, const KernelPlan& kernel) {
  const Node& n = plan.program.tape->node(kernel.node);
  return n.op->text() + " : " + n.shape.text();
}

}  // namespace

template <class T>
Profile profile(const Plan<T>& plan, Workspace<T>& workspace, std::span<const Binding> bindings, const ProfileOptions& options) {
  const Index runs = options.runs;
  if (runs < 1) throw InputError(fmt::format("profile: takes at least one run, not {}", runs));
  plan.run(workspace, bindings);
  WorkspaceData& w = workspace.data();
  const PlanData& data = *w.plan;
  w.times.assign(static_cast<std::size_t>(w.threads.count()), std::vector<KernelTime>(data.kernels.size()));
  struct Stop {
    WorkspaceData& w;
    ~Stop() { w.times.clear(); }
  } stop{w};

  Profile result;
  result.runs = runs;
  const auto start = std::chrono::steady_clock::now();
  for (Index i = 0; i < runs; ++i) {
    if (options.before_run) options.before_run();
    plan.run(workspace, bindings);
  }
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();

  std::map<std::pair<PhaseKind, std::string>, KernelProfile> merged;
  for (const PhasePlan& phase : data.phases)
    for (std::uint32_t k = phase.first_kernel; k < phase.end_kernel; ++k) {
      const KernelPlan& kernel = data.kernels[k];
      KernelProfile& p = merged[{phase.kind, kernel_text(data, kernel)}];
      if (p.kernels++ == 0) {
        p.phase = phase_text(phase.kind);
        p.kernel = kernel_text(data, kernel);
        p.place = data.program.tape->place(kernel.node);
      }
      Index calls = 0;
      for (const auto& slot : w.times) calls += slot[k].calls, p.seconds += slot[k].seconds;
      if (calls == 0) continue;  // what is cached was not computed again
      const Work work = work_of(data, kernel, w.context);
      p.calls += calls;
      const Index times = phase.kind == PhaseKind::cached ? calls / kernel.tasks : runs;
      p.flop += work.flop * static_cast<double>(times);
      p.bytes += work.bytes * static_cast<double>(times);
    }
  for (auto& [key, p] : merged) result.kernels.push_back(std::move(p));
  std::ranges::stable_sort(result.kernels, std::greater<>(), &KernelProfile::seconds);
  return result;
}
template Profile profile<float>(const Plan<float>&, Workspace<float>&, std::span<const Binding>, const ProfileOptions&);
template Profile profile<double>(const Plan<double>&, Workspace<double>&, std::span<const Binding>, const ProfileOptions&);

std::string Profile::text(double peak_gflops) const {
  const double count = static_cast<double>(runs);
  double busy = 0, flop = 0;
  for (const KernelProfile& k : kernels) busy += k.seconds, flop += k.flop;
  std::string out = fmt::format("{:.3f} ms per run, {:.3f} ms in kernels over all threads, {:.1f} GFLOPS", seconds / count * 1e3,
                                busy / count * 1e3, flop / seconds / 1e9);
  if (peak_gflops > 0) out += fmt::format(", {:.0f}% of {:.0f}", flop / seconds / 1e7 / peak_gflops, peak_gflops);
  out += fmt::format("\n{:>9} {:>6} {:>8} {:>8} {:>7} {:>7}{}  kernel\n", "ms", "share", "kernels", "MFLOP", "GFLOPS", "GB/s",
                     peak_gflops > 0 ? "   peak" : "");
  for (const KernelProfile& k : kernels) {
    const double rate = k.seconds > 0 ? 1e-9 / k.seconds : 0;
    out += fmt::format("{:>9.4f} {:>5.1f}% {:>8} {:>8.2f} {:>7.1f} {:>7.1f}", k.seconds / count * 1e3,
                       busy > 0 ? 100 * k.seconds / busy : 0, k.kernels, k.flop / count / 1e6, k.flop * rate, k.bytes * rate);
    if (peak_gflops > 0) out += fmt::format(" {:>5.0f}%", 100 * k.flop * rate / peak_gflops);
    out += fmt::format("  {} ({})", k.kernel, k.phase);
    if (!k.place.empty()) out += "   # " + k.place;
    out += "\n";
  }
  return out;
}

}  // namespace reel
