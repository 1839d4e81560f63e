// Counts what is allocated while a plan replays. The operators below serve the whole test binary; they count only inside
// a Counting scope.
#include <atomic>
#include <cstdlib>
#include <new>

#include <reel/models/cells/elman.h>
#include <reel/models/cells/gru.h>
#include <reel/models/cells/lstm.h>

#include "network.h"

#if defined(__SANITIZE_ADDRESS__)
#define REEL_COUNTS_ALLOCATIONS 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define REEL_COUNTS_ALLOCATIONS 0
#endif
#endif
#ifndef REEL_COUNTS_ALLOCATIONS
#define REEL_COUNTS_ALLOCATIONS 1
#endif

namespace {

std::atomic<bool> counting{false};
std::atomic<long> allocations{0};

struct Counting {
  Counting() { allocations = 0, counting = true; }
  ~Counting() { counting = false; }
};

#if REEL_COUNTS_ALLOCATIONS
void* counted(void* p) {
  if (!p) throw std::bad_alloc();
  if (counting.load(std::memory_order_relaxed)) ++allocations;
  return p;
}
void* allocate(std::size_t n) { return counted(std::malloc(n ? n : 1)); }
void* allocate(std::size_t n, std::align_val_t alignment) {
  const auto a = static_cast<std::size_t>(alignment);
  return counted(std::aligned_alloc(a, (n + a - 1) / a * a + (n ? 0 : a)));
}
#endif

}  // namespace

#if REEL_COUNTS_ALLOCATIONS
void* operator new(std::size_t n) { return allocate(n); }
void* operator new[](std::size_t n) { return allocate(n); }
void* operator new(std::size_t n, std::align_val_t a) { return allocate(n, a); }
void* operator new[](std::size_t n, std::align_val_t a) { return allocate(n, a); }
void operator delete(void* p) noexcept { std::free(p); }
void operator delete[](void* p) noexcept { std::free(p); }
void operator delete(void* p, std::size_t) noexcept { std::free(p); }
void operator delete[](void* p, std::size_t) noexcept { std::free(p); }
void operator delete(void* p, std::align_val_t) noexcept { std::free(p); }
void operator delete[](void* p, std::align_val_t) noexcept { std::free(p); }
void operator delete(void* p, std::size_t, std::align_val_t) noexcept { std::free(p); }
void operator delete[](void* p, std::size_t, std::align_val_t) noexcept { std::free(p); }
#endif

using namespace reel;
using namespace reel::test;

namespace {

// Allocations of 50 runs after the first, alternating between the batches.
template <class T, class Cell>
long allocations_of_replay(const Network<Cell>& network, std::initializer_list<const Batch<T>*> batches, int threads) {
  const auto values = network.set.template initial<T>(7);
  const Plan<T> plan = compile<T>(network.tape, network.outputs);
  Workspace<T> workspace(plan, &values, ThreadPool(threads));
  for (const Batch<T>* batch : batches) plan.run(workspace, batch->bindings());
  const Counting scope;
  for (int i = 0; i < 50; ++i)
    for (const Batch<T>* batch : batches) plan.run(workspace, batch->bindings());
  return allocations;
}

}  // namespace

TEST_CASE("replay: the counter sees every form of operator new") {
  if (!REEL_COUNTS_ALLOCATIONS) return;
  const Counting scope;
  std::vector<std::unique_ptr<double>> one;
  one.push_back(std::make_unique<double>(1.0));
  const Tensor<float> aligned(Shape{100});
  CHECK(allocations == 3);
  CHECK(reinterpret_cast<std::uintptr_t>(aligned.data()) % kAlignment == 0);
}

TEST_CASE("replay: allocates nothing once a workspace has seen its number of rows") {
  if (!REEL_COUNTS_ALLOCATIONS) {
    MESSAGE("not checked: the address sanitizer owns operator new");
    return;
  }
  const Network<Lstm> lstm(6);
  const Network<Gru> carried(6, true);
  const Batch<float> f32(lstm, 70, 1);
  const Batch<double> f64(lstm, 70, 1);
  const Batch<float> other(carried, 70, 2);
  for (int threads : {1, 2}) {
    CAPTURE(threads);
    CHECK(allocations_of_replay(lstm, {&f32}, threads) == 0);
    CHECK(allocations_of_replay(lstm, {&f64}, threads) == 0);
    CHECK(allocations_of_replay(carried, {&other}, threads) == 0);
  }
}

TEST_CASE("replay: allocates nothing when known numbers of rows alternate or parameters change") {
  if (!REEL_COUNTS_ALLOCATIONS) return;
  const Network<Elman> network(4);
  const Batch<float> small(network, 3, 1), large(network, 150, 2);
  CHECK(allocations_of_replay(network, {&small, &large}, 2) == 0);

  auto values = network.set.initial<float>(7);
  const Plan<float> plan = compile<float>(network.tape, network.outputs);
  Workspace<float> workspace(plan, &values);
  plan.run(workspace, small.bindings());
  const float before = workspace.value(network.loss)[0];
  const Counting scope;
  values.edit(network.cell.a.W)[0] += 0.5f;
  plan.run(workspace, small.bindings());
  CHECK(workspace.value(network.loss)[0] != before);
  CHECK(allocations == 0);
}
