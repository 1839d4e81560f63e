// The packed matrix product: sums of products by weights that lie in panels of a few vectors' width.
//
// An element of a result is the sum of chains of multiply-adds over ascending terms and k (fused where the machine has FMA), cut
// at constant places: the error does not grow with k. They are the same whichever tile or task computes it, so a row's bits
// depend on neither the other rows nor the number of threads.
// Threads: pure functions.
#pragma once

#include <span>

#include <reel/graph/shape.h>
#include <reel/graph/tensor.h>
#include <reel/ops/kernels/panels.h>
#include <reel/ops/kernels/rows.h>

namespace reel::kernels {

// What a product reads and adds up.
template <class T>
struct Uniform {
  using Left = T;
  using Weight = T;
  using Sum = T;
};

// x [rows of every step, K] by a packed weight of all groups.
template <class Types>
struct TermOf {
  const RowRun<const typename Types::Left>* x;  // by step
  const typename Types::Weight* packed;
  Index K;
};
template <class T>
using ProductTerm = TermOf<Uniform<T>>;

// One result [rows of every step, N]: where it begins from, if anywhere, and where it goes.
template <class T>
struct ProductGroup {
  const RowRun<const T>* init;  // by step; nullptr: zero
  const RowRun<T>* y;           // by step
};

// Part `number` of `of` of the results' columns: whole panels. Each thread that takes the same part of the same products again
// and again has only its own part of the weights in its caches.
struct ColumnPart {
  Index number = 0, of = 1;

  // The first vector of the part, and one past its last.
  Index begin(const Panels& panels) const { return begin(panels, number); }
  Index end(const Panels& panels) const { return begin(panels, number + 1); }

 private:
  Index begin(const Panels& panels, Index part) const {
    if (part == 0) return 0;
    const Index vector = panels.total * part / of + panels.most / 2;  // of the nearest panel
    return part == of || vector >= panels.total ? panels.total : panels.first_of(vector);
  }
};

// The routines for the instruction set in use.
template <class T>
struct GemmKernels {
  Index lanes;          // elements of a vector
  Index panel_vectors;  // of a panel; see Panels
  Index widest_panel;   // vectors that a last panel may have

  // y_g = init_g + sum over terms of x_p W_pg, for every step, row and group g, in a part of the columns; each y_g has N.
  void (*products)(Index steps, Index rows, Index N, std::span<const ProductTerm<T>> terms,
                   std::span<const ProductGroup<T>> groups, ColumnPart part);

  Panels panels(Index total) const { return {total, panel_vectors, widest_panel}; }

  // Elements of a packed [K, N] of `groups` weights side by side, each in whole vectors.
  Index packed_size(Index K, Index N, Index groups = 1) const { return K * groups * round_up(N, lanes); }
};

template <class T>
GemmKernels<T> gemm_kernels();

}  // namespace reel::kernels
