// The weight gradient over rows, C = A^T B, for one block of rows and one panel of columns.
//
// Every element of a block's C is one chain of multiply-adds over ascending rows, added to what C holds. Threads: pure functions.
#pragma once

#include <span>

#include <reel/ops/kernels/rows.h>

namespace reel::kernels {

inline constexpr int kMostPanelVectors = 4;

// C (+)= sum over k of A[k]^T b[k], over M columns of A and one panel of B's.
template <class T>
struct WeightGradientPanel {
  Index M, K;
  const T* a;  // [K, M], rows `a_stride` apart
  Index a_stride;
  const T* b;      // [K, vectors x lanes]
  int vectors;     // 1 to width / lanes
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
  Index lanes;  // elements of a vector
  Index width;  // columns of a full panel
  void (*panel)(const WeightGradientPanel<T>&);
  // Copies K rows of the operands to rows k of a block, k counted from `first`.
  void (*pack)(Index K, const RowRun<const T>* operands, std::span<const PackColumn> columns, Index first, T* block);
  // Copies K rows of `width` elements; whether all are finite.
  bool (*copy)(Index K, Index width, RowRun<const T> from, T* to, Index to_stride);
};

// The routines for the instruction set in use.
template <class T>
WeightGradientKernels<T> weight_gradient_kernels();

}  // namespace reel::kernels
