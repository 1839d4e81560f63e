#include <reel/ops/selection.h>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "reel/ops/selection.cpp"
#include <hwy/foreach_target.h>  // IWYU pragma: keep

#include <reel/graph/kernels/tile-inl.h>

HWY_BEFORE_NAMESPACE();
namespace reel::HWY_NAMESPACE {

struct SelectTile {
  template <class D, class V>
  static V apply(D d, V condition, V x, V otherwise) {
    return hn::IfThenElse(hn::Eq(condition, hn::Zero(d)), otherwise, x);
  }
};

Tiles SelectTiles() { return MakeTiles<SelectTile, 3>(); }

}  // namespace reel::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include <reel/ops/elementwise.h>
#include <reel/ops/kernels/cpp_math.h>
#include <reel/ops/scalar.h>

namespace reel {
HWY_EXPORT(SelectTiles);

namespace {

struct Select final : Elementwise<Select, 3> {
  static constexpr std::string_view kName = "select";
  template <class S>
  static S value(S condition, S x, S otherwise) {
    return real_part(condition) == 0 ? otherwise : x;
  }
  static CppElement cpp() { return {"select_of({0}, {1}, {2})", &kernels::kCppSelect}; }
  static std::string onnx(OnnxWriter& w, const std::vector<std::string>& x) {
    return w.add("Where", {w.add("Cast", {x[0]}, {{"to", kOnnxBool}}), x[1], x[2]});
  }
  Tiles tile_kernels() const { return HWY_DYNAMIC_DISPATCH(SelectTiles)(); }
  static std::vector<Var> rule(Var condition, Var, Var, Var, Var dy) {
    return {Var(), select(condition, dy, 0.0), select(condition, 0.0, dy)};
  }
};

}  // namespace

Var select(Operand condition, Operand x, Operand otherwise) {
  Tape& tape = tape_of(Select::kName, {&condition, &x, &otherwise});
  Var v[] = {condition.on(tape), x.on(tape), otherwise.on(tape)};
  broadcast_together(Select::kName, v, tape.site(condition.site()));
  return tape.append(Select{}, v, condition.site());
}

Var mask(Operand x, Operand keep) {
  const auto here = at("mask", {&x, &keep});
  return select(keep, x, 0.0);
}

}  // namespace reel
#endif
