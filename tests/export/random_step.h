// Random recurrent cells as nobody designed them: a few states, and a value for each that is some expression of all that is
// there.
#pragma once

#include <reel/models/layers.h>
#include <reel/models/parameter_set.h>
#include <reel/ops/ops.h>

#include "support.h"

namespace reel::test {

class RandomStep {
 public:
  RandomStep(std::uint64_t seed, Index I, Index H) : random_(seed), I_(I), H_(H) {}

  // Records x [B, I] -> y [B, 2] with carried states; adds its parameters to the set.
  Var record(ParameterSet& set, Tape& tape) {
    set_ = &set;
    const Var x = tape.input("x", {B, I_});
    std::vector<Var> states;
    for (Index s = 0, count = 1 + random_.below(3); s < count; ++s) {
      states.push_back(tape.carried("state" + std::to_string(s), {B, H_}));
      all_.push_back(states.back());
    }
    all_.push_back(product(x, H_));
    for (Index n = 4 + random_.below(10); n > 0; --n) all_.push_back(another());
    Var shown = all_.back() + product(x, H_);
    for (const Var& state : states) {
      // Damped, so that two ways to round do not drift apart.
      const Var next = 0.6 * state + 0.4 * tanh(any() + product(shown, H_));
      tape.carry(state, next);
      shown = next;
    }
    return product(shown, 2);
  }

 private:
  Var any() { return all_[static_cast<std::size_t>(random_.below(static_cast<Index>(all_.size())))]; }
  Parameter weight(Shape shape) { return set_->add("p" + std::to_string(count_++), shape, init::uniform(0.5)); }
  Var product(Var v, Index N) {
    const Var y = matmul(v, weight({v.shape().last(), N}));
    return random_.below(2) == 0 ? y : y + weight({N});
  }

  Var another() {
    const Var a = any(), b = any();
    switch (random_.below(16)) {
      case 0:
        return tanh(a);
      case 1:
        return sigmoid(a + b);
      case 2:
        return a * sigmoid(b);
      case 3:
        return tanh(product(concat({a, b}), H_));
      case 4:
        return layer_norm(a, 1e-2);
      case 5:
        return softmax(a);
      case 6:
        return relu(a - b);
      case 7:
        return satlins(product(a, H_));
      case 8:
        return exp(-square(a));
      case 9:
        return broadcast(sum(a, -1, Keep::dimension) / static_cast<double>(H_), a.shape());
      case 10:
        return a - max(a, -1, Keep::dimension);
      case 11:
        return select(step(b), a, 0.5 * a);
      case 12:
        return concat({slice(a, -1, 1, H_), slice(b, -1, 0, 1)});
      case 13:
        return sqrt(abs(a) + 0.5) / (1.0 + square(b));
      case 14:
        return sigmoid(product(a, H_) * b);
      default:
        return weight({H_}) * a + tanh(product(b, H_));
    }
  }

  RandomStream random_;
  Index I_, H_;
  int count_ = 0;
  ParameterSet* set_ = nullptr;
  std::vector<Var> all_;
};

}  // namespace reel::test
