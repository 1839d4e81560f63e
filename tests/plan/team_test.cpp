#include <reel/plan/team.h>

#include <chrono>
#include <numeric>
#include <thread>

#include <reel/graph/error.h>

#include "support.h"

using namespace reel;
using namespace reel::test;

namespace {

// A team of so many slots, of which these have followers of their own until the end of the scope.
struct Followed {
  Team team;
  std::vector<std::thread> threads;
  Followed(int slots, const std::vector<int>& followers) : team(slots) {
    team.begin();
    for (int slot : followers) threads.emplace_back([this, slot] { team.follow(slot); });
  }
  ~Followed() {
    team.dismiss();
    for (std::thread& t : threads) t.join();
  }
};

// Every part of many pieces adds its number to its own sum; the pieces must not overlap.
void check_parts(int slots, const std::vector<int>& followers, int leader, int pieces) {
  std::vector<long> sums(static_cast<std::size_t>(slots), 0);  // plain: what orders the pieces orders these
  Followed f(slots, followers);
  bool all_done = true;
  for (int piece = 1; piece <= pieces; ++piece) {
    f.team.share(leader, [&](int part, int slot) {
      sums[static_cast<std::size_t>(part)] += piece;
      if (slot != part && slot != leader) sums[static_cast<std::size_t>(part)] = -1;
    });
    for (long sum : sums) all_done &= sum == static_cast<long>(piece) * (piece + 1) / 2;
  }
  CHECK(all_done);
}

}  // namespace

TEST_CASE("team: every part of every piece is done once, whoever is there") {
  check_parts(1, {}, 0, 100);
  check_parts(2, {}, 0, 1000);
  check_parts(2, {1}, 0, 20000);
  check_parts(2, {0}, 1, 20000);
  check_parts(3, {2}, 0, 2000);
  check_parts(8, {1, 2, 3, 5, 7}, 0, 2000);
}

TEST_CASE("team: followers come at any time, and sleep where there is nothing to do for long") {
  std::vector<int> done(3, 0);
  Followed f(3, {1});
  std::thread late;
  for (int piece = 0; piece < 6; ++piece) {
    f.team.share(0, [&](int part, int) { ++done[static_cast<std::size_t>(part)]; });
    CHECK(std::ranges::all_of(done, [&](int n) { return n == piece + 1; }));
    if (piece == 2) late = std::thread([&] { f.team.follow(2); });
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  f.team.dismiss();
  late.join();
}

TEST_CASE("team: who comes after the end returns at once, and a team may begin again") {
  Team team(2);
  team.follow(1);  // before the first begin
  for (int round = 0; round < 3; ++round) {
    team.begin();
    int done = 0;
    team.share(0, [&](int, int slot) { done += slot == 0; });
    CHECK(done == 2);
    team.dismiss();
    team.follow(1);
  }
}

TEST_CASE("team: what a part throws reaches the leader when all have ended") {
  Followed f(3, {1, 2});
  std::vector<int> done(3, 0);
  for (int bad : {0, 1, 2}) {
    std::ranges::fill(done, 0);
    const auto piece = [&](int part, int) {
      ++done[static_cast<std::size_t>(part)];
      if (part >= bad) throw InputError("part " + std::to_string(part));
    };
    check_throws<InputError>([&] { f.team.share(0, piece); }, {("part " + std::to_string(bad)).c_str()});
    CHECK(done == std::vector<int>{1, 1, 1});
  }
  f.team.share(0, [&](int part, int) { ++done[static_cast<std::size_t>(part)]; });
  CHECK(done == std::vector<int>{2, 2, 2});
}

TEST_CASE("team: a follower that is slow is waited for") {
  Followed f(2, {1});
  std::vector<int> done(2, 0);
  for (int piece = 0; piece < 3; ++piece) {
    f.team.share(0, [&](int part, int slot) {
      if (slot == 1) std::this_thread::sleep_for(std::chrono::milliseconds(5));
      ++done[static_cast<std::size_t>(part)];
    });
    CHECK(done == std::vector<int>(2, piece + 1));
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}
