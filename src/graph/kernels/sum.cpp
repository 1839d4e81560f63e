#include <reel/graph/kernels/sum.h>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "reel/graph/kernels/sum.cpp"
#include <hwy/foreach_target.h>  // IWYU pragma: keep

#include <reel/graph/kernels/fixed_sum-inl.h>

HWY_BEFORE_NAMESPACE();
namespace reel::HWY_NAMESPACE {

struct SumTile {
  template <class D, class V, class... More>
  static V apply(D, V first, More... more) {
    V sum = first;
    ((void)(sum = hn::Add(sum, more)), ...);
    return sum;
  }
};

template <int... I>
Tiles SumTilesOf(int inputs, std::integer_sequence<int, I...>) {
  const Tiles all[] = {MakeTiles<SumTile, I + 1>()...};
  return all[inputs - 1];
}

Tiles SumTiles(int inputs) { return SumTilesOf(inputs, std::make_integer_sequence<int, kMostTileInputs>()); }

template <class T>
T SumAlong(const T* x, Index n) {
  return FixedSum<T>(n, [x](auto d, Index i, Index count) HWY_ATTR {
    return count == static_cast<Index>(hn::Lanes(d)) ? hn::LoadU(d, x + i) : LoadEdge(d, x + i, count);
  });
}

template <class T>
void AddRow(const T* x, T* y, Index n, bool add) {
  const hn::ScalableTag<T> d;
  const Index lanes = static_cast<Index>(hn::Lanes(d));
  if (!add) return std::copy_n(x, n, y), void();
  Index i = 0;
  for (; i + lanes <= n; i += lanes) hn::StoreU(hn::Add(hn::LoadU(d, y + i), hn::LoadU(d, x + i)), d, y + i);
  if (i < n) StoreEdge(hn::Add(LoadEdge(d, y + i, n - i), LoadEdge(d, x + i, n - i)), d, y + i, n - i);
}

kernels::SumKernels<float> SumF32() { return {&SumAlong<float>, &AddRow<float>}; }
kernels::SumKernels<double> SumF64() { return {&SumAlong<double>, &AddRow<double>}; }

}  // namespace reel::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace reel {
HWY_EXPORT(SumTiles);
HWY_EXPORT(SumF32);
HWY_EXPORT(SumF64);

namespace kernels {

std::optional<Tiles> sum_tiles(int inputs) {
  if (inputs < 1 || inputs > kMostTileInputs) return std::nullopt;
  return HWY_DYNAMIC_DISPATCH(SumTiles)(inputs);
}

template <>
SumKernels<float> sum_kernels<float>() {
  return HWY_DYNAMIC_DISPATCH(SumF32)();
}
template <>
SumKernels<double> sum_kernels<double>() {
  return HWY_DYNAMIC_DISPATCH(SumF64)();
}

}  // namespace kernels
}  // namespace reel
#endif
