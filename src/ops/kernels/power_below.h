// The scale of a row: a power of two, so that dividing by it rounds nothing. Threads: pure.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <limits>
#include <type_traits>

namespace reel::kernels {

// The power of two at or below `size`, but none below `least` nor below the smallest normal number; 1 where size is not finite,
// or where it and `least` are 0.
template <class T>
T power_below(T size, T least) {
  if (!(size <= std::numeric_limits<T>::max())) return T{1};
  if (size < least || size == T{0}) size = least > T{0} ? least : T{1};
  // Its exponent alone, of which a denormal number has none.
  using Bits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
  constexpr Bits kExponent = std::bit_cast<Bits>(std::numeric_limits<T>::infinity());
  return std::max(std::bit_cast<T>(std::bit_cast<Bits>(size) & kExponent), std::numeric_limits<T>::min());
}

}  // namespace reel::kernels
