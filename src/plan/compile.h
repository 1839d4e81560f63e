// compile(): from a tape to a plan: the passes in their order, then the schedule, the memory and the kernels.
// Threads: a function of its arguments; the tape is only read.
#pragma once

#include <concepts>
#include <initializer_list>
#include <vector>

#include <reel/graph/precision.h>
#include <reel/plan/plan.h>

namespace reel {

// In the order in which they run.
std::vector<Pass> default_passes();

// Whether a training program over many steps keeps only the states between stretches of steps, and computes the rest of a stretch
// again when the gradients come to it: less memory, at the cost of a second forward pass. The values are the same, bit for bit;
// plan/passes/recompute.h says what is kept besides.
class Recompute {
 public:
  Recompute() = default;
  Recompute(bool on) : every_(on ? 0 : kNever) {}  // NOLINT: implicit; stretches of the square root of the number of steps
  template <std::integral N>
  requires(!std::same_as<N, bool>) Recompute(N every)
      : every_(checked(static_cast<Index>(every))) {}  // NOLINT: implicit; steps of a stretch. InputError below 1
  bool on() const { return every_ != kNever; }
  Index every() const { return every_; }  // 0: to be chosen

 private:
  static constexpr Index kNever = -1;
  static Index checked(Index every);
  Index every_ = kNever;
};

struct CompileOptions {
  std::vector<Pass> passes = default_passes();  // without `lower`, products have no kernel
  bool verify = false;                          // check the program after every pass
  Recompute recompute = {};                     // of training programs, whose first output is the loss
  Precision products = Precision::full;         // of float plans; others than full round operands before the last `lower`
};

// T in {float, double}. InputError when there is no output or one is on another tape, and for products of bf16 in double. The
// states that carry() named are delivered too when an output depends on them.
template <class T>
Plan<T> compile(const Tape& tape, std::span<const Var> outputs, const CompileOptions& options = {});
template <class T>
Plan<T> compile(const Tape& tape, std::initializer_list<Var> outputs, const CompileOptions& options = {}) {
  return compile<T>(tape, std::span(outputs.begin(), outputs.size()), options);
}

}  // namespace reel
