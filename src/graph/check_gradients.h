// check_gradients(): are the gradients on a tape right? Compares them with derivatives taken of the interpreted loss: by the
// complex step (Squire and Trapp, 1998), exact to 1e-15: an op's naive formula branches on real parts only and conjugates
// nothing. Keep inputs away from kinks; stop_gradient differs from the true derivative by design.
#pragma once

#include <string>
#include <vector>

#include <reel/graph/interpreter.h>

namespace reel {

struct GradientCheckOptions {
  double tolerance = 1e-10;  // of the largest gradient component of the variable (at least 1)
  Index most_elements = 64;  // checked per variable, evenly spread; 0: all
  RunContext context = {};   // seed and counter of dropout masks
  std::optional<Index> rows = std::nullopt;
};

struct GradientMismatch {
  std::string op;        // the op whose adjoint rule is wrong by itself, or "" when each rule by itself is right
  std::string variable;  // "lstm.U_i [65, 256]"
  Index index = 0;       // element
  double analytic = 0, numeric = 0, tolerance = 0;
  std::string text() const;
};

struct GradientReport {
  std::vector<GradientMismatch> mismatches;  // worst first
  Index checked = 0;
  double worst = 0;  // largest |analytic - numeric| / max(1, largest |gradient| of the variable)
  bool ok() const { return mismatches.empty(); }
  std::string text() const;
};

// loss: [] real; wrt: leaves (inputs, carried values or parameters) of its tape. Appends adjoint nodes to the tape.
GradientReport check_gradients(Var loss, std::span<const Var> wrt, std::span<const Binding> bindings,
                               const ParameterValues<double>* parameters = nullptr, const GradientCheckOptions& options = {});

}  // namespace reel
