// Team: threads that do one piece of work after another together, each its own part, and meet at its end.
//
// One thread leads. It shares pieces of work; others follow: whoever is there does its part, and the leader does those of who is
// not. A part belongs to a slot, so that a follower does the same part of every piece and has what that needs in its caches.
// Waiting threads spin for some microseconds; then a follower sleeps until there is more to do. No thread waits for one that did
// not come: the leader alone gets everything done. Threads: share(), begin() and dismiss() are the leader's.
#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <vector>

#include <reel/graph/shape.h>

namespace reel {

class Team {
 public:
  explicit Team(int slots) : members_(static_cast<std::size_t>(slots)) {}

  // Until dismiss(), followers may come. REQUIRES: nobody follows.
  void begin();
  // f(part, slot) for every part in [0, slots), once: by the follower in the slot of that number, or by the leader in `own`.
  // Rethrows what a part threw, when all have ended; of several, the first part's.
  template <class F>
  void share(int own, const F& f) {
    run(own, &f, [](const void* context, int part, int slot) { (*static_cast<const F*>(context))(part, slot); });
  }
  void dismiss();
  // Dismisses at its end, also where a piece throws.
  class Leadership {
   public:
    explicit Leadership(Team& team) : team_(team) {}
    ~Leadership() { team_.dismiss(); }
    Leadership(const Leadership&) = delete;
    Leadership& operator=(const Leadership&) = delete;

   private:
    Team& team_;
  };

  // Does a slot's part of all that is shared until the team is dismissed; returns at once where it was. No two with one slot.
  void follow(int slot);

 private:
  using Call = void (*)(const void* context, int part, int slot);
  // A cache line travels between two threads only where one has something new to tell.
  struct Member {
    alignas(64) std::atomic<std::uint32_t> taken{0};  // the last piece of work of which somebody took the part
    std::exception_ptr error;
    alignas(64) std::atomic<std::uint32_t> finished{0};  // ... of which the part is done
    std::atomic<bool> here{false};                       // a follower is waiting for work
  };

  void run(int own, const void* context, Call call);
  bool take(Member& member, std::uint32_t piece);
  void do_part(int part, int slot, std::uint32_t piece);
  void finish(int part, int own, std::uint32_t piece);

  static constexpr std::uint32_t kDismissed = 0;

  std::vector<Member> members_;
  std::uint32_t piece_ = 0;
  alignas(64) std::atomic<std::uint32_t> open_{kDismissed};  // the number of the piece to be done; counts from 1
  std::atomic<bool> failed_{false};                          // a part of it threw
  const void* context_ = nullptr;                            // what the piece is
  Call call_ = nullptr;
};

}  // namespace reel
