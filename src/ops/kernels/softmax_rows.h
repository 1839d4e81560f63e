// Row kernels that softmax, log_softmax and cross-entropy share. `n` elements of one row; results as stated in ops/softmax.h.
#pragma once

#include <reel/graph/shape.h>

namespace reel::kernels {

template <class T>
struct SoftmaxRows {
  void (*softmax)(const T* x, T* y, Index n);
  void (*log_softmax)(const T* x, T* y, Index n);
  T (*negative_log_likelihood)(const T* x, Index n, Index target);  // -log_softmax(x)[target]
};

template <class T>
SoftmaxRows<T> softmax_rows();

}  // namespace reel::kernels
