// Numbers that are not finite: whether a run gave some, and where they came up. Internal to src/plan.
#pragma once

#include <string>

#include <reel/plan/workspace_data.h>

namespace reel {

// Of the outputs of the last run.
template <class T>
bool outputs_are_finite(const WorkspaceData& workspace);

// A sentence about the first node that is not finite, found by interpreting the same run on the tape that the plan was compiled
// from, or, where that is not given or reads more inputs, on the plan's own; "" when there is none.
template <class T>
std::string explain_non_finite(const WorkspaceData& workspace, const Tape* tape, std::span<const Binding> bindings);

}  // namespace reel
