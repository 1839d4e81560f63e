// For the vector kernels of elementwise ops, the library's and your own: per-target exp, tanh, logistic and log, and MakeTiles,
// which makes the kernel of a vector function. Include after hwy/foreach_target.h; ops/activation.cpp shows the whole form:
//
//   HWY_BEFORE_NAMESPACE();
//   namespace reel::HWY_NAMESPACE {
//   struct SwishTile {
//     template <class D, class V> static V apply(D d, V x) { return hn::Mul(x, Logistic(d, x)); }
//   };
//   Tiles SwishTiles() { return MakeTiles<SwishTile, 1>(); }   // of one input
//   }
//   HWY_AFTER_NAMESPACE();
//
// V is a vector of floats or of doubles. Elements of a tile's tail beside its end hold zeros, whose results are dropped.
#include <reel/graph/kernels/tile-inl.h>
#include <reel/ops/kernels/math-inl.h>
