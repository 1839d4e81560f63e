// Vars with the numbers they should hold, checked by the interpreter and by the plan in double.
#pragma once

#include <vector>

#include <reel/ops/arithmetic.h>

#include "support.h"

namespace reel::test {

struct ExpectedVar {
  std::string what;
  Var value;
  std::vector<double> numbers;
};

inline void check_twice(const Tape& tape, const std::vector<ExpectedVar>& expected, const Data& data,
                        const ParameterValues<double>* parameters = nullptr, double tolerance = 1e-9) {
  std::vector<Var> outputs;
  for (const ExpectedVar& e : expected) outputs.push_back(e.value);
  const auto run = interpret<double>(tape, data.bindings<double>(), parameters);
  const auto plan = compile<double>(tape, outputs, {.verify = true});
  Workspace<double> workspace(plan, parameters);
  plan.run(workspace, data.bindings<double>());
  for (const ExpectedVar& e : expected) {
    CAPTURE(e.what);
    {
      INFO("by the interpreter");
      check_close(run.value(e.value), e.numbers, tolerance);
    }
    INFO("by the plan");
    check_close(workspace.value(e.value), e.numbers, tolerance);
  }
}

}  // namespace reel::test
