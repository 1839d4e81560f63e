// ThreadPool: where parallel work runs, an oneTBB arena of a fixed number of slots.
//
// The number of threads never changes a bit of any result: work is cut into the same pieces or into rows, which are
// independent. Threads: a ThreadPool object may be shared; calls from several threads take turns for the slots.
#pragma once

#include <memory>
#include <type_traits>

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

 private:
  struct Arena;
  void run(Index n, const void* context, void (*call)(const void*, Index, int)) const;

  int count_;
  std::shared_ptr<Arena> arena_;  // empty for one thread
};

}  // namespace reel
