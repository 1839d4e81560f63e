// The weights that streams step with: parameters and what a plan makes of them alone, as one immutable version; and how a new
// version reaches streams that run. Internal to src/plan/stream.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <vector>

#include <reel/plan/kernel_plan.h>

namespace reel::streams {

// One version. Threads: immutable.
struct Weights {
  std::vector<AlignedBytes> parameters;  // by number, of those that steps read
  AlignedBytes cached;                   // values of the plan's Source::cached
  std::size_t bytes = 0;

  const std::byte* base(const OperandPlan& port) const {
    return port.source == Source::cached ? cached.get() : parameters[port.slot].get();
  }
  static bool holds(const OperandPlan& port) { return port.source == Source::cached || port.source == Source::parameter; }
};

// Copies what steps read of the values, and packs. InputError, naming a parameter, for values of another set or too few.
template <class T>
std::unique_ptr<const Weights> make_weights(const PlanData& plan, const ParameterValues<T>* values);

// Where versions are published, and what frees them.
//
// A reader is wait-free: it announces the version that it is about to take, and takes it if it is still the latest; else it goes
// on with its own, which cannot have been freed, and tries again in its next step. A publisher frees the versions that are
// neither the latest nor announced nor in use. Threads: any for publish() and for making readers; each reader is one thread's
// at a time.
class Exchange {
 public:
  explicit Exchange(std::unique_ptr<const Weights> first);
  void publish(std::unique_ptr<const Weights> weights);
  std::size_t bytes() const;  // of all versions that are kept

 private:
  friend class Reader;
  struct Slot {
    std::atomic<const Weights*> in_use = nullptr, announced = nullptr;
    bool taken = false;
  };
  Slot& enter();
  void leave(Slot& slot);
  void free_unused();  // REQUIRES: the mutex is held

  std::atomic<const Weights*> latest_;
  mutable std::mutex mutex_;  // of what follows
  std::vector<std::unique_ptr<const Weights>> versions_;
  std::vector<std::unique_ptr<Slot>> slots_;
};

class Reader {
 public:
  explicit Reader(std::shared_ptr<Exchange> exchange);
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;
  ~Reader() { exchange_->leave(slot_); }

  const Weights& weights() const { return *slot_.in_use.load(std::memory_order_relaxed); }
  // Takes the latest version; whether it is another one now.
  bool update() noexcept {
    const Weights* latest = exchange_->latest_.load(std::memory_order_acquire);
    if (latest == slot_.in_use.load(std::memory_order_relaxed)) return false;
    slot_.announced.store(latest, std::memory_order_seq_cst);
    if (exchange_->latest_.load(std::memory_order_seq_cst) != latest) return false;
    slot_.in_use.store(latest, std::memory_order_seq_cst);
    return true;
  }

 private:
  std::shared_ptr<Exchange> exchange_;
  Exchange::Slot& slot_;
};

}  // namespace reel::streams
