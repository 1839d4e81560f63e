// The weight gradient over rows, C = A^T B, for one block of rows and one panel of columns.
//
// Every element of a block's C is one chain of multiply-adds over ascending rows, added to what C holds. Threads: pure functions.
#pragma once

#include <span>

#include <reel/ops/kernels/panels.h>
#include <reel/ops/kernels/rows.h>

namespace reel::kernels {

inline constexpr int kMostPanelVectors = 4;  // of a last panel

// Rows of so many columns as strips of `width` columns, one behind the other, so that what a register tile reads lies together.
template <class T>
struct Strips {
  T* first;
  Index width;       // kStrip, or that of all columns
  Index row_stride;  // within a strip
  Index strip_stride;

  T* at(Index row, Index column) const { return first + column / width * strip_stride + row * row_stride + column % width; }
};
inline constexpr Index kStrip = 8;  // columns: two register tiles of 4 rows, or one of 8

// C (+)= sum over k of A[k]^T b[k], over M columns of A and one panel of B's.
template <class T>
struct WeightGradientPanel {
  Index M, K;
  Strips<const T> a;  // [K, M]
  const T* b;         // [K, vectors x lanes]
  int vectors;
  Index c_stride;  // between rows of every C
  bool add;        // to what C holds

  // Where the columns of each vector go, and how many of them are in memory.
  struct Column {
    T* c;
    Index count;
  };
  Column columns[kMostPanelVectors];
};

// One vector of B in every row: from which of the right operands, and where it goes.
struct PackColumn {
  Index operand, column, count;  // elements [column, column + count); the rest of the vector is zero
  Index to;                      // elements from the begin of the block
  Index stride;                  // elements from row to row there
};

template <class T>
struct WeightGradientKernels {
  Index lanes;          // elements of a vector
  Index panel_vectors;  // of a panel; see Panels
  Index widest_panel;   // vectors that a last panel may have
  void (*panel)(const WeightGradientPanel<T>&);
  // Copies K rows of the operands to rows k of a block, k counted from `first`.
  void (*pack)(Index K, const RowRun<const T>* operands, std::span<const PackColumn> columns, Index first, T* block);
  // Copies K rows of `width` elements to those from `row` on, and to the columns from `column` on; whether all are finite.
  bool (*copy)(Index K, Index width, RowRun<const T> from, const Strips<T>& to, Index row, Index column);

  Panels panels(Index total) const { return {total, panel_vectors, widest_panel}; }
};

// The routines for the instruction set in use.
template <class T>
WeightGradientKernels<T> weight_gradient_kernels();

}  // namespace reel::kernels
