// The largest elements of rows, for plans. NaN is larger than all else, and of equal ones the first counts; a largest zero is +0,
// so that the bits are the same on every processor.
#pragma once

#include <reel/graph/shape.h>

namespace reel::kernels {

template <class T>
struct RowExtremes {
  T (*max)(const T* x, Index n);           // the first NaN, or the largest. REQUIRES: n >= 1
  Index (*argmax)(const T* x, Index n);    // where that is
  T (*largest_size)(const T* x, Index n);  // of |x|; infinity where an element is not finite; 0 of none
  // y = the larger of x and y, or the first NaN of y and x; of neighbouring columns.
  void (*max_into)(const T* x, T* y, Index n);
};

template <class T>
RowExtremes<T> row_extremes();

}  // namespace reel::kernels
