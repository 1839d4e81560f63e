#include <reel/plan/thread_pool.h>

#include <algorithm>
#include <exception>
#include <optional>
#include <thread>
#include <vector>

#include <fmt/format.h>
#include <tbb/global_control.h>
#include <tbb/parallel_for.h>
#include <tbb/task_arena.h>
#include <tbb/task_group.h>

#include <reel/graph/error.h>

#ifdef REEL_TELLS_THREAD_SANITIZER
#include <sanitizer/tsan_interface.h>
#endif

namespace reel {
namespace {

// The thread sanitizer cannot look into Debian's oneTBB, nor, therefore, at this file, where oneTBB's headers are: it is told
// that calls see what was written before them all and what earlier calls of their slot wrote, and that all of it is seen after
// them.
#ifdef REEL_TELLS_THREAD_SANITIZER
void publish(char& place) { __tsan_release(&place); }
void see(char& place) { __tsan_acquire(&place); }
#else
void publish(char&) {}
void see(char&) {}
#endif

// At their ends, also where a call throws.
struct PublishAtEnd {
  char &after, &same_slot;
  ~PublishAtEnd() { publish(after), publish(same_slot); }
};
struct SeeAtEnd {
  char& after;
  ~SeeAtEnd() { see(after); }
};

int cores() { return std::max(1, static_cast<int>(std::thread::hardware_concurrency())); }

}  // namespace

struct ThreadPool::Arena {
  explicit Arena(int count) : arena(count), slots(static_cast<std::size_t>(count)) {
    if (count > cores()) more.emplace(tbb::global_control::max_allowed_parallelism, count);
  }
  std::optional<tbb::global_control> more;  // oneTBB makes no more threads than cores unless asked
  tbb::task_arena arena;
  std::vector<char> slots;  // their addresses, for the thread sanitizer
};

ThreadPool::ThreadPool(int count) : count_(count == 0 ? cores() : count) {
  if (count < 0) throw InputError(fmt::format("the number of threads must be positive, or 0 for all cores, not {}", count));
  if (count_ > 1) arena_ = std::make_shared<Arena>(count_);
}

void ThreadPool::run(Index n, const void* context, void (*call)(const void*, Index, int)) const {
  if (!arena_ || n <= 1) {
    for (Index i = 0; i < n; ++i) call(context, i, 0);
    return;
  }
  char before = 0, after = 0;
  char* const slots = arena_->slots.data();
  const SeeAtEnd all{after};
  publish(before);
  arena_->arena.execute([&] {
    tbb::parallel_for(
        Index{0}, n,
        [&](Index i) {
          const int slot = tbb::this_task_arena::current_thread_index();
          char& same_slot = slots[slot];
          see(before), see(same_slot);
          const PublishAtEnd one{after, same_slot};
          call(context, i, slot);
        },
        tbb::simple_partitioner());
  });
}

void ThreadPool::run_together(const void* context, void (*lead)(const void*, int), void (*follow)(const void*, int)) const {
  if (!arena_) return lead(context, 0);
  char before = 0, after = 0;
  char* const slots = arena_->slots.data();
  const SeeAtEnd all{after};
  publish(before);
  const auto call = [&](void (*part)(const void*, int)) {
    const int slot = tbb::this_task_arena::current_thread_index();
    char& same_slot = slots[slot];
    see(before), see(same_slot);
    const PublishAtEnd one{after, same_slot};
    part(context, slot);
  };
  arena_->arena.execute([&] {
    tbb::task_group followers;
    for (int i = 1; i < count_; ++i) followers.run([&] { call(follow); });
    std::exception_ptr error;
    try {
      call(lead);
    } catch (...) {
      error = std::current_exception();
    }
    followers.wait();
    if (error) std::rethrow_exception(error);
  });
}

}  // namespace reel
