#include <reel/graph/kernels/sum.h>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "reel/graph/kernels/sum.cpp"
#include <hwy/foreach_target.h>  // IWYU pragma: keep

#include <reel/graph/kernels/tile-inl.h>

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

}  // namespace reel::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace reel {
HWY_EXPORT(SumTiles);

namespace kernels {

std::optional<Tiles> sum_tiles(int inputs) {
  if (inputs < 1 || inputs > kMostTileInputs) return std::nullopt;
  return HWY_DYNAMIC_DISPATCH(SumTiles)(inputs);
}

}  // namespace kernels
}  // namespace reel
#endif
