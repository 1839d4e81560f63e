#include <numeric>

#include <reel/plan/blocks.h>

#include "support.h"

using namespace reel;

namespace {

std::vector<Index> cut(Index rows, int threads, const RowCosts& costs, std::vector<std::int32_t> counts = {}) {
  std::vector<double> work;
  std::vector<Index> ends;
  cut_rows(RunContext{.rows = rows, .counts = counts}, threads, costs, work, ends);
  return ends;
}

// One cost per step, for so many steps.
RowCosts steps(std::uint32_t count) {
  RowCosts costs{0.5, {}};
  for (std::uint32_t t = 0; t < count; ++t) costs.counted.emplace_back(RowCount::counted(t), 1.0);
  return costs;
}

}  // namespace

TEST_CASE("blocks: rows of equal cost are shared evenly, at most 128 to a block") {
  const RowCosts even{1, {}};
  CHECK(cut(0, 2, even).empty());
  CHECK(cut(1, 8, even) == std::vector<Index>{1});
  CHECK(cut(64, 2, even) == std::vector<Index>{32, 64});
  CHECK(cut(65, 2, even) == std::vector<Index>{33, 65});
  CHECK(cut(300, 1, even) == std::vector<Index>{128, 256, 300});
  CHECK(largest_block(300, 1, even) == 128);
  CHECK(largest_block(64, 2, even) == 32);
  CHECK(largest_block(3, 8, even) == 3);  // one thread may take all
}

TEST_CASE("blocks: long sequences make smaller blocks") {
  // 8 rows of 9 steps, then 24 rows of one.
  std::vector<std::int32_t> counts(9, 8);
  counts[0] = 32;
  const std::vector<Index> ends = cut(32, 2, steps(9), counts);
  REQUIRE(ends.size() == 2);
  CHECK(ends[0] < 8);
  CHECK(ends[1] == 32);
}

TEST_CASE("blocks: every row is in one block, none larger than the bound, for any counts") {
  for (int threads : {1, 2, 3, 8})
    for (Index rows : {1, 2, 7, 31, 128, 500})
      for (std::int32_t last : {0, 1, static_cast<std::int32_t>(rows)}) {
        std::vector<std::int32_t> counts{static_cast<std::int32_t>(rows), static_cast<std::int32_t>((rows + last) / 2), last};
        const RowCosts costs = steps(3);
        const std::vector<Index> ends = cut(rows, threads, costs, counts);
        REQUIRE(!ends.empty());
        CHECK(ends.back() == rows);
        for (std::size_t b = 0; b < ends.size(); ++b) {
          const Index size = ends[b] - (b == 0 ? 0 : ends[b - 1]);
          CHECK(size > 0);
          CHECK(size <= largest_block(rows, threads, costs));
        }
      }
}

TEST_CASE("blocks: rows that cost nothing") { CHECK(cut(4, 2, RowCosts{0, {{RowCount::counted(0), 0.0}}}, {4}).back() == 4); }
