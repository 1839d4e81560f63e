// A shared library that holds a static reel: what a plug-in or a module of another language is.
#include <reel/reel.h>

extern "C" double my_plugin_loss(const float* x, int rows) try {
  using namespace reel;
  ParameterSet set;
  const Gru cell(set, "cell", 2, 8);
  Tape tape;
  const Var h = unroll(cell, tape.input("x", 3, {B, 2}), zero_state(tape, cell)).last;
  const auto values = set.initial<float>(1);
  Session session({{"loss", mean(square(h))}}, &values);
  session.run({{"x", TensorView<const float>(x, Shape{3, rows, 2})}});
  return static_cast<double>(session["loss"][0]);
} catch (const reel::Error&) {
  return -1;
}
