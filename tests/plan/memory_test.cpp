#include <reel/ops/activation.h>
#include <reel/ops/arithmetic.h>
#include <reel/ops/reduction.h>
#include <reel/plan/memory.h>

#include "support.h"

using namespace reel;
using namespace reel::test;

namespace {

bool live_together(const Lifetime& a, const Lifetime& b) { return a.born <= b.dies && b.born <= a.dies; }
bool overlap(const Lifetime& a, const Lifetime& b) { return a.offset < b.offset + b.size && b.offset < a.offset + a.size; }

// The largest sum of sizes alive at one moment.
Index peak(const std::vector<Lifetime>& lifetimes, Index moments) {
  Index largest = 0;
  for (Index t = 0; t < moments; ++t) {
    Index sum = 0;
    for (const Lifetime& l : lifetimes) sum += l.born <= t && t <= l.dies ? l.size : 0;
    largest = std::max(largest, sum);
  }
  return largest;
}

std::vector<Lifetime> random_lifetimes(std::uint64_t seed, Index count, Index moments, Index longest) {
  RandomStream random(seed);
  std::vector<Lifetime> lifetimes;
  for (Index i = 0; i < count; ++i) {
    const Index born = random.below(moments);
    const Index dies = std::min(moments - 1, born + random.below(longest));
    lifetimes.push_back({64 * random.below(20), born, dies, 0});
  }
  return lifetimes;
}

}  // namespace

TEST_CASE("memory: no two values that live together overlap, and the total is between the peak and the sum") {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    CAPTURE(seed);
    const Index moments = 40, longest = seed % 3 == 0 ? 3 : seed % 3 == 1 ? 12 : 40;
    std::vector<Lifetime> lifetimes = random_lifetimes(seed, 150, moments, longest);
    const Index total = place(lifetimes);
    Index clashes = 0, sum = 0;
    for (std::size_t i = 0; i < lifetimes.size(); ++i) {
      const Lifetime& a = lifetimes[i];
      sum += a.size;
      CHECK(a.offset >= 0);
      CHECK(a.offset % 64 == 0);
      CHECK(a.offset + a.size <= total);
      for (std::size_t j = 0; j < i; ++j)
        clashes += a.size > 0 && lifetimes[j].size > 0 && live_together(a, lifetimes[j]) && overlap(a, lifetimes[j]);
    }
    CHECK(clashes == 0);
    CHECK(total >= peak(lifetimes, moments));
    CHECK(total <= sum);
    if (longest == 3) CHECK(total < sum / 3);  // short lives share most of their memory
  }
}

TEST_CASE("memory: values that follow one another share one place") {
  std::vector<Lifetime> chain;
  for (Index t = 0; t < 1000; ++t) chain.push_back({128, t, t + 1, 0});
  CHECK(place(chain) == 256);  // two are alive at any moment
}

TEST_CASE("memory: the last moment of use is included") {
  std::vector<Lifetime> touching{{64, 0, 1, 0}, {64, 1, 2, 0}};
  CHECK(place(touching) == 128);
  std::vector<Lifetime> apart{{64, 0, 1, 0}, {64, 2, 3, 0}};
  CHECK(place(apart) == 64);
}

TEST_CASE("memory: neighbouring gaps join, and the best fitting gap is taken") {
  // Three neighbours die together; one value as large as all three fits in their place.
  std::vector<Lifetime> joined{{64, 0, 0, 0}, {128, 0, 0, 0}, {64, 0, 0, 0}, {256, 1, 1, 0}};
  CHECK(place(joined) == 256);
  // Gaps of 256 and 64, kept apart by a living value: the small value must not break the large gap.
  std::vector<Lifetime> fitted{{256, 0, 0, 0}, {64, 0, 9, 0}, {64, 0, 0, 0}, {64, 0, 9, 0}, {64, 1, 9, 0}, {256, 1, 9, 0}};
  CHECK(place(fitted) == 256 + 64 + 64 + 64);
}

TEST_CASE("memory: nothing needs nothing, lifetimes need not be in order") {
  CHECK(place({}) == 0);
  std::vector<Lifetime> empty{{0, 0, 5, 0}};
  CHECK(place(empty) == 0);
  std::vector<Lifetime> reversed{{64, 4, 5, 0}, {64, 2, 3, 0}, {64, 0, 1, 0}};
  CHECK(place(reversed) == 64);
}

TEST_CASE("memory: a longer unrolled chain needs no more block scratch") {
  const auto scratch = [](Index T) {
    Tape tape;
    const Sequence x = tape.input("x", T, {B, 16});
    Var h = tape.zeros({B, 16});
    for (const Var& v : x) h = tanh(h + v);
    const auto plan = compile<float>(tape, {h});
    return plan.bytes(100, 1);
  };
  CHECK(scratch(100) == scratch(400));
}
