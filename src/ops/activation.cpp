#include <reel/ops/activation.h>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "reel/ops/activation.cpp"
#include <hwy/foreach_target.h>  // IWYU pragma: keep

#include <reel/ops/kernels/math-inl.h>

HWY_BEFORE_NAMESPACE();
namespace reel::HWY_NAMESPACE {

struct TanhTile {
  template <class D, class V>
  static V apply(D d, V x) {
    return SafeTanh(d, x);
  }
};
struct SigmoidTile {
  template <class D, class V>
  static V apply(D d, V x) {
    return Logistic(d, x);
  }
};
struct ReluTile {
  template <class D, class V>
  static V apply(D d, V x) {
    return hn::IfThenElse(hn::Lt(x, hn::Zero(d)), hn::Zero(d), x);
  }
};
struct SatlinsTile {
  template <class D, class V>
  static V apply(D d, V x) {
    const V one = hn::Set(d, hn::TFromD<D>(1));
    const V below = hn::IfThenElse(hn::Gt(x, one), one, x);
    return hn::IfThenElse(hn::Lt(x, hn::Neg(one)), hn::Neg(one), below);
  }
};

Tiles TanhTiles() { return MakeTiles<TanhTile, 1>(); }
Tiles SigmoidTiles() { return MakeTiles<SigmoidTile, 1>(); }
Tiles ReluTiles() { return MakeTiles<ReluTile, 1>(); }
Tiles SatlinsTiles() { return MakeTiles<SatlinsTile, 1>(); }

}  // namespace reel::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include <reel/ops/arithmetic.h>
#include <reel/ops/chain_rule.h>
#include <reel/ops/elementary.h>
#include <reel/ops/elementwise.h>
#include <reel/ops/kernels/cpp_math.h>
#include <reel/ops/scalar.h>

namespace reel {
HWY_EXPORT(TanhTiles);
HWY_EXPORT(SigmoidTiles);
HWY_EXPORT(ReluTiles);
HWY_EXPORT(SatlinsTiles);

namespace {

struct Tanh final : Elementwise<Tanh, 1> {
  static constexpr std::string_view kName = "tanh";
  template <class S>
  static S value(S x) {
    return std::tanh(x);
  }
  static CppElement cpp() { return {"tanh_of({0})", &kernels::kCppTanh}; }
  static constexpr std::string_view kOnnx = "Tanh";
  Tiles tile_kernels() const { return HWY_DYNAMIC_DISPATCH(TanhTiles)(); }
  static std::vector<Var> rule(Var, Var y, Var dy) { return {chain_product(dy, 1.0 - square(y))}; }
};

struct Sigmoid final : Elementwise<Sigmoid, 1> {
  static constexpr std::string_view kName = "sigmoid";
  template <class S>
  static S value(S x) {
    return logistic(x);
  }
  static CppElement cpp() { return {"sigmoid_of({0})", &kernels::kCppSigmoid}; }
  static constexpr std::string_view kOnnx = "Sigmoid";
  Tiles tile_kernels() const { return HWY_DYNAMIC_DISPATCH(SigmoidTiles)(); }
  static std::vector<Var> rule(Var, Var y, Var dy) { return {chain_product(chain_product(dy, 1.0 - y), y)}; }
};

struct Relu final : Elementwise<Relu, 1> {
  static constexpr std::string_view kName = "relu";
  template <class S>
  static S value(S x) {
    return real_part(x) < 0 ? S(0) : x;
  }
  static CppElement cpp() { return {"relu_of({0})", &kernels::kCppRelu}; }
  static constexpr std::string_view kOnnx = "Relu";
  Tiles tile_kernels() const { return HWY_DYNAMIC_DISPATCH(ReluTiles)(); }
  static std::vector<Var> rule(Var x, Var, Var dy) { return {dy * step(x)}; }
};

struct Satlins final : Elementwise<Satlins, 1> {
  static constexpr std::string_view kName = "satlins";
  template <class S>
  static S value(S x) {
    return real_part(x) > 1 ? S(1) : real_part(x) < -1 ? S(-1) : x;
  }
  static CppElement cpp() { return {"satlins_of({0})", &kernels::kCppSatlins}; }
  static std::string onnx(OnnxWriter& w, const std::vector<std::string>& x) {
    return w.add("Clip", {x[0], w.number(-1), w.number(1)});
  }
  Tiles tile_kernels() const { return HWY_DYNAMIC_DISPATCH(SatlinsTiles)(); }
  static std::vector<Var> rule(Var x, Var, Var dy) { return {dy * step(1.0 - abs(x))}; }
};

}  // namespace

Var tanh(Operand x) { return record(Tanh{}, x); }
Var sigmoid(Operand x) { return record(Sigmoid{}, x); }
Var relu(Operand x) { return record(Relu{}, x); }
Var satlins(Operand x) { return record(Satlins{}, x); }

}  // namespace reel
#endif
