// The packed matrix product: sums of products by weights that lie in panels of a few vectors' width.
//
// Every element of a result is one chain of multiply-adds over ascending terms and k (fused where the machine has FMA),
// whichever tile or task computes it, so a row's bits depend on neither the other rows nor the number of threads.
// Threads: pure functions.
#pragma once

#include <span>

#include <reel/graph/shape.h>
#include <reel/graph/tensor.h>

namespace reel::kernels {

// Rows of one operand over several steps: row r of step s begins at steps[s] + r * stride.
template <class T>
struct Rows {
  T* const* steps = nullptr;
  Index stride = 0;
  T* row(Index step, Index r) const { return steps[step] + r * stride; }
};

// x [rows of every step, K] by a packed weight of all groups.
template <class T>
struct ProductTerm {
  Rows<const T> x;
  const T* packed;
  Index K;
};

// One result [rows of every step, N]: where it begins from, if anywhere, and where it goes.
template <class T>
struct ProductGroup {
  Rows<const T> init;  // steps == nullptr: zero
  Rows<T> y;
};

// The routines for the instruction set in use.
template <class T>
struct GemmKernels {
  Index lanes;  // elements of a vector
  Index width;  // columns of a full panel

  // y_g = init_g + sum over terms of x_p W_pg, for every step, row and group g; each y_g has N columns.
  void (*products)(Index steps, Index rows, Index N, std::span<const ProductTerm<T>> terms,
                   std::span<const ProductGroup<T>> groups);

  // Elements of a packed [K, N] of `groups` weights side by side, each in whole vectors.
  Index packed_size(Index K, Index N, Index groups = 1) const { return K * groups * ((N + lanes - 1) / lanes * lanes); }
};

template <class T>
GemmKernels<T> gemm_kernels();

}  // namespace reel::kernels
