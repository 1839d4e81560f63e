// RandomStream: reproducible random numbers, equal on every machine: Philox4x32-10 (Salmon et al., 2011) keyed by a seed and
// a stream number, so that streams of one seed are independent. Threads: one stream per thread.
#pragma once

#include <array>
#include <cstdint>
#include <utility>

#include <reel/graph/shape.h>

namespace reel {

// The four numbers that Philox4x32-10 makes of a counter, under a seed.
std::array<std::uint32_t, 4> philox(std::uint64_t seed, const std::array<std::uint32_t, 4>& counter);

class RandomStream {
 public:
  explicit RandomStream(std::uint64_t seed, std::uint64_t stream = 0) : seed_(seed), stream_(stream) {}

  std::uint32_t bits();
  double uniform();  // [0, 1), 53 bits
  double uniform(double low, double high) { return low + (high - low) * uniform(); }
  double normal();       // mean 0, standard deviation 1 (Box and Muller, 1958)
  Index below(Index n);  // 0 .. n - 1, unbiased. REQUIRES: n >= 1

 private:
  std::uint64_t seed_, stream_, block_ = 0;
  std::array<std::uint32_t, 4> buffer_{};
  int left_ = 0;
};

// Puts a list into a random order (Fisher and Yates; Durstenfeld, 1964).
template <class List>
void shuffle(List&& list, RandomStream& random) {
  for (std::size_t i = list.size(); i > 1; --i)
    std::swap(list[i - 1], list[static_cast<std::size_t>(random.below(static_cast<Index>(i)))]);
}

}  // namespace reel
