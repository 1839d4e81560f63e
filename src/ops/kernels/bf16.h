// Products of bf16 operands, summed in float: the packed products of gemm.h with weights of half the bytes.
//
// Operands lie in pairs of neighbours along k, whose count is even (a last one is paired with 0). On a processor with AVX512-BF16
// the instruction VDPBF16PS adds a pair; elsewhere, and where that is asked for, two multiply-adds do, with the same bits
// (denormals count as zeros in both). Threads: pure functions.
#pragma once

#include <cstdint>

#include <reel/graph/bf16.h>
#include <reel/graph/precision.h>
#include <reel/ops/kernels/gemm.h>
#include <reel/ops/kernels/pack.h>
#include <reel/ops/kernels/weight_gradient.h>

namespace reel::kernels {

enum class Bf16Path : std::uint8_t { portable, dot };  // two multiply-adds, or VDPBF16PS

// That of products of this precision: the best that this processor has, unless the portable one is asked for.
Bf16Path bf16_path(Precision products);
const char* bf16_path_name(Bf16Path path);  // "bf16", "AVX512-BF16"

// Left operands and weights are bf16.
struct Bf16Operands {
  using Left = Bf16;
  using Weight = Bf16;
  using Sum = float;
};
// Weights are bf16, left operands are floats as they are.
struct Bf16Weights {
  using Left = float;
  using Weight = Bf16;
  using Sum = float;
};

template <class Types>
using Bf16Products = void (*)(Index steps, Index rows, Index N, std::span<const TermOf<Types>> terms,
                              std::span<const ProductGroup<float>> groups, ColumnPart part);

// In panels as those of gemm_kernels<float>().
struct Bf16Kernels {
  Bf16Products<Bf16Operands> products;
  Bf16Products<Bf16Weights> weight_products;
  // As pack() does, K rounded up to even: panels [K / 2][panel's vectors] of pairs.
  void (*pack)(Index K, Index N, std::span<const WeightView<float>> groups, Bf16* packed);
  // Rounds a row, and puts a 0 after an odd one.
  void (*round)(const float* x, Bf16* y, Index n);
  // Rows 2 k and 2 k + 1 of a block become row k of pairs, in place; after an odd one comes 0.
  void (*pair_rows)(Index K, Index width, float* block, Index stride);
  void (*weight_gradient_panel)(const WeightGradientPanel<float>&);  // of rows of pairs
};
// REQUIRES: the processor has the path.
Bf16Kernels bf16_kernels(Bf16Path path);

}  // namespace reel::kernels
