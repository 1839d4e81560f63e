#include <reel/ops/kernels/gemm.h>

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "reel/ops/kernels/gemm.cpp"
#include <hwy/foreach_target.h>  // IWYU pragma: keep
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace reel::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Tile sizes that keep accumulators, one row of B and a broadcast in registers: 6 x 4 of 32 vectors, 6 x 2 of 16.
#if HWY_TARGET <= HWY_AVX3
constexpr int kVectors = 4;
#else
constexpr int kVectors = 2;
#endif
constexpr int kRows = 6;
constexpr Index kBlockK = 512;  // a panel's block of 512 x 4 vectors stays in a 1 MB L2 beside A

template <class T>
struct RowAccess {  // A's row m begins at a + m * stride
  const T* a;
  Index stride;
  T at(Index m, Index k) const { return a[m * stride + k]; }
  RowAccess rows_from(Index m) const { return {a + m * stride, stride}; }
  RowAccess from(Index k) const { return {a + k, stride}; }
};

template <class T>
struct ListAccess {  // A's column k begins at rows[k]
  const T* const* rows;
  Index offset;
  T at(Index m, Index k) const { return rows[k][offset + m]; }
  ListAccess rows_from(Index m) const { return {rows, offset + m}; }
  ListAccess from(Index k) const { return {rows + k, offset}; }
};

template <class T>
struct PanelProduct {
  Index K;
  const T* b;     // [K][kNV vectors]
  Index columns;  // of C in this panel
  Index c_stride;
  bool load;  // continue the chains from what C holds
};

// A vector of which only the first `count` elements are in memory.
template <class D, class T>
HWY_INLINE hn::Vec<D> LoadEdge(D d, const T* from, Index count) {
  HWY_ALIGN T padded[HWY_MAX_BYTES / sizeof(T)] = {};
  std::copy_n(from, count, padded);
  return hn::Load(d, padded);
}

template <class D, class T>
HWY_INLINE void StoreEdge(hn::Vec<D> v, D d, T* to, Index count) {
  HWY_ALIGN T padded[HWY_MAX_BYTES / sizeof(T)];
  hn::Store(v, d, padded);
  std::copy_n(padded, count, to);
}

// One register tile: MR rows by NV vectors.
template <int MR, int NV, class T, class A>
HWY_INLINE void Tile(const PanelProduct<T>& p, A a, T* HWY_RESTRICT c) {
  const hn::ScalableTag<T> d;
  using V = hn::Vec<decltype(d)>;
  const Index lanes = static_cast<Index>(hn::Lanes(d));
  const Index last = (NV - 1) * lanes;  // first column of the last vector
  const Index in_last = p.columns - last;

  V sum[MR][NV];
  if (p.load) {
    for (int m = 0; m < MR; ++m) {
      for (int v = 0; v < NV - 1; ++v) sum[m][v] = hn::LoadU(d, c + m * p.c_stride + v * lanes);
      const T* y = c + m * p.c_stride + last;
      sum[m][NV - 1] = in_last == lanes ? hn::LoadU(d, y) : LoadEdge(d, y, in_last);
    }
  } else {
    for (int m = 0; m < MR; ++m)
      for (int v = 0; v < NV; ++v) sum[m][v] = hn::Zero(d);
  }
  const T* HWY_RESTRICT b = p.b;
  for (Index k = 0; k < p.K; ++k, b += NV * lanes) {
    V row[NV];
    for (int v = 0; v < NV; ++v) row[v] = hn::LoadU(d, b + v * lanes);
    for (int m = 0; m < MR; ++m) {
      const V left = hn::Set(d, a.at(m, k));
      for (int v = 0; v < NV; ++v) sum[m][v] = hn::MulAdd(left, row[v], sum[m][v]);
    }
  }
  for (int m = 0; m < MR; ++m) {
    T* HWY_RESTRICT y = c + m * p.c_stride;
    for (int v = 0; v < NV - 1; ++v) hn::StoreU(sum[m][v], d, y + v * lanes);
    if (in_last == lanes)
      hn::StoreU(sum[m][NV - 1], d, y + last);
    else
      StoreEdge(sum[m][NV - 1], d, y + last, in_last);
  }
}

template <int NV, class T, class A>
HWY_NOINLINE void TileRows(Index M, const PanelProduct<T>& p, A a, T* c) {
  Index m = 0;
  for (; m + kRows <= M; m += kRows) Tile<kRows, NV>(p, a.rows_from(m), c + m * p.c_stride);
  for (; m + 4 <= M; m += 4) Tile<4, NV>(p, a.rows_from(m), c + m * p.c_stride);
  for (; m + 2 <= M; m += 2) Tile<2, NV>(p, a.rows_from(m), c + m * p.c_stride);
  for (; m < M; ++m) Tile<1, NV>(p, a.rows_from(m), c + m * p.c_stride);
}

template <class T, class A>
HWY_INLINE void Panel(Index M, const PanelProduct<T>& p, A a, T* c) {
  const Index lanes = static_cast<Index>(hn::Lanes(hn::ScalableTag<T>()));
  const Index vectors = (p.columns + lanes - 1) / lanes;
  if (vectors == 1) TileRows<1>(M, p, a, c);
  if (vectors == 2) TileRows<2>(M, p, a, c);
#if HWY_TARGET <= HWY_AVX3
  if (vectors == 3) TileRows<3>(M, p, a, c);
  if (vectors == 4) TileRows<4>(M, p, a, c);
#endif
}

template <class T>
Index VectorLanes() {
  return static_cast<Index>(hn::Lanes(hn::ScalableTag<T>()));
}

template <class T>
void Gemm(Index M, Index N, Index K, const T* a, Index a_stride, const T* packed, T* c, Index c_stride) {
  const Index lanes = VectorLanes<T>();
  const Index width = kVectors * lanes;
  if (K == 0)
    for (Index m = 0; m < M; ++m) std::fill_n(c + m * c_stride, N, T{0});
  for (Index n = 0; n < N; n += width) {
    const Index columns = std::min(width, N - n);
    const Index padded = (columns + lanes - 1) / lanes * lanes;
    for (Index k = 0; k < K; k += kBlockK) {
      const PanelProduct<T> p{std::min(kBlockK, K - k), packed + n * K + k * padded, columns, c_stride, k > 0};
      Panel(M, p, RowAccess<T>{a + k, a_stride}, c + n);
    }
  }
}

template <class T>
void ContractPanel(Index M, Index N, Index K, const T* const* a_rows, const T* const* b_rows, T* c, Index c_stride, bool add,
                   T* scratch) {
  const Index lanes = VectorLanes<T>();
  const Index padded = (N + lanes - 1) / lanes * lanes;
  if (K == 0 && !add)
    for (Index m = 0; m < M; ++m) std::fill_n(c + m * c_stride, N, T{0});
  for (Index k = 0; k < K; k += kernels::kContractionRows) {
    const Index rows = std::min(kernels::kContractionRows, K - k);
    for (Index r = 0; r < rows; ++r) {
      T* to = scratch + r * padded;
      std::copy_n(b_rows[k + r], N, to);
      std::fill(to + N, to + padded, T{0});
    }
    Panel(M, PanelProduct<T>{rows, scratch, N, c_stride, add || k > 0}, ListAccess<T>{a_rows + k, 0}, c);
  }
}

kernels::GemmKernels<float> GemmF32() {
  const Index lanes = VectorLanes<float>();
  return {lanes, kVectors * lanes, &Gemm<float>, &ContractPanel<float>};
}
kernels::GemmKernels<double> GemmF64() {
  const Index lanes = VectorLanes<double>();
  return {lanes, kVectors * lanes, &Gemm<double>, &ContractPanel<double>};
}

}  // namespace reel::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace reel {
HWY_EXPORT(GemmF32);
HWY_EXPORT(GemmF64);

namespace kernels {

template <>
GemmKernels<float> gemm_kernels<float>() {
  return HWY_DYNAMIC_DISPATCH(GemmF32)();
}
template <>
GemmKernels<double> gemm_kernels<double>() {
  return HWY_DYNAMIC_DISPATCH(GemmF64)();
}

template <class T>
void pack(const GemmKernels<T>& kernels, const T* w, Index K, Index N, Index k_stride, Index n_stride, T* packed) {
  for (Index first = 0; first < N; first += kernels.width) {
    const Index columns = std::min(kernels.width, N - first);
    const Index padded = kernels.packed_size(1, columns);
    for (Index k = 0; k < K; ++k, packed += padded) {
      const T* row = w + k * k_stride + first * n_stride;
      for (Index n = 0; n < columns; ++n) packed[n] = row[n * n_stride];
      std::fill(packed + columns, packed + padded, T{0});
    }
  }
}
template void pack<float>(const GemmKernels<float>&, const float*, Index, Index, Index, Index, float*);
template void pack<double>(const GemmKernels<double>&, const double*, Index, Index, Index, Index, double*);

}  // namespace kernels
}  // namespace reel
#endif
