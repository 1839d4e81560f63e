// Numbers for the tests of kernels, which take plain memory.
#pragma once

#include "support.h"

namespace reel::test {

// n of [-1, 1).
template <class T>
std::vector<T> numbers(Index n, std::uint64_t seed) {
  RandomStream random(seed);
  std::vector<T> x(static_cast<std::size_t>(n));
  for (T& v : x) v = static_cast<T>(random.uniform(-1, 1));
  return x;
}

}  // namespace reel::test
