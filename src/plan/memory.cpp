#include <reel/plan/memory.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <queue>
#include <set>
#include <vector>

namespace reel {
namespace {

// Free gaps of a growing address range, by place and by size.
class Gaps {
 public:
  Index take(Index size) {
    const auto fit = by_size_.lower_bound({size, 0});
    if (fit == by_size_.end()) return extend(size);
    const auto [length, offset] = *fit;
    erase(offset, length);
    if (length > size) insert(offset + size, length - size);
    return offset;
  }

  void give(Index offset, Index size) {
    const auto next = by_offset_.lower_bound(offset);
    if (next != by_offset_.end() && next->first == offset + size) {
      size += next->second;
      erase(next->first, next->second);
    }
    const auto after = by_offset_.lower_bound(offset);
    if (after != by_offset_.begin()) {
      const auto [before, length] = *std::prev(after);
      if (before + length == offset) {
        erase(before, length);
        offset = before;
        size += length;
      }
    }
    insert(offset, size);
  }

  Index end() const { return end_; }

 private:
  // Grows the range, using a gap that touches its end.
  Index extend(Index size) {
    Index offset = end_;
    if (!by_offset_.empty()) {
      const auto [last, length] = *by_offset_.rbegin();
      if (last + length == end_) {
        erase(last, length);
        offset = last;
      }
    }
    end_ = checked_sum(offset, size);
    return offset;
  }
  void insert(Index offset, Index size) {
    by_offset_.emplace(offset, size);
    by_size_.emplace(size, offset);
  }
  void erase(Index offset, Index size) {
    by_offset_.erase(offset);
    by_size_.erase({size, offset});
  }

  std::map<Index, Index> by_offset_;
  std::set<std::pair<Index, Index>> by_size_;
  Index end_ = 0;
};

}  // namespace

Index place(std::span<Lifetime> lifetimes) {
  std::vector<std::size_t> order(lifetimes.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, {}, [&](std::size_t i) { return lifetimes[i].born; });
  using Death = std::pair<Index, std::size_t>;
  std::priority_queue<Death, std::vector<Death>, std::greater<>> alive;
  Gaps gaps;
  for (std::size_t i : order) {
    Lifetime& value = lifetimes[i];
    while (!alive.empty() && alive.top().first < value.born) {
      const Lifetime& dead = lifetimes[alive.top().second];
      gaps.give(dead.offset, dead.size);
      alive.pop();
    }
    if (value.size == 0) continue;
    value.offset = gaps.take(value.size);
    alive.emplace(value.dies, i);
  }
  return gaps.end();
}

}  // namespace reel
