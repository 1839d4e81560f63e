// The packed matrix product: C += A B, where B lies in panels of a few vectors' width.
//
// Every element of C is one chain of multiply-adds over ascending k (fused where the machine has FMA), whichever tile or
// task computes it, so a row's bits depend on neither the other rows nor the number of threads. Threads: pure functions.
#pragma once

#include <reel/graph/shape.h>
#include <reel/graph/tensor.h>

namespace reel::kernels {

// The routines for the instruction set in use.
template <class T>
struct GemmKernels {
  Index lanes;  // elements of a vector
  Index width;  // columns of a full panel

  // C[M, N] = A[M, K] packed: row m of A begins at a + m * a_stride, row m of C at c + m * c_stride.
  void (*gemm)(Index M, Index N, Index K, const T* a, Index a_stride, const T* packed, T* c, Index c_stride);

  // C[M, N] (+)= sum_k a_rows[k]^T b_rows[k] for one panel of N <= width columns: a_rows[k] points at M elements, b_rows[k]
  // at N. Without `add`, C is overwritten. `scratch` holds kContractionRows * width elements.
  void (*contract_panel)(Index M, Index N, Index K, const T* const* a_rows, const T* const* b_rows, T* c, Index c_stride,
                         bool add, T* scratch);

  // Elements of a packed [K, N]: whole vectors in the last panel.
  Index packed_size(Index K, Index N) const { return K * ((N + lanes - 1) / lanes * lanes); }
};
inline constexpr Index kContractionRows = 256;

template <class T>
GemmKernels<T> gemm_kernels();

// Packs w(k, n) = w[k * k_stride + n * n_stride] into panels laid out [panel][K][panel's vectors].
template <class T>
void pack(const GemmKernels<T>& kernels, const T* w, Index K, Index N, Index k_stride, Index n_stride, T* packed);

}  // namespace reel::kernels
