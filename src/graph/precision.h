// How exactly products are computed.
#pragma once

#include <cstdint>

namespace reel {

// Of float plans; sums are float in all of them, and so is all else.
enum class Precision : std::uint8_t {
  full,           // float operands
  bf16,           // both operands rounded to bf16, by the processor's instructions for that where it has them
  bf16_weights,   // weights rounded to bf16, left operands as they are; weight gradients in full
  bf16_portable,  // as bf16, without such instructions: slower, for comparison
};

}  // namespace reel
