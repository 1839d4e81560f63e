#include <reel/ops/elementary.h>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "reel/ops/elementary.cpp"
#include <hwy/foreach_target.h>  // IWYU pragma: keep

#include <reel/ops/kernels/math-inl.h>

HWY_BEFORE_NAMESPACE();
namespace reel::HWY_NAMESPACE {

struct ExpTile {
  template <class D, class V>
  static V apply(D d, V x) {
    return SafeExp(d, x);
  }
};
struct LogTile {
  template <class D, class V>
  static V apply(D d, V x) {
    return SafeLog(d, x);
  }
};
struct SqrtTile {
  template <class D, class V>
  static V apply(D, V x) {
    return hn::Sqrt(x);
  }
};
struct SquareTile {
  template <class D, class V>
  static V apply(D, V x) {
    return hn::Mul(x, x);
  }
};
struct AbsTile {
  template <class D, class V>
  static V apply(D, V x) {
    return hn::Abs(x);
  }
};
struct StepTile {
  template <class D, class V>
  static V apply(D d, V x) {
    return hn::IfThenElseZero(hn::Gt(x, hn::Zero(d)), hn::Set(d, hn::TFromD<D>(1)));
  }
};
struct SignTile {
  template <class D, class V>
  static V apply(D d, V x) {
    return hn::Sub(StepTile::apply(d, x), StepTile::apply(d, hn::Neg(x)));
  }
};

Tiles ExpTiles() { return MakeTiles<ExpTile, 1>(); }
Tiles LogTiles() { return MakeTiles<LogTile, 1>(); }
Tiles SqrtTiles() { return MakeTiles<SqrtTile, 1>(); }
Tiles SquareTiles() { return MakeTiles<SquareTile, 1>(); }
Tiles AbsTiles() { return MakeTiles<AbsTile, 1>(); }
Tiles StepTiles() { return MakeTiles<StepTile, 1>(); }
Tiles SignTiles() { return MakeTiles<SignTile, 1>(); }

}  // namespace reel::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include <reel/ops/arithmetic.h>
#include <reel/ops/chain_rule.h>
#include <reel/ops/elementwise.h>
#include <reel/ops/kernels/cpp_math.h>
#include <reel/ops/scalar.h>

namespace reel {
HWY_EXPORT(ExpTiles);
HWY_EXPORT(LogTiles);
HWY_EXPORT(SqrtTiles);
HWY_EXPORT(SquareTiles);
HWY_EXPORT(AbsTiles);
HWY_EXPORT(StepTiles);
HWY_EXPORT(SignTiles);

namespace {

struct Exp final : Elementwise<Exp, 1> {
  static constexpr std::string_view kName = "exp";
  template <class S>
  static S value(S x) {
    return std::exp(x);
  }
  static CppElement cpp() { return {"exp_of({0})", &kernels::kCppExp}; }
  static constexpr std::string_view kOnnx = "Exp";
  Tiles tile_kernels() const { return HWY_DYNAMIC_DISPATCH(ExpTiles)(); }
  static std::vector<Var> rule(Var, Var y, Var dy) { return {chain_product(dy, y)}; }
};

struct Log final : Elementwise<Log, 1> {
  static constexpr std::string_view kName = "log";
  template <class S>
  static S value(S x) {
    return std::log(x);
  }
  static CppElement cpp() { return {"std::log({0})"}; }
  static constexpr std::string_view kOnnx = "Log";
  Tiles tile_kernels() const { return HWY_DYNAMIC_DISPATCH(LogTiles)(); }
  static std::vector<Var> rule(Var x, Var, Var dy) { return {chain_quotient(dy, x)}; }
};

struct Sqrt final : Elementwise<Sqrt, 1> {
  static constexpr std::string_view kName = "sqrt";
  template <class S>
  static S value(S x) {
    return std::sqrt(x);
  }
  static CppElement cpp() { return {"std::sqrt({0})"}; }
  static constexpr std::string_view kOnnx = "Sqrt";
  Tiles tile_kernels() const { return HWY_DYNAMIC_DISPATCH(SqrtTiles)(); }
  static std::vector<Var> rule(Var, Var y, Var dy) { return {chain_quotient(0.5 * dy, y)}; }
};

struct Square final : Elementwise<Square, 1> {
  static constexpr std::string_view kName = "square";
  template <class S>
  static S value(S x) {
    return x * x;
  }
  static CppElement cpp() { return {"({0} * {0})"}; }
  static std::string onnx(OnnxWriter& w, const std::vector<std::string>& x) { return w.add("Mul", {x[0], x[0]}); }
  Tiles tile_kernels() const { return HWY_DYNAMIC_DISPATCH(SquareTiles)(); }
  static std::vector<Var> rule(Var x, Var, Var dy) { return {2.0 * chain_product(dy, x)}; }
};

struct Abs final : Elementwise<Abs, 1> {
  static constexpr std::string_view kName = "abs";
  template <class S>
  static S value(S x) {
    return real_part(x) < 0 ? -x : x;
  }
  static CppElement cpp() { return {"std::fabs({0})"}; }
  static constexpr std::string_view kOnnx = "Abs";
  Tiles tile_kernels() const { return HWY_DYNAMIC_DISPATCH(AbsTiles)(); }
  static std::vector<Var> rule(Var x, Var, Var dy) { return {dy * sign(x)}; }
};

struct Step final : Elementwise<Step, 1> {
  static constexpr std::string_view kName = "step";
  template <class S>
  static S value(S x) {
    return real_part(x) > 0 ? S(1) : S(0);
  }
  static CppElement cpp() { return {"step_of({0})", &kernels::kCppStep}; }
  static std::string onnx(OnnxWriter& w, const std::vector<std::string>& x) {
    return w.add("Cast", {w.add("Greater", {x[0], w.number(0)})}, {{"to", kOnnxFloat}});
  }
  Tiles tile_kernels() const { return HWY_DYNAMIC_DISPATCH(StepTiles)(); }
  static std::vector<Var> rule(Var, Var, Var) { return {Var()}; }
};

struct Sign final : Elementwise<Sign, 1> {
  static constexpr std::string_view kName = "sign";
  template <class S>
  static S value(S x) {
    return S(real_part(x) > 0 ? 1 : real_part(x) < 0 ? -1 : 0);
  }
  static CppElement cpp() { return {"(step_of({0}) - step_of(-{0}))", &kernels::kCppStep}; }
  static constexpr std::string_view kOnnx = "Sign";
  Tiles tile_kernels() const { return HWY_DYNAMIC_DISPATCH(SignTiles)(); }
  static std::vector<Var> rule(Var, Var, Var) { return {Var()}; }
};

}  // namespace

Var exp(Operand x) { return record(Exp{}, x); }
Var log(Operand x) { return record(Log{}, x); }
Var sqrt(Operand x) { return record(Sqrt{}, x); }
Var square(Operand x) { return record(Square{}, x); }
Var abs(Operand x) { return record(Abs{}, x); }
Var sign(Operand x) { return record(Sign{}, x); }
Var step(Operand x) { return record(Step{}, x); }

}  // namespace reel
#endif
