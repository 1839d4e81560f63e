#include <reel/plan/blocks.h>

#include <algorithm>

namespace reel {
namespace {

// Rows of a block: enough for the GEMM's tiles, few enough for the caches. 64 takes 1.00, 1.06 and 1.09 of the time of 128, 256
// .96, .87 (200 rows are then one block) and 1.12 (bench_rnn lstm_b32, gru_b200, lstm_b1: train_ms, two rounds in turns; EPYC Zen
// 4); the third has one row, so that its figures tell of noise. The next two were not tuned.
constexpr Index kLargestBlock = 128;
constexpr double kRowsToBegin = 2;  // a block's step costs that of so many rows besides: its weights must come from the caches
constexpr Index kMostShares = 4;    // a block of short sequences has no more rows than this times the even share
Index even_share(Index rows, int threads) { return std::clamp<Index>(ceil_div(rows, threads), 1, kLargestBlock); }

// What each row costs.
void weigh_rows(const RunContext& run, const RowCosts& costs, std::vector<double>& work) {
  work.assign(static_cast<std::size_t>(run.rows), 0);
  for (const auto& [count, cost] : costs.counted) {
    const Index n = run.rows_of(Shape(count, {}));
    if (n > 0) work[static_cast<std::size_t>(n - 1)] += cost;  // of the last row that has it, and of all before
  }
  double so_far = costs.all;
  for (std::size_t r = work.size(); r-- > 0;) work[r] = so_far += work[r];
}

// Cuts in order, no block costing more than the limit unless it is a single row.
void cut_at(double limit, Index most, const std::vector<double>& work, std::vector<Index>& ends) {
  ends.clear();
  Index first = 0;
  double cost = 0;
  for (Index r = 0; r < static_cast<Index>(work.size()); ++r) {
    const double row = work[static_cast<std::size_t>(r)];
    if (r > first && (cost + row > limit || r - first == most)) {
      ends.push_back(r);
      first = r;
    }
    cost = r == first ? (1 + kRowsToBegin) * row : cost + row;
  }
  if (!work.empty()) ends.push_back(static_cast<Index>(work.size()));
}

}  // namespace

bool few_rows(Index rows, int threads) { return rows > 0 && rows < threads && rows <= kLargestBlock; }

Index largest_block(Index rows, int threads, const RowCosts& costs) {
  if (few_rows(rows, threads)) return rows;
  const Index share = even_share(rows, threads);
  return costs.counted.empty() ? share : std::clamp<Index>(kMostShares * share, 1, kLargestBlock);
}

void cut_rows(const RunContext& run, int threads, const RowCosts& costs, std::vector<double>& work, std::vector<Index>& ends) {
  const Index share = even_share(run.rows, threads);
  ends.clear();
  if (costs.counted.empty()) {
    for (Index end = share; end < run.rows; end += share) ends.push_back(end);
    if (run.rows > 0) ends.push_back(run.rows);
    return;
  }
  weigh_rows(run, costs, work);
  const auto blocks = static_cast<std::size_t>(ceil_div(run.rows, share));
  const Index most = largest_block(run.rows, threads, costs);
  // The smallest limit that needs no more blocks than an even cut, by bisection.
  double low = 0, high = kRowsToBegin * costs.all;
  for (double row : work) high += (1 + kRowsToBegin) * row;
  for (int i = 0; i < 20; ++i) {
    const double middle = (low + high) / 2;
    cut_at(middle, most, work, ends);
    (ends.size() <= blocks ? high : low) = middle;
  }
  cut_at(high, most, work, ends);
}

}  // namespace reel
