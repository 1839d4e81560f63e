#include <reel/ops/arithmetic.h>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "reel/ops/arithmetic.cpp"
#include <hwy/foreach_target.h>  // IWYU pragma: keep

#include <reel/graph/kernels/tile-inl.h>

HWY_BEFORE_NAMESPACE();
namespace reel::HWY_NAMESPACE {

struct AddTile {
  template <class D, class V>
  static V apply(D, V a, V b) {
    return hn::Add(a, b);
  }
};
struct SubtractTile {
  template <class D, class V>
  static V apply(D, V a, V b) {
    return hn::Sub(a, b);
  }
};
struct MultiplyTile {
  template <class D, class V>
  static V apply(D, V a, V b) {
    return hn::Mul(a, b);
  }
};
struct DivideTile {
  template <class D, class V>
  static V apply(D, V a, V b) {
    return hn::Div(a, b);
  }
};
struct NegateTile {
  template <class D, class V>
  static V apply(D, V x) {
    return hn::Neg(x);
  }
};

Tiles AddTiles() { return MakeTiles<AddTile, 2>(); }
Tiles SubtractTiles() { return MakeTiles<SubtractTile, 2>(); }
Tiles MultiplyTiles() { return MakeTiles<MultiplyTile, 2>(); }
Tiles DivideTiles() { return MakeTiles<DivideTile, 2>(); }
Tiles NegateTiles() { return MakeTiles<NegateTile, 1>(); }

}  // namespace reel::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include <reel/ops/chain_rule.h>
#include <reel/ops/elementwise.h>

namespace reel {
HWY_EXPORT(AddTiles);
HWY_EXPORT(SubtractTiles);
HWY_EXPORT(MultiplyTiles);
HWY_EXPORT(DivideTiles);
HWY_EXPORT(NegateTiles);

namespace {

struct Add final : Elementwise<Add, 2> {
  static constexpr std::string_view kName = "add";
  template <class S>
  static S value(S a, S b) {
    return a + b;
  }
  static CppElement cpp() { return {"({0} + {1})"}; }
  static constexpr std::string_view kOnnx = "Add";
  Tiles tile_kernels() const { return HWY_DYNAMIC_DISPATCH(AddTiles)(); }
  static std::vector<Var> rule(Var, Var, Var, Var dy) { return {dy, dy}; }
  Traits traits() const override { return {.accumulates = true}; }
};

struct Subtract final : Elementwise<Subtract, 2> {
  static constexpr std::string_view kName = "subtract";
  template <class S>
  static S value(S a, S b) {
    return a - b;
  }
  static CppElement cpp() { return {"({0} - {1})"}; }
  static constexpr std::string_view kOnnx = "Sub";
  Tiles tile_kernels() const { return HWY_DYNAMIC_DISPATCH(SubtractTiles)(); }
  static std::vector<Var> rule(Var, Var, Var, Var dy) { return {dy, negate(dy)}; }
};

struct Multiply final : Elementwise<Multiply, 2> {
  static constexpr std::string_view kName = "multiply";
  template <class S>
  static S value(S a, S b) {
    return a * b;
  }
  static CppElement cpp() { return {"({0} * {1})"}; }
  static constexpr std::string_view kOnnx = "Mul";
  Tiles tile_kernels() const { return HWY_DYNAMIC_DISPATCH(MultiplyTiles)(); }
  static std::vector<Var> rule(Var a, Var b, Var, Var dy) {
    const Var da = chain_product(dy, b);
    return {da, chain_product(dy, a)};
  }
};

struct Divide final : Elementwise<Divide, 2> {
  static constexpr std::string_view kName = "divide";
  template <class S>
  static S value(S a, S b) {
    return a / b;
  }
  static CppElement cpp() { return {"({0} / {1})"}; }
  static constexpr std::string_view kOnnx = "Div";
  Tiles tile_kernels() const { return HWY_DYNAMIC_DISPATCH(DivideTiles)(); }
  static std::vector<Var> rule(Var, Var b, Var y, Var dy) {
    const Var da = chain_quotient(dy, b);
    return {da, negate(chain_product(da, y))};
  }
};

struct Negate final : Elementwise<Negate, 1> {
  static constexpr std::string_view kName = "negate";
  template <class S>
  static S value(S x) {
    return -x;
  }
  static CppElement cpp() { return {"(-{0})"}; }
  static constexpr std::string_view kOnnx = "Neg";
  Tiles tile_kernels() const { return HWY_DYNAMIC_DISPATCH(NegateTiles)(); }
  static std::vector<Var> rule(Var, Var, Var dy) { return {negate(dy)}; }
};

}  // namespace

Var add(Operand a, Operand b) { return record_elementwise<Add>(a, b); }
Var subtract(Operand a, Operand b) { return record_elementwise<Subtract>(a, b); }
Var multiply(Operand a, Operand b) { return record_elementwise<Multiply>(a, b); }
Var divide(Operand a, Operand b) { return record_elementwise<Divide>(a, b); }
Var negate(Operand x) { return record(Negate{}, x); }

}  // namespace reel
#endif
