// Products of bf16 operands, summed in float: the packed products of gemm.h with weights of half the bytes.
//
// Operands lie in pairs of neighbours along k, padded with zeros. Who adds what they give is a path, and the bits are a path's
// own: an AMX tile of 16 pairs at a time (bf16_tiles.h); or, on a processor with AVX512-BF16, the instruction VDPBF16PS pair by
// pair; or two multiply-adds, with the same bits as that, over left operands that are rounded but floats still. The first has an
// emulation, with its bits. Denormals count as zeros in all. Threads: pure functions.
#pragma once

#include <cstdint>
#include <string>

#include <reel/graph/bf16.h>
#include <reel/graph/precision.h>
#include <reel/ops/kernels/gemm.h>
#include <reel/ops/kernels/pack.h>
#include <reel/ops/kernels/weight_gradient.h>

namespace reel::kernels {

enum class Bf16Path : std::uint8_t { multiply_adds, dot, tiles, emulated_tiles };

// That of products of this precision: the fastest that this processor has, unless another is asked for. Of two with the same
// bits a measurement decides, once, in some 0.2 ms.
Bf16Path bf16_path(Precision products);
bool has_bf16_dot();                             // whether the processor has VDPBF16PS
std::string bf16_path_name(Precision products);  // its instructions, and whether better ones are refused

// Left operands and weights are bf16.
struct Bf16Operands {
  using Left = Bf16;
  using Weight = Bf16;
  using Sum = float;
};
// Weights are bf16, left operands are floats.
struct Bf16Weights {
  using Left = float;
  using Weight = Bf16;
  using Sum = float;
};

template <class Types>
using Bf16Products = void (*)(Index steps, Index rows, Index N, std::span<const TermOf<Types>> terms,
                              std::span<const ProductGroup<float>> groups, ColumnPart part);

// The left operand of a block's weight gradient: pairs of bf16, or of floats in rows half the stride apart.
struct PairedRows {
  const float* first;
  Index stride;  // from pair to pair
};

struct Bf16Kernels {
  Index lanes, panel_vectors, widest_panel;  // as of GemmKernels<float>
  Index multiple;                            // of k: operands are padded to it

  // The left operands' rows of all steps lie equally far apart, and there is memory for a multiple of 16 of them. nullptr,
  // and so is round: the left operands are rounded floats, as bf16_weights_kernels() has it.
  Bf16Products<Bf16Operands> products;
  // As pack() does, K padded: panels [K / 2][panel's vectors] of pairs.
  void (*pack)(Index K, Index N, std::span<const WeightView<float>> groups, Bf16* packed);
  // Rounds a row, and pads it.
  void (*round)(const float* x, Bf16* y, Index n);
  // Rows 2 k and 2 k + 1 of a block of an even number of rows become row k of pairs, in place; those of the left operand may
  // be transposed behind that, or stay rows of floats where products are nullptr. REQUIRES: the block has K rows, padded to
  // `multiple`.
  PairedRows (*pair_left)(Index K, Index width, float* block, Index stride);
  void (*pair_right)(Index K, Index width, float* block, Index stride);
  void (*weight_gradient_panel)(const WeightGradientPanel<float>&);  // of rows of pairs, the left ones as pair_left gave them
};
// REQUIRES: the processor has the path.
Bf16Kernels bf16_kernels(Bf16Path path);

// Over weights packed for multiply_adds.
struct Bf16WeightsKernels {
  Bf16Products<Bf16Weights> products;
  // Rounds a row, for products of bf16 operands, and pads it.
  void (*round)(const float* x, float* y, Index n);
};
Bf16WeightsKernels bf16_weights_kernels();

}  // namespace reel::kernels
