#include <reel/graph/regroup.h>

namespace reel {
namespace {

constexpr std::uint32_t kNone = 0xffffffffu;

}  // namespace

Program regroup(const Program& program, const std::vector<std::vector<NodeId>>& groups,
                const std::function<void(Rewriter&, std::span<const NodeId>)>& rewrite) {
  const Tape& tape = *program.tape;
  Rewriter rewriter(program);
  std::vector<std::uint32_t> group_of(tape.size(), kNone);
  for (std::size_t g = 0; g < groups.size(); ++g)
    for (NodeId id : groups[g]) group_of[id] = static_cast<std::uint32_t>(g);

  std::vector<NodeId> pending;
  const auto push_missing = [&](NodeId id, std::uint32_t group) {
    for (NodeId x : tape.inputs(id))
      if (!rewriter.has(x) && (group == kNone || group_of[x] != group)) pending.push_back(x);
  };
  for (NodeId target = 0; target < tape.size(); ++target) {
    pending.assign(1, target);
    while (!pending.empty()) {
      const NodeId id = pending.back();
      const std::size_t before = pending.size();
      const std::uint32_t group = group_of[id];
      if (rewriter.has(id)) {
      } else if (group == kNone) {
        push_missing(id, kNone);
      } else {
        for (NodeId member : groups[group]) push_missing(member, group);
      }
      if (pending.size() > before) continue;
      pending.pop_back();
      if (rewriter.has(id)) continue;
      if (group == kNone)
        rewriter.keep(id);
      else
        rewrite(rewriter, groups[group]);
    }
  }
  return rewriter.finish();
}

}  // namespace reel
