// Ranks that are threads of one process: what several processes do, without them.
#pragma once

#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#include <reel/train/distributed/group.h>

namespace reel::test {

// Messages from rank to rank, in order.
class Mailboxes {
 public:
  explicit Mailboxes(Index ranks) : ranks_(ranks), boxes_(static_cast<std::size_t>(ranks * ranks)) {}
  Index ranks() const { return ranks_; }

  void send(Index from, Index to, std::span<const std::byte> message) {
    const std::lock_guard lock(mutex_);
    box(from, to).emplace_back(message.begin(), message.end());
    arrived_.notify_all();
  }
  void receive(Index from, Index to, std::span<std::byte> message) {
    std::unique_lock lock(mutex_);
    if (!arrived_.wait_for(lock, std::chrono::seconds(60), [&] { return !box(from, to).empty(); }))
      throw std::runtime_error("a rank waited for a minute");
    const std::vector<std::byte> next = std::move(box(from, to).front());
    box(from, to).pop_front();
    if (next.size() != message.size()) throw std::runtime_error("a message of another size arrived");
    std::ranges::copy(next, message.begin());
  }
  bool empty() const {
    for (const auto& b : boxes_)
      if (!b.empty()) return false;
    return true;
  }

 private:
  std::deque<std::vector<std::byte>>& box(Index from, Index to) { return boxes_[static_cast<std::size_t>(from * ranks_ + to)]; }
  Index ranks_;
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::vector<std::deque<std::vector<std::byte>>> boxes_;
};

class ThreadGroup final : public Group {
 public:
  ThreadGroup(Mailboxes& mail, Index rank) : mail_(mail), rank_(rank) {}
  Index rank() const override { return rank_; }
  Index size() const override { return mail_.ranks(); }
  void begin(std::span<const std::span<const std::byte>> to, std::span<const std::span<std::byte>> from) override {
    for (Index r = 0; r < size(); ++r) {
      if (r == rank_) continue;
      const auto i = static_cast<std::size_t>(r);
      mail_.send(rank_, r, to[i]);
      bytes_ += static_cast<Index>(to[i].size());
      ++messages_;
      awaited_.emplace_back(r, from[i]);
    }
  }
  void finish() override {
    for (const auto& [rank, to] : awaited_) mail_.receive(rank, rank_, to);
    awaited_.clear();
  }

 private:
  Mailboxes& mail_;
  Index rank_;
  std::vector<std::pair<Index, std::span<std::byte>>> awaited_;
};

// Calls f(group) on as many ranks at a time, and rethrows the first failure. Every message must have been received.
template <class F>
void on_ranks(Index ranks, const F& f) {
  Mailboxes mail(ranks);
  std::vector<std::exception_ptr> failures(static_cast<std::size_t>(ranks));
  std::vector<std::thread> threads;
  for (Index r = 0; r < ranks; ++r)
    threads.emplace_back([&, r] {
      ThreadGroup group(mail, r);
      try {
        f(static_cast<Group&>(group));
      } catch (...) {
        failures[static_cast<std::size_t>(r)] = std::current_exception();
      }
    });
  for (std::thread& t : threads) t.join();
  for (const std::exception_ptr& failure : failures)
    if (failure) std::rethrow_exception(failure);
  if (!mail.empty()) throw std::runtime_error("a message was never received");
}

}  // namespace reel::test
