// A whole program: data, a cell of its own, training, prediction. The next value of a signal from the 24 before it.
#include <cmath>

#include <reel/reel.h>
using namespace reel;

struct MyCell {  // x: [B, I], h: [B, H]: a leaky unit, h = (1 - a) * h' + a * tanh(x U + h' W + b), a = sigmoid(x V + c)
  Gate g;
  Linear a;
  using State = Var;
  MyCell(ParameterSet& set, Index I, Index H) : g(set, "cell", "", I, H), a(set, "cell.a", I, H) {}
  Var step(Var x, Var h) const {
    const Var leak = sigmoid(a(x));
    return (1.0 - leak) * h + leak * tanh(g(x, h));
  }
  std::vector<StatePart> state_layout() const { return {{"h", {B, g.units()}}}; }
};

// Windows of a signal of two tones that starts at a random phase: x [T, N, 1], and what follows, y [N, 1].
struct Batch {
  Tensor<float> x, y;
};
Batch draw(Index T, Index N, RandomStream& random) {
  Batch batch{Tensor<float>(Shape{T, N, 1}), Tensor<float>(Shape{N, 1})};
  for (Index n = 0; n < N; ++n) {
    const double phase = random.uniform(0, 100);
    for (Index t = 0; t <= T; ++t) {
      const double s = phase + static_cast<double>(t), value = .5 * std::sin(.4 * s) + .5 * std::sin(.93 * s);
      (t < T ? batch.x[t * N + n] : batch.y[n]) = static_cast<float>(value);
    }
  }
  return batch;
}

int main() try {
  constexpr Index T = 24, N = 32;
  ParameterSet set;
  const MyCell cell(set, 1, 32);
  const Linear head(set, "head", 32, 1);

  Tape tape;
  const Var guess = head(unroll(cell, tape.input("x", T, {B, 1}), zero_state(tape, cell)).outputs.back());
  const Var loss = mean(square(guess - tape.input("y", {B, 1})));

  Trainer trainer(loss, set, Adam{.lr = 4e-3}, ClipNorm{1});
  RandomStream random(1);
  for (int i = 0; i <= 600; ++i) {
    const Batch batch = draw(T, N, random);
    const double l = trainer.step({{"x", batch.x}, {"y", batch.y}});
    if (i % 200 == 0) fmt::print("update {:>3}: mean squared error {:.5f}\n", i, l);
  }

  const Batch test = draw(T, 4, random);
  const Tensor<float> y = trainer.predict(guess, {{"x", test.x}});
  for (Index n = 0; n < 4; ++n) fmt::print("{:+.3f}, right: {:+.3f}\n", y[n], test.y[n]);
  return trainer.evaluate({{"x", test.x}, {"y", test.y}}) < .01 ? 0 : 1;
} catch (const Error& e) {
  fmt::print(stderr, "forecast: {}\n", e.what());
  return 1;
}
