#include <reel/plan/team.h>

#include <thread>
#include <utility>

#include <hwy/base.h>

namespace reel {
namespace {

// How often a thread looks before it does something else; a look takes 10 to 50 ns.
constexpr int kLooksOfLeader = 100;      // ... takes over the part of a follower that does not begin
constexpr int kLooksOfFollower = 5000;   // ... sleeps
constexpr int kLooksAtBusyPart = 20000;  // ... lets another thread have the processor, which may be the one it waits for

void pause() {
#if HWY_ARCH_X86
  __builtin_ia32_pause();
#elif HWY_ARCH_ARM
  asm volatile("yield");
#endif
}

// Whether `ready` became true within so many looks.
template <class F>
bool watch(int looks, const F& ready) {
  for (int i = 0; i < looks; ++i) {
    if (ready()) return true;
    pause();
  }
  return ready();
}

}  // namespace

void Team::begin() {
  piece_ = 1;  // an empty one, for the first to come
  for (Member& m : members_) {
    m.taken = m.finished = piece_;
    m.here = false;
  }
  open_.store(piece_, std::memory_order_release);
}

void Team::dismiss() {
  open_.store(kDismissed, std::memory_order_release);
  open_.notify_all();
}

void Team::run(int own, const void* context, Call call) {
  const std::uint32_t piece = ++piece_;
  context_ = context;
  call_ = call;
  open_.store(piece, std::memory_order_release);
  open_.notify_all();
  const int count = static_cast<int>(members_.size());
  if (take(members_[static_cast<std::size_t>(own)], piece)) do_part(own, own, piece);
  for (int part = 0; part < count; ++part)
    if (part != own) finish(part, own, piece);
  if (!failed_.load(std::memory_order_relaxed)) return;
  failed_.store(false, std::memory_order_relaxed);
  std::exception_ptr first;
  for (Member& m : members_)
    if (auto error = std::exchange(m.error, nullptr); error && !first) first = error;
  std::rethrow_exception(first);
}

// For the leader: sees to it that a part of a piece is done.
void Team::finish(int part, int own, std::uint32_t piece) {
  Member& m = members_[static_cast<std::size_t>(part)];
  const auto done = [&] { return m.finished.load(std::memory_order_acquire) == piece; };
  if (m.here.load(std::memory_order_relaxed) && watch(kLooksOfLeader, done)) return;
  if (take(m, piece)) {
    m.here.store(false, std::memory_order_relaxed);  // until it says so again
    return do_part(part, own, piece);
  }
  while (!watch(kLooksAtBusyPart, done)) std::this_thread::yield();
}

bool Team::take(Member& m, std::uint32_t piece) {
  std::uint32_t before = piece - 1;
  return m.taken.load(std::memory_order_relaxed) == before &&
         m.taken.compare_exchange_strong(before, piece, std::memory_order_acq_rel);
}

void Team::do_part(int part, int slot, std::uint32_t piece) {
  Member& m = members_[static_cast<std::size_t>(part)];
  try {
    call_(context_, part, slot);
  } catch (...) {
    m.error = std::current_exception();
    failed_.store(true, std::memory_order_relaxed);
  }
  m.finished.store(piece, std::memory_order_release);
}

void Team::follow(int slot) {
  Member& m = members_[static_cast<std::size_t>(slot)];
  std::uint32_t seen = open_.load(std::memory_order_acquire);
  while (seen != kDismissed) {
    if (take(m, seen)) do_part(slot, slot, seen);
    if (!m.here.load(std::memory_order_relaxed)) m.here.store(true, std::memory_order_relaxed);
    const auto more = [&] { return open_.load(std::memory_order_acquire) != seen; };
    if (!watch(kLooksOfFollower, more)) {
      m.here.store(false, std::memory_order_relaxed);
      open_.wait(seen, std::memory_order_acquire);
    }
    seen = open_.load(std::memory_order_acquire);
  }
  m.here.store(false, std::memory_order_relaxed);
}

}  // namespace reel
