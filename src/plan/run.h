// One run from end to end: bind, check, prepare, lay out, execute, commit. Plan::run is in run.cpp. Internal to src/plan.
#pragma once

#include <reel/plan/workspace_data.h>

namespace reel {

// Looks up where the parameters' values lie now. InputError when they are not of the plan's set.
template <class T>
void bind_parameters(WorkspaceData& workspace);

}  // namespace reel
