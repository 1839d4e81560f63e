// Reproducible random numbers, equal on every machine: Philox4x32-10 (Salmon et al., 2011) makes four numbers of a counter under
// a seed. Here the counters are handed out: each use of random numbers has a space of its own, so that whatever is drawn under
// one seed is independent of everything else that is. Threads: one stream per thread; the functions are pure.
#pragma once

#include <array>
#include <cstdint>
#include <utility>

#include <reel/graph/shape.h>

namespace reel {

enum class RandomUse : std::uint8_t {
  parameters,  // initial values
  masks,       // of dropout
  data,        // its order, and data that is drawn
  sampling,    // of words by their probabilities
  ranks,       // what each of several machines draws for itself
  other,       // the programs' own
};

// The four numbers that Philox4x32-10 makes of a counter, under a seed.
std::array<std::uint32_t, 4> philox(std::uint64_t seed, const std::array<std::uint32_t, 4>& counter);

// The four numbers of a dropout mask's elements [4 group, 4 group + 4) of a row, in one run. REQUIRES: key < kMaskKeys.
inline constexpr std::uint32_t kMaskKeys = std::uint32_t{1} << 28;
std::array<std::uint32_t, 4> mask_words(std::uint64_t seed, std::uint32_t key, std::uint32_t row, std::uint32_t group,
                                        std::uint32_t run);

class RandomStream {
 public:
  // Streams of one seed and use are independent. InputError for a stream beyond those that the use has: 2^20 for parameters, 2^40
  // for data, 2^60 for the others. Masks are drawn by mask_words() alone.
  explicit RandomStream(std::uint64_t seed, std::uint64_t stream = 0, RandomUse use = RandomUse::other);

  std::uint32_t bits();
  double uniform();  // [0, 1), 53 bits
  double uniform(double low, double high) { return low + (high - low) * uniform(); }
  double normal();       // mean 0, standard deviation 1 (Box and Muller, 1958)
  Index below(Index n);  // 0 .. n - 1, unbiased. REQUIRES: n >= 1

  // Where the stream is: seed, stream, block, and what is left of the block. A stream that is set to it goes on the same way.
  using Position = std::array<std::uint64_t, 4>;
  Position position() const { return {seed_, stream_, block_, static_cast<std::uint64_t>(left_)}; }
  void set_position(const Position& position);  // InputError where it is none
  static bool valid(const Position& position) { return position[3] <= 4 && (position[3] == 0 || position[2] > 0); }

 private:
  void draw_block();
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
