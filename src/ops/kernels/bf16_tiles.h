// Products of bf16 operands by tiles: 16 rows of 16 pairs by 16 pairs of a vector's columns at a time, which is one instruction
// of Intel's AMX (TDPBF16PS, Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2).
//
// An element of a result is one chain over tiles along k; what a tile adds to it is the sum of two chains of 16 multiply-adds,
// over the pairs' first and over their second elements. The emulation does the same, with the same bits on every processor: the
// product of two bf16 is exact in float. Threads: pure functions.
#pragma once

#include <cstdint>

#include <reel/ops/kernels/bf16.h>

namespace reel::kernels {

enum class TileSupport : std::uint8_t { none, refused, granted };  // refused: by the operating system

// Of this process: the first call asks for permission.
TileSupport bf16_tile_support();

// REQUIRES: emulated, or support is granted.
Bf16Kernels bf16_tile_kernels(bool emulated);

}  // namespace reel::kernels
