// compile(): from a tape to a plan: the passes in their order, then the schedule, the memory and the kernels.
// Threads: a function of its arguments; the tape is only read.
#pragma once

#include <initializer_list>
#include <vector>

#include <reel/graph/precision.h>
#include <reel/plan/plan.h>

namespace reel {

// In the order in which they run.
std::vector<Pass> default_passes();

struct CompileOptions {
  std::vector<Pass> passes = default_passes();  // without `lower`, products have no kernel
  bool verify = false;                          // check the program after every pass
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
