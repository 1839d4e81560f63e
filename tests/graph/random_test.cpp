#include <numbers>
#include <set>

#include "support.h"

using namespace reel;

namespace {

struct Moments {
  double mean = 0, variance = 0, third = 0, fourth = 0;  // central, of n draws
};

template <class Draw>
Moments moments(Index n, Draw draw) {
  std::vector<double> x(static_cast<std::size_t>(n));
  for (double& v : x) v = draw();
  Moments m;
  for (double v : x) m.mean += v / static_cast<double>(n);
  for (double v : x) {
    const double d = v - m.mean;
    m.variance += d * d / static_cast<double>(n);
    m.third += d * d * d / static_cast<double>(n);
    m.fourth += d * d * d * d / static_cast<double>(n);
  }
  return m;
}

}  // namespace

TEST_CASE("random: the first words are Philox4x32-10's published ones") {
  // Known answers of Salmon et al.: counter 0 and key 0.
  RandomStream zero(0, 0, RandomUse::parameters);
  for (std::uint32_t word : {0x6627e8d5u, 0xe169c58du, 0xbc57ac4cu, 0x9b00dbd8u}) CHECK(zero.bits() == word);
}

TEST_CASE("random: a stream is reproducible and a copy goes on alike") {
  RandomStream a(7, 3), b(7, 3);
  for (int i = 0; i < 10; ++i) CHECK(a.bits() == b.bits());
  RandomStream c = a;
  for (int i = 0; i < 10; ++i) CHECK(a.normal() == c.normal());
}

TEST_CASE("random: seeds and streams differ, high and low words alike") {
  std::set<std::uint32_t> first;
  const std::uint64_t keys[] = {0, 1, 2, std::uint64_t{1} << 32, std::uint64_t{1} << 59};
  for (std::uint64_t seed : keys)
    for (std::uint64_t stream : keys) first.insert(RandomStream(seed, stream).bits());
  CHECK(first.size() == 25);
}

TEST_CASE("random: uniform numbers lie in [0, 1) with their moments") {
  RandomStream random(1);
  bool inside = true;
  const Moments m = moments(200000, [&] {
    const double u = random.uniform();
    inside &= u >= 0 && u < 1;
    return u;
  });
  CHECK(inside);
  CHECK(std::abs(m.mean - 0.5) < 0.003);
  CHECK(std::abs(m.variance - 1.0 / 12) < 0.001);
  const Moments shifted = moments(200000, [&] { return random.uniform(-3, 1); });
  CHECK(std::abs(shifted.mean + 1) < 0.012);
  CHECK(std::abs(shifted.variance - 16.0 / 12) < 0.016);
}

TEST_CASE("random: normal numbers have the moments of N(0, 1)") {
  RandomStream random(2);
  const Moments m = moments(400000, [&] { return random.normal(); });
  CHECK(std::abs(m.mean) < 0.008);
  CHECK(std::abs(m.variance - 1) < 0.012);
  CHECK(std::abs(m.third) < 0.03);
  CHECK(std::abs(m.fourth - 3) < 0.1);
}

TEST_CASE("random: below(n) reaches every number alike") {
  RandomStream random(3);
  CHECK(random.below(1) == 0);
  std::array<int, 7> counts{};
  for (int i = 0; i < 70000; ++i) ++counts.at(static_cast<std::size_t>(random.below(7)));
  for (int n : counts) CHECK(std::abs(n - 10000) < 500);
  // Beyond 32 bits; 3/8 of 2^64, where a plain remainder would fall into the lower two thirds 3 times of 4.
  const Index large = Index{3} << 61;
  int low = 0;
  for (int i = 0; i < 10000; ++i) {
    const Index n = random.below(large);
    REQUIRE(n >= 0);
    REQUIRE(n < large);
    low += n < large / 3 * 2;
  }
  CHECK(std::abs(low - 6667) < 250);
}

TEST_CASE("random: uses of one seed never meet, whatever stream, number, run and row") {
  std::set<std::array<std::uint32_t, 4>> seen;  // four words belong to one counter, since Philox is a bijection
  std::size_t drawn = 0;
  const auto draw = [&](std::array<std::uint32_t, 4> words) {
    seen.insert(words);
    ++drawn;
  };
  const std::uint64_t many[] = {
      0, 1, 2, 3, 7, 200, (std::uint64_t{1} << 20) - 1, std::uint64_t{1} << 20, std::uint64_t{1} << 29, std::uint64_t{1} << 33};
  for (RandomUse use : {RandomUse::parameters, RandomUse::data, RandomUse::sampling, RandomUse::ranks, RandomUse::other})
    for (std::uint64_t stream : many) {
      if (use == RandomUse::parameters && stream >= std::uint64_t{1} << 20) continue;
      RandomStream random(5, stream, use);
      for (int block = 0; block < 20; ++block) draw({random.bits(), random.bits(), random.bits(), random.bits()});
    }
  for (std::uint32_t key : {0u, 1u, 2u, 200u, kMaskKeys - 1})
    for (std::uint64_t run : many)
      for (std::uint32_t row = 0; row < 5; ++row)
        for (std::uint32_t group = 0; group < 5 && run < std::uint64_t{1} << 32; ++group)
          draw(mask_words(5, key, row, group, static_cast<std::uint32_t>(run)));
  CHECK(seen.size() == drawn);
}

TEST_CASE("random: a stream that there is not") {
  test::check_throws<InputError>([] { RandomStream(1, std::uint64_t{1} << 60); }, {"RandomStream", "not 1152921504606846976"});
  test::check_throws<InputError>([] { RandomStream(1, 1 << 20, RandomUse::parameters); }, {"RandomStream", "1048575", "1048576"});
  test::check_throws<InputError>([] { RandomStream(1, 0, RandomUse::masks); }, {"RandomStream"});
}
