// ThreadPool: where parallel work runs, an oneTBB arena of a fixed number of slots.
//
// The number of threads never changes a bit of any result: work is cut into the same pieces or into rows, which are
// independent. Threads: a ThreadPool object may be shared; calls from several threads take turns for the slots.
#pragma once

#include <memory>
#include <type_traits>
#include <utility>

#include <reel/graph/shape.h>

namespace reel {

class ThreadPool {
 public:
  explicit ThreadPool(int count = 0);  // 0: all cores. InputError for a negative count.
  int count() const { return count_; }

  // Calls f(i, slot) for i in [0, n); two calls at the same time have different slots in [0, count()).
  // An exception of a call is rethrown when all have ended; which one, of several, is not determined.
  template <class F>
  void each(Index n, const F& f) const {
    run(n, &f, [](const void* context, Index i, int slot) { (*static_cast<const F*>(context))(i, slot); });
  }

  // lead(slot) on the calling thread and meanwhile follow(slot) on as many others as there are and come, each in a slot of its
  // own. A follower must return once lead() has ended, also one that comes only then.
  template <class Lead, class Follow>
  void together(const Lead& lead, const Follow& follow) const {
    const std::pair<const Lead*, const Follow*> both{&lead, &follow};
    run_together(
        &both, [](const void* context, int slot) { (*static_cast<const decltype(both)*>(context)->first)(slot); },
        [](const void* context, int slot) { (*static_cast<const decltype(both)*>(context)->second)(slot); });
  }

 private:
  struct Arena;
  void run(Index n, const void* context, void (*call)(const void*, Index, int)) const;
  void run_together(const void* context, void (*lead)(const void*, int), void (*follow)(const void*, int)) const;

  int count_;
  std::shared_ptr<Arena> arena_;  // empty for one thread
};

}  // namespace reel
