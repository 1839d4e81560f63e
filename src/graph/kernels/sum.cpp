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

Tiles SumTiles(int inputs) {
  static_assert(kMostTileInputs == 8);
  switch (inputs) {
    case 1:
      return MakeTiles<SumTile, 1>();
    case 2:
      return MakeTiles<SumTile, 2>();
    case 3:
      return MakeTiles<SumTile, 3>();
    case 4:
      return MakeTiles<SumTile, 4>();
    case 5:
      return MakeTiles<SumTile, 5>();
    case 6:
      return MakeTiles<SumTile, 6>();
    case 7:
      return MakeTiles<SumTile, 7>();
    default:
      return MakeTiles<SumTile, 8>();
  }
}

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
