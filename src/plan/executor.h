// Replays a plan's kernels over a workspace's memory. Internal to src/plan.
#pragma once

#include <reel/plan/shards.h>
#include <reel/plan/workspace_data.h>

namespace reel {

// Runs all phases. Throws what a kernel throws, with op and place added. REQUIRES: memory for the context's rows. `shards`: null
// where the batch is not cut into any; else `batch` are the rows of the whole.
template <class T>
void execute(WorkspaceData& workspace, const Shards* shards, const BatchRows& batch);

}  // namespace reel
