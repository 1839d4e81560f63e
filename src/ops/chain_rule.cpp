#include <reel/ops/chain_rule.h>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "reel/ops/chain_rule.cpp"
#include <hwy/foreach_target.h>  // IWYU pragma: keep

#include <reel/graph/kernels/tile-inl.h>

HWY_BEFORE_NAMESPACE();
namespace reel::HWY_NAMESPACE {

struct ChainProductTile {
  template <class D, class V>
  static V apply(D d, V dy, V derivative) {
    return hn::IfThenZeroElse(hn::Eq(dy, hn::Zero(d)), hn::Mul(dy, derivative));
  }
};
struct ChainQuotientTile {
  template <class D, class V>
  static V apply(D d, V dy, V divisor) {
    return hn::IfThenZeroElse(hn::Eq(dy, hn::Zero(d)), hn::Div(dy, divisor));
  }
};

Tiles ChainProductTiles() { return MakeTiles<ChainProductTile, 2>(); }
Tiles ChainQuotientTiles() { return MakeTiles<ChainQuotientTile, 2>(); }

}  // namespace reel::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include <reel/ops/arithmetic.h>
#include <reel/ops/elementwise.h>

namespace reel {
HWY_EXPORT(ChainProductTiles);
HWY_EXPORT(ChainQuotientTiles);

namespace {

struct ChainProduct final : Elementwise<ChainProduct, 2> {
  static constexpr std::string_view kName = "chain_product";
  template <class S>
  static S value(S dy, S derivative) {
    return dy == S(0) ? S(0) : dy * derivative;
  }
  Tiles tile_kernels() const { return HWY_DYNAMIC_DISPATCH(ChainProductTiles)(); }
  static std::vector<Var> rule(Var dy, Var derivative, Var, Var d) {
    return {chain_product(d, derivative), chain_product(d, dy)};
  }
};

struct ChainQuotient final : Elementwise<ChainQuotient, 2> {
  static constexpr std::string_view kName = "chain_quotient";
  template <class S>
  static S value(S dy, S divisor) {
    return dy == S(0) ? S(0) : dy / divisor;
  }
  Tiles tile_kernels() const { return HWY_DYNAMIC_DISPATCH(ChainQuotientTiles)(); }
  static std::vector<Var> rule(Var, Var divisor, Var y, Var d) {
    const Var first = chain_quotient(d, divisor);
    return {first, negate(chain_product(first, y))};
  }
};

}  // namespace

Var chain_product(Operand dy, Operand derivative) { return record_elementwise<ChainProduct>(dy, derivative); }
Var chain_quotient(Operand dy, Operand divisor) { return record_elementwise<ChainQuotient>(dy, divisor); }

}  // namespace reel
#endif
