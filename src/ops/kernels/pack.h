// Weights in the layout that products read: panels of a few vectors' width. Threads: pure functions.
#pragma once

#include <span>

#include <reel/graph/shape.h>

namespace reel::kernels {

// A weight as it lies in memory: w(k, n) = data[k * k_stride + n * n_stride].
template <class T>
struct WeightView {
  const T* data;
  Index k_stride, n_stride;
};

// Packs the weights [K, N] of all groups into panels laid out [panel][K][panel's vectors]; a vector belongs to one group. For
// the panels see Panels; edges are zero.
template <class T>
void pack(Index K, Index N, std::span<const WeightView<T>> groups, T* packed);

}  // namespace reel::kernels
