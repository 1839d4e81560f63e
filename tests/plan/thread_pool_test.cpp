#include <atomic>
#include <chrono>
#include <thread>

#include "support.h"

using namespace reel;
using namespace reel::test;

namespace {

// How many calls saw all the others at work before a deadline.
int calls_that_met(int count) {
  const ThreadPool threads(count);
  std::atomic<int> inside{0}, met{0};
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(5);
  threads.each(count, [&](Index, int) {
    ++inside;
    while (inside < count && std::chrono::steady_clock::now() < deadline)
      std::this_thread::sleep_for(std::chrono::microseconds(50));
    met += inside == count;
  });
  return met;
}

}  // namespace

TEST_CASE("threads: every index is called once, whatever their number") {
  for (int count : {1, 2, 3, 8}) {
    const ThreadPool threads(count);
    CHECK(threads.count() == count);
    for (Index n : {0, 1, 2, 1000}) {
      std::vector<std::atomic<int>> calls(static_cast<std::size_t>(n));
      threads.each(n, [&](Index i, int slot) {
        ++calls[static_cast<std::size_t>(i)];
        if (slot < 0 || slot >= count) calls[0] = -1000;
      });
      CAPTURE(count);
      CAPTURE(n);
      CHECK(std::ranges::all_of(calls, [](const auto& c) { return c == 1; }));
    }
  }
}

TEST_CASE("threads: two calls at the same time have different slots") {
  const ThreadPool threads(4);
  std::vector<std::atomic<int>> busy(4);
  std::atomic<int> clashes{0};
  threads.each(400, [&](Index, int slot) {
    if (busy[static_cast<std::size_t>(slot)].exchange(1)) ++clashes;
    std::this_thread::sleep_for(std::chrono::microseconds(20));
    busy[static_cast<std::size_t>(slot)] = 0;
  });
  CHECK(clashes == 0);
}

TEST_CASE("threads: as many calls as threads run at the same time, also on fewer cores") {
  for (int count : {2, 3}) {
    CAPTURE(count);
    bool all_met = false;  // oneTBB promises no schedule: on a busy machine a thread may come too late
    for (int attempt = 0; attempt < 5 && !all_met; ++attempt) all_met = calls_that_met(count) == count;
    CHECK(all_met);
  }
}

TEST_CASE("threads: one thread calls in order on the caller's") {
  const ThreadPool threads(1);
  std::vector<Index> order;
  const auto caller = std::this_thread::get_id();
  bool elsewhere = false;
  threads.each(10, [&](Index i, int) {
    order.push_back(i);
    elsewhere |= std::this_thread::get_id() != caller;
  });
  CHECK(order == std::vector<Index>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9});
  CHECK(!elsewhere);
}

TEST_CASE("threads: an exception comes out after all calls have ended, and the object works on") {
  for (int count : {1, 2, 8}) {
    CAPTURE(count);
    const ThreadPool threads(count);
    std::atomic<int> inside{0};
    for (int i = 0; i < 20; ++i) {
      CHECK_THROWS_AS(threads.each(100,
                                   [&](Index n, int) {
                                     ++inside;
                                     std::this_thread::sleep_for(std::chrono::microseconds(5));
                                     --inside;
                                     if (n == 70) throw InputError("row 70");
                                   }),
                      InputError);
      CHECK(inside == 0);
    }
    std::atomic<Index> sum{0};
    threads.each(100, [&](Index n, int) { sum += n; });
    CHECK(sum == 4950);
  }
}

TEST_CASE("threads: 0 is all cores, a negative number is refused") {
  CHECK(ThreadPool().count() >= 1);
  CHECK(ThreadPool(0).count() == ThreadPool().count());
  check_throws<InputError>([] { ThreadPool(-1); }, {"threads", "-1"});
}
