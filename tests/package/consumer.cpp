// A user's project: a cell of its own, trained against the installed package.
#include <reel/reel.h>
using namespace reel;

struct MyGatedUnit {  // x: [B, I], h: [B, H]   (the minimal gated unit, Zhou et al., 2016)
  Gate f;             // x U + h W + b, with its three parameters
  Parameter U, W, b;
  using State = Var;
  MyGatedUnit(ParameterSet& set, Index I, Index H)
      : f(set, "cell", "f", I, H), U(set.add("U", {I, H})), W(set.add("W", {H, H})), b(set.add("b", {H})) {}
  Var step(Var x, Var h) const {
    Var forget = sigmoid(f(x, h));
    Var candidate = tanh(matmul(x, U) + matmul(forget * h, W) + b);
    return (1.0 - forget) * h + forget * candidate;
  }
};

int main() {
  constexpr Index T = 8, N = 16, V = 5, H = 12;  // repeat the symbol of two steps ago
  RandomStream random(1);
  Tensor<std::int32_t> x(Shape{T, N}), y(Shape{T, N});
  for (Index i = 0; i < T * N; ++i) x[i] = static_cast<std::int32_t>(random.below(V));
  for (Index i = 0; i < T * N; ++i) y[i] = i < 2 * N ? 0 : x[i - 2 * N];

  ParameterSet params;
  const MyGatedUnit cell(params, V, H);
  const Linear head(params, "head", H, V);
  Tape tape;
  const Sequence in = map_steps(tape.ids("x", T, {B}), [](Var id) { return one_hot(id, V); });
  const Sequence h = unroll(cell, in, tape.zeros({B, H})).outputs;
  const Var loss = cross_entropy(map_steps(h, head), tape.ids("y", T, {B}));
  Trainer trainer(loss, params, Adam{.lr = .02}, ClipNorm{5});
  const double first = trainer.step({{"x", x}, {"y", y}});
  double last = first;
  for (int i = 0; i < 200; ++i) last = trainer.step({{"x", x}, {"y", y}});
  fmt::print("loss {:.3f} -> {:.3f}\n", first, last);
  return last < 0.5 * first ? 0 : 1;
}
