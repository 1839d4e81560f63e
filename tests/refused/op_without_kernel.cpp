// An op that only the interpreter could evaluate.
// refused: an op that plans cannot do without a kernel must have run_as()
#include <reel/ops/operand.h>

struct Twice final : reel::OpOf<Twice> {
  static constexpr std::string_view kName = "twice";
  reel::Signature infer(const reel::Arguments& x) const override { return x[0]; }
  template <class S>
  void evaluate_as(const reel::Evaluation<S>& e) const {
    for (reel::Index i = 0; i < e.y.size; ++i) e.y.real[i] = e.x[0].real[i] + e.x[0].real[i];
  }
};

reel::Var twice(reel::Var x) { return x.tape().append(Twice{}, {x}); }
