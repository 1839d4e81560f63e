// Row kernels of layer_norm and of its gradient. `n` elements of one row, each visited while it is in the cache; results as
// stated in ops/layer_norm.h.
#pragma once

#include <reel/graph/shape.h>

namespace reel::kernels {

// `least` is the square root of epsilon. Operands lie apart from results.
template <class T>
struct LayerNormRows {
  void (*normalise)(const T* x, T* y, Index n, T least);
  void (*gradient)(const T* x, const T* dy, T* dx, Index n, T least);
};

template <class T>
LayerNormRows<T> layer_norm_rows();

}  // namespace reel::kernels
