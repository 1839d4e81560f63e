// Tells when an object that is for one thread at a time is used by two. A check of honest mistakes: it costs one exchange.
#pragma once

#include <atomic>

#include <fmt/format.h>

#include <reel/graph/error.h>

namespace reel {

class InUse {
 public:
  InUse() = default;
  // Where the object moves, its new place is not in use.
  InUse(const InUse&) {}
  InUse& operator=(const InUse&) { return *this; }

  class Guard {
   public:
    explicit Guard(std::atomic<bool>& flag) : flag_(flag) {}
    Guard(const Guard&) = delete;
    Guard& operator=(const Guard&) = delete;
    ~Guard() { flag_.store(false, std::memory_order_release); }

   private:
    std::atomic<bool>& flag_;
  };

  // InputError while another guard of it lives; `what`: "the Workspace".
  [[nodiscard]] Guard enter(const char* what) {
    if (flag_.exchange(true, std::memory_order_acquire))
      throw InputError(fmt::format("{} is in use: it serves one thread, and one call, at a time", what));
    return Guard(flag_);
  }

 private:
  std::atomic<bool> flag_ = false;
};

}  // namespace reel
