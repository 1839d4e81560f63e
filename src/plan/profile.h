// Where a plan's time goes: kernels by op and shapes, with their rates.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include <reel/plan/workspace.h>

namespace reel {

// Kernels of one phase, op and shape, over all runs of a profile.
struct KernelProfile {
  std::string phase, kernel, place;  // place: of the first of them, as in messages
  Index kernels = 0;
  Index calls = 0;     // a kernel is called once per block of rows or task
  double seconds = 0;  // over all threads
  double flop = 0;
  double bytes = 0;  // of operands and results; caches are not considered
};

struct Profile {
  std::vector<KernelProfile> kernels;  // the slowest first
  double seconds = 0;                  // of the runs, from begin to end
  Index runs = 0;

  // A table, per run. `peak_gflops`: the rate that shares are of (multiply_add_gflops() in ops/kernels/multiply_add_rate.h);
  // 0 leaves them out.
  std::string text(double peak_gflops = 0) const;
};

struct ProfileOptions {
  Index runs = 10;
  std::function<void()> before_run = {};  // called before every run, e.g. to count the parameters as updated
};

// Runs the plan so many times, after one run that is not counted. Carried state moves on as in Plan::run. Throws what run throws.
template <class T>
Profile profile(const Plan<T>& plan, Workspace<T>& workspace, std::span<const Binding> bindings, const ProfileOptions& options);
template <class T>
Profile profile(const Plan<T>& plan, Workspace<T>& workspace, std::span<const Binding> bindings) {
  return profile(plan, workspace, bindings, ProfileOptions());
}

}  // namespace reel
