#include <reel/models/bidirectional.h>

#include <reel/graph/error.h>
#include <reel/models/unroll.h>
#include <reel/ops/joining.h>

namespace reel {

Bidirectional::Run Bidirectional::operator()(const Sequence& x, const Lengths& lengths) const {
  if (x.empty()) throw InputError("Bidirectional: the sequence is empty, T = 0");
  Tape& tape = x[0].tape();
  const auto ahead = unroll(forward_, x, zero_state(tape, forward_), lengths);
  const auto back = unroll(backward_, x, zero_state(tape, backward_), lengths, Direction::backward);
  Run run;
  for (std::size_t t = 0; t < x.size(); ++t) {
    const auto scope = tape.scope(fmt::format("step {}", t));
    run.outputs.push_back(concat({ahead.outputs[t], back.outputs[t]}));
  }
  run.last = concat({forward_.output(ahead.last), backward_.output(back.last)});
  return run;
}

}  // namespace reel
