#include <reel/plan/sharded_sums.h>

#include <algorithm>

#include <reel/graph/bf16.h>
#include <reel/plan/denormals.h>

namespace reel {
namespace {

// What is summed before its exchange begins: the next is computed meanwhile.
constexpr Index kBucketBytes = 1 << 20;
constexpr Index kStretch = 1 << 14;  // elements that one task adds

template <class T>
void round_stretch(T* x, Index n) {
  for (Index i = 0; i < n; ++i) x[i] = static_cast<T>(from_bf16(to_bf16(static_cast<float>(x[i]))));
}

template <class T>
void add_stretch(T* into, const T* from, Index n, bool rounds) {
  for (Index i = 0; i < n; ++i) into[i] += from[i];
  if (rounds) round_stretch(into, n);
}

}  // namespace

template <class T>
ShardedSums<T>::ShardedSums(WorkspaceData& w, const Shards& shards, const BatchRows& batch)
    : w_(w), plan_(*w.plan), shards_(shards), whole_(w.context), caller_(w) {
  whole_.rows = batch.rows;
  whole_.counts = batch.counts;
  whole_.dealt = {};
}

template <class T>
typename ShardedSums<T>::Target ShardedSums<T>::target_of(const KernelPlan& kernel) const {
  if (kernel.op->traits().suspends) return Target::state;
  return kernel.first_output >= shards_.first_sliced ? Target::slices : Target::everywhere;
}

template <class T>
void ShardedSums<T>::run_wave(std::uint32_t first, std::uint32_t end, FirstFailure& failure) {
  failure.attempt([&] { run_whole(first, end); });
  std::vector<std::uint32_t>& bucket = w_.shard_buffers.bucket;
  while (first < end) {
    bucket.clear();
    bucket_bytes_ = 0;
    Target target = Target::everywhere;
    for (; first < end && bucket_bytes_ < kBucketBytes; ++first) {
      const KernelPlan& kernel = plan_.kernels[first];
      if (!kernel.reduces) continue;
      if (!bucket.empty() && target_of(kernel) != target) break;
      target = target_of(kernel);
      bucket.push_back(first);
      for (std::uint32_t r = 0; r < kernel.results; ++r)
        bucket_bytes_ += shard_result_bytes(plan_.ports[kernel.first_port + kernel.inputs + r]);
    }
    if (bucket.empty()) return;
    failure.attempt([&] { run_bucket(target); });
    if (shards_.exchange && target != Target::state) exchange(target);
  }
}

template <class T>
void ShardedSums<T>::run_whole(std::uint32_t first, std::uint32_t end) {
  std::vector<std::uint32_t>& kernels = w_.shard_buffers.bucket;
  kernels.clear();
  for (; first < end; ++first)
    if (!plan_.kernels[first].reduces) kernels.push_back(first);
  each_task([&](std::size_t i, Index task, int slot) { caller_.call_whole(kernels[i], slot, whole_, task); });
}

template <class T>
template <class F>
void ShardedSums<T>::each_task(const F& f) {
  Index tasks = 0;
  for (std::uint32_t k : w_.shard_buffers.bucket) tasks += plan_.kernels[k].tasks;
  w_.threads.each(tasks, [&](Index task, int slot) {
    const FlushDenormals flush;
    std::size_t i = 0;
    while (task >= plan_.kernels[w_.shard_buffers.bucket[i]].tasks) task -= plan_.kernels[w_.shard_buffers.bucket[i++]].tasks;
    f(i, task, slot);
  });
}

template <class T>
void ShardedSums<T>::run_bucket(Target target) {
  Index levels = 0;
  while (Index{1} << levels < shards_.rows.own) ++levels;
  const auto bytes = static_cast<std::size_t>(levels * bucket_bytes_);
  if (target == Target::state) {
    for (Index shard = 0; shard < shards_.rows.own; ++shard) run_shard(shard, nullptr, target);
    return;
  }
  grow(w_.memory->partial_sums, w_.memory->partial_bytes, bytes);
  sum_shards(0, shards_.rows.own, nullptr, 0, target);
}

// The sum over the shards [first, first + count), by halves; `into`: null for the results' home.
template <class T>
void ShardedSums<T>::sum_shards(Index first, Index count, std::byte* into, Index level, Target target) {
  if (count == 1) return run_shard(first, into, target);
  sum_shards(first, count / 2, into, level + 1, target);
  std::byte* other = w_.memory->partial_sums.get() + level * bucket_bytes_;
  sum_shards(first + count / 2, count / 2, other, level + 1, target);
  add(into, other, target);
}

template <class T>
void ShardedSums<T>::run_shard(Index shard, std::byte* into, Target target) {
  const DealtRows one{shards_.rows.own, shard, 1};  // of those that are here
  RowsOfShard rows{.run = w_.context, .first = shard, .step = shards_.rows.own};
  rows.run.rows = one.among(w_.context.rows);
  w_.shard_buffers.counts.resize(w_.context.counts.size());
  std::ranges::transform(w_.context.counts, w_.shard_buffers.counts.begin(),
                         [&](std::int32_t n) { return static_cast<std::int32_t>(one.among(n)); });
  rows.run.counts = w_.shard_buffers.counts;
  std::vector<std::byte*>& results = w_.shard_buffers.results;
  std::vector<std::byte*>& states = w_.shard_buffers.states;
  results.clear(), states.clear();
  std::byte* at = into;
  for (std::uint32_t k : w_.shard_buffers.bucket) {
    const KernelPlan& kernel = plan_.kernels[k];
    results.push_back(at);
    states.push_back(state_of(kernel, shard));
    for (std::uint32_t r = 0; at && r < kernel.results; ++r)
      at += shard_result_bytes(plan_.ports[kernel.first_port + kernel.inputs + r]);
  }
  each_task([&](std::size_t i, Index task, int slot) {
    RowsOfShard own = rows;
    own.results = results[i], own.state = states[i];
    caller_.call_shard(w_.shard_buffers.bucket[i], slot, own, task);
  });
  if (target != Target::slices || !shards_.rounds_slices) return;
  each_stretch(into, [&](T* home, const T* there, Index n) { round_stretch(into ? const_cast<T*>(there) : home, n); });
}

// Calls f with parts of the results at home and of the same at `from`.
template <class T>
template <class F>
void ShardedSums<T>::each_stretch(std::byte* from, const F& f) {
  for (std::uint32_t k : w_.shard_buffers.bucket) {
    const KernelPlan& kernel = plan_.kernels[k];
    for (std::uint32_t r = 0; r < kernel.results; ++r) {
      const OperandPlan& port = plan_.ports[kernel.first_port + kernel.inputs + r];
      T* home = static_cast<T*>(address(w_, port));
      const T* there = reinterpret_cast<const T*>(from);
      const Index n = port.shape->row_size();
      w_.threads.each(ceil_div(n, kStretch), [&](Index i, int) {
        const FlushDenormals flush;
        const Index begin = i * kStretch;
        f(home + begin, from ? there + begin : nullptr, std::min(kStretch, n - begin));
      });
      if (from) from += shard_result_bytes(port);
    }
  }
}

template <class T>
void ShardedSums<T>::add(std::byte* into, const std::byte* from, Target target) {
  const bool rounds = target == Target::slices && shards_.rounds_slices;
  const std::ptrdiff_t apart = into - from;  // both lie alike
  each_stretch(const_cast<std::byte*>(from), [&](T* home, const T* there, Index n) {
    T* sum = into ? reinterpret_cast<T*>(reinterpret_cast<std::byte*>(const_cast<T*>(there)) + apart) : home;
    add_stretch(sum, there, n, rounds);
  });
}

// Of a sum in parts, a shard's own; the plan's place for it tells which it is.
template <class T>
std::byte* ShardedSums<T>::state_of(const KernelPlan& kernel, Index shard) {
  const Traits traits = kernel.op->traits();
  if (!traits.continues && !traits.suspends) return nullptr;
  const OperandPlan& home = plan_.ports[kernel.first_port + (traits.continues ? 0 : kernel.inputs)];
  const auto bytes = static_cast<std::size_t>(shard_result_bytes(home));
  auto& [states, held] = w_.memory->shard_states[home.fixed];
  grow(states, held, bytes * static_cast<std::size_t>(shards_.rows.own));
  return states.get() + bytes * static_cast<std::size_t>(shard);
}

template <class T>
void ShardedSums<T>::exchange(Target target) {
  std::vector<PartialSum>& sums = w_.shard_buffers.sums;
  sums.clear();
  for (std::uint32_t k : w_.shard_buffers.bucket) {
    const KernelPlan& kernel = plan_.kernels[k];
    const auto add_port = [&](const OperandPlan& port) {
      const PartialSum sum{static_cast<std::byte*>(address(w_, port)), port.shape->row_size(), plan_.element};
      if (std::ranges::find(sums, sum.data, &PartialSum::data) == sums.end()) sums.push_back(sum);
    };
    if (target == Target::slices)
      for (const auto& [summed, output] : plan_.summed_outputs) {
        if (summed == k) add_port(plan_.ports[plan_.outputs[output].port]);
      }
    else
      for (std::uint32_t r = 0; r < kernel.results; ++r) add_port(plan_.ports[kernel.first_port + kernel.inputs + r]);
  }
  if (target == Target::slices)
    shards_.exchange->begin_sum(sums);
  else
    shards_.exchange->sum(sums);
}

template class ShardedSums<float>;
template class ShardedSums<double>;

}  // namespace reel
