// A user's project: an elementwise op of its own with a vector kernel, x sigmoid(x) (Ramachandran et al., 2017), which plans fuse
// as they do the library's.
#include <cstdio>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "vector_op.cpp"
#include <hwy/foreach_target.h>  // must come before what is compiled for each instruction set

#include <reel/ops/kernels/vector_op-inl.h>

HWY_BEFORE_NAMESPACE();
namespace reel::HWY_NAMESPACE {
struct MySwishTile {
  template <class D, class V>
  static V apply(D d, V x) {
    return hn::Mul(x, Logistic(d, x));
  }
};
Tiles MySwishTiles() { return MakeTiles<MySwishTile, 1>(); }
}  // namespace reel::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include <reel/ops/elementwise.h>
#include <reel/ops/scalar.h>
#include <reel/reel.h>

namespace reel {
HWY_EXPORT(MySwishTiles);
}

namespace mine {
using namespace reel;

struct Swish final : Elementwise<Swish, 1> {
  static constexpr std::string_view kName = "swish";
  template <class S>
  static S value(S x) {
    return x * logistic(x);
  }
  Tiles tile_kernels() const {
    using namespace reel;
    return HWY_DYNAMIC_DISPATCH(reel::MySwishTiles)();
  }
  static std::vector<Var> rule(Var x, Var y, Var dy) {
    const Var s = sigmoid(x);
    return {dy * (s + y * (1.0 - s))};
  }
};
Var swish(Operand x) { return record(Swish{}, x); }

}  // namespace mine

int main() {
  using namespace reel;
  Tape tape;
  const Var x = tape.input("x", {B, 37});
  const Var y = mine::swish(2.0 * x) + 1.0, loss = sum(y);
  Tensor<double> data(Shape{5, 37});
  RandomStream random(1);
  for (double& v : data) v = random.normal();
  const std::vector<Binding> bindings{{"x", data}};
  const GradientReport report = check_gradients(loss, {{x}}, bindings);
  Session<double> session({{"y", y}});
  session.run(bindings);
  const auto oracle = interpret<double>(tape, bindings);
  double worst = 0;
  for (Index i = 0; i < data.size(); ++i) worst = std::max(worst, std::abs(session["y"][i] - oracle.value(y)[i]));
  const bool fused = session.plan().text().find("swish") != std::string::npos && session.plan().kernels() == 1;
  std::printf("%s; plan against interpreter %.1e; %s\n", report.text().c_str(), worst, fused ? "one fused kernel" : "not fused");
  return report.ok() && worst < 1e-14 && fused ? 0 : 1;
}
#endif
