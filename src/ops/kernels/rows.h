// Evenly spaced rows of an operand.
#pragma once

#include <reel/graph/shape.h>

namespace reel::kernels {

template <class T>
struct RowRun {
  T* first = nullptr;
  Index stride = 0;  // elements from row to row; 0: all are the same
  T* row(Index r) const { return first + r * stride; }
};

}  // namespace reel::kernels
