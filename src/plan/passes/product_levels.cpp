#include <reel/plan/passes/product_levels.h>

#include <algorithm>

#include <reel/ops/grouped_matmul.h>

namespace reel::passes {

ProductsByWeights products_by_weights(const Tape& tape) {
  ProductsByWeights result;
  for (NodeId id = 0; id < tape.size(); ++id) {
    const GroupedMatmulLayout* layout = grouped_matmul_layout(tape, id);
    if (!layout || layout->steps != 1) continue;
    const auto inputs = tape.inputs(id);
    const Shape& x = tape.node(inputs[0]).shape;
    if (!x.batched() || x.rank() != 1) continue;
    const auto weights =
        inputs.subspan(static_cast<std::size_t>(layout->terms), static_cast<std::size_t>(layout->terms * layout->groups));
    std::vector<NodeId> key(weights.begin(), weights.end());
    key.push_back(static_cast<NodeId>(layout->terms));
    key.push_back(layout->init);
    key.push_back(x.rows().code());
    result[key].push_back(id);
  }
  return result;
}

std::vector<std::vector<NodeId>> equal_levels(const Tape& tape, const std::vector<NodeId>& members) {
  std::vector<std::vector<NodeId>> levels;
  if (members.size() < 2) return members.empty() ? levels : std::vector<std::vector<NodeId>>{members};
  // Only nodes between the first and the last member can lie on a path between members.
  const NodeId begin = members.front(), end = members.back() + 1;
  std::vector<std::uint32_t> level(end - begin, 0);
  std::size_t next = 0;
  for (NodeId id = begin; id < end; ++id) {
    std::uint32_t here = 0;
    for (NodeId x : tape.inputs(id))
      if (x >= begin) here = std::max(here, level[x - begin]);
    if (next < members.size() && members[next] == id) {
      if (levels.size() <= here) levels.resize(here + 1);
      levels[here].push_back(id);
      ++here;
      ++next;
    }
    level[id - begin] = here;
  }
  return levels;
}

}  // namespace reel::passes
