// Replays a plan's kernels over a workspace's memory. Internal to src/plan.
#pragma once

#include <reel/plan/workspace_data.h>

namespace reel {

// Runs all phases. Throws what a kernel throws, with op and place added. REQUIRES: memory for the context's rows.
template <class T>
void execute(WorkspaceData& workspace);

}  // namespace reel
