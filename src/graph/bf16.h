// bf16: the upper half of a float, rounded to the nearest, ties to even. Threads: pure functions.
#pragma once

#include <bit>
#include <cstdint>

namespace reel {

struct Bf16 {
  std::uint16_t bits;
};

inline Bf16 to_bf16(float x) {
  const auto bits = std::bit_cast<std::uint32_t>(x);
  if ((bits & 0x7FFFFFFFu) > 0x7F800000u) return {static_cast<std::uint16_t>(bits >> 16 | 0x40u)};  // NaN, and quiet
  return {static_cast<std::uint16_t>((bits + 0x7FFFu + (bits >> 16 & 1u)) >> 16)};
}

inline float from_bf16(Bf16 x) { return std::bit_cast<float>(static_cast<std::uint32_t>(x.bits) << 16); }

}  // namespace reel
