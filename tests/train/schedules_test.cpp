#include <reel/train/schedules.h>

#include <cmath>
#include <limits>
#include <numbers>

#include "support.h"

using namespace reel;
using namespace reel::test;

namespace {

double half_cosine(double done) { return 0.5 * (1 + std::cos(std::numbers::pi * done)); }

}  // namespace

TEST_CASE("schedules: factors by update") {
  struct Line {
    std::string name;
    Schedule schedule;
    std::vector<std::pair<Index, double>> factors;
  };
  const Line lines[] = {
      {"constant", schedule::constant(), {{0, 1}, {1000, 1}}},
      {"step", schedule::step(10, .5), {{0, 1}, {9, 1}, {10, .5}, {19, .5}, {20, .25}}},
      {"exponential", schedule::exponential(.9), {{0, 1}, {1, .9}, {3, .729}}},
      {"cosine", schedule::cosine(101), {{0, 1}, {25, half_cosine(.25)}, {50, .5}, {100, 0}, {500, 0}}},
      {"cosine to a floor", schedule::cosine(101, .2), {{0, 1}, {50, .6}, {100, .2}, {101, .2}}},
      {"cosine of one update", schedule::cosine(1, .2), {{0, 1}, {5, 1}}},
      {"warmup", schedule::warmup(4, schedule::step(2, .1)), {{0, .25}, {2, .75}, {3, 1}, {4, 1}, {5, 1}, {6, .1}, {8, .01}}},
      {"warmup, then cosine",
       schedule::warmup(50, schedule::cosine(100, .02)),
       {{0, .02}, {49, 1}, {50, 1}, {99, .02}, {1000, .02}}},
      {"two warm-ups",
       schedule::warmup(2, schedule::warmup(3, schedule::cosine(10, .5))),
       {{1, 1}, {2, 1. / 3}, {4, 1}, {9, .5}}},
      {"a function", [](Index update) { return 1.0 / static_cast<double>(update + 1); }, {{0, 1}, {3, .25}}},
  };
  for (const Line& line : lines)
    for (const auto& at : line.factors) {
      CAPTURE(line.name);
      CAPTURE(at.first);
      CHECK(line.schedule(at.first) == doctest::Approx(at.second).epsilon(1e-12));
    }
}

TEST_CASE("schedules: what has an end comes to it at the last of all updates, whatever it is made of") {
  for (Index updates : {3, 20, 100, 1000})
    for (Index warmup : {Index{1}, updates / 3, updates - 1}) {
      const Schedule s = schedule::warmup(warmup, schedule::cosine(updates, .02));
      CHECK(s.updates() == updates);
      CHECK(s(warmup - 1) == 1);
      if (updates - warmup > 1) CHECK(s(updates - 1) == doctest::Approx(.02));
      CHECK(s.over(2 * updates)(2 * updates - 1) == doctest::Approx(.02));
    }
  CHECK(schedule::warmup(5, schedule::constant()).updates() == 0);
}

TEST_CASE("schedules: what is refused") {
  check_throws<InputError>([] { schedule::step(0, .5); }, {"schedule::step", "0"});
  check_throws<InputError>([] { schedule::cosine(-1); }, {"schedule::cosine", "-1"});
  check_throws<InputError>([] { schedule::warmup(0, schedule::constant()); }, {"schedule::warmup", "0"});
  check_throws<InputError>([] { schedule::warmup(50, schedule::cosine(50)); }, {"schedule::warmup", "50", "leave none"});
  for (double bad : {-1.0, std::numeric_limits<double>::infinity(), std::numeric_limits<double>::quiet_NaN()}) {
    check_throws<InputError>([&] { schedule::step(1, bad); }, {"schedule::step", "factor"});
    check_throws<InputError>([&] { schedule::exponential(bad); }, {"schedule::exponential", "factor"});
    check_throws<InputError>([&] { schedule::cosine(1, bad); }, {"schedule::cosine", "floor"});
  }
  check_throws<InputError>([] { Schedule(std::function<double(Index)>()); }, {"Schedule", "empty"});
  check_throws<InputError>([] { Schedule(3, Schedule::EndingFunction()); }, {"Schedule", "empty"});
  check_throws<InputError>([] { Schedule(0, [](Index, Index) { return 1.0; }); }, {"Schedule", "0"});
}
