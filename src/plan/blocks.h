// How the rows of a batch are cut into the blocks that row phases compute, one per thread or more.
//
// No result depends on the cut. Where values have counts of rows, sequences cost different times, and blocks are cut to cost
// the same. Internal to src/plan. Threads: pure functions.
#pragma once

#include <vector>

#include <reel/graph/op.h>

namespace reel {

// What a row of B costs in one run, and a row of each count besides; in any unit.
struct RowCosts {
  double all = 0;
  std::vector<std::pair<RowCount, double>> counted;
};

// Whether there are so few rows that threads share the columns of large products over all of them, rather than the rows.
bool few_rows(Index rows, int threads);

// An upper bound for the rows of one block.
Index largest_block(Index rows, int threads, const RowCosts& costs);

// Fills `ends`: one past the last row of each block. Allocates only when there are more blocks than ever before; `work` is
// memory for as many numbers as there are rows.
void cut_rows(const RunContext& run, int threads, const RowCosts& costs, std::vector<double>& work, std::vector<Index>& ends);

}  // namespace reel
