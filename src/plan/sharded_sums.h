// The waves of a run that is cut into shards: each shard's sums over its rows, added as a tree, and exchanged.
//
// Kernels whose results have no B are of two kinds. Those that read no batched value compute the same on every rank, with the
// counts of the whole batch. Those that do are sums over the batch. Internal to src/plan. Threads: one at a time.
#pragma once

#include <exception>

#include <reel/plan/kernel_caller.h>
#include <reel/plan/shards.h>

namespace reel {

// The first failure of a run. Other ranks wait for what this one has to give, whatever fails here: after a failure nothing is
// computed any more, and the exchanges go on.
class FirstFailure {
 public:
  template <class F>
  void attempt(const F& f) {
    if (!failure_) try {
        f();
      } catch (...) {
        failure_ = std::current_exception();
      }
  }
  void rethrow() const {
    if (failure_) std::rethrow_exception(failure_);
  }

 private:
  std::exception_ptr failure_;
};

template <class T>
class ShardedSums {
 public:
  ShardedSums(WorkspaceData& w, const Shards& shards, const BatchRows& batch);

  void run_wave(std::uint32_t first, std::uint32_t end, FirstFailure& failure);

 private:
  enum class Target { everywhere, slices, state };
  Target target_of(const KernelPlan& kernel) const;
  void run_whole(std::uint32_t first, std::uint32_t end);
  void run_bucket(Target target);
  void sum_shards(Index first, Index count, std::byte* into, Index level, Target target);
  void run_shard(Index shard, std::byte* into, Target target);
  void add(std::byte* into, const std::byte* from, Target target);
  void exchange(Target target);
  std::byte* state_of(const KernelPlan& kernel, Index shard);
  template <class F>
  void each_task(const F& f);
  template <class F>
  void each_stretch(std::byte* from, const F& f);

  WorkspaceData& w_;
  const PlanData& plan_;
  const Shards& shards_;
  RunContext whole_;
  KernelCaller<T> caller_;
  Index bucket_bytes_ = 0;  // of the results of the bucket's kernels
};

}  // namespace reel
