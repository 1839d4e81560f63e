// How exactly products are computed.
#pragma once

#include <cstdint>

namespace reel {

// Of float plans; sums are float in all of them, and so is all else.
enum class Precision : std::uint8_t {
  full,                 // float operands
  bf16,                 // both operands rounded to bf16, by the processor's best instructions for that
  bf16_weights,         // weights rounded to bf16, left operands as they are; weight gradients in full
  bf16_portable,        // as bf16, without such instructions
  bf16_emulated_tiles,  // as bf16 on a processor with AMX, with its bits: slower, for comparison
};

}  // namespace reel
