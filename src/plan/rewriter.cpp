#include <reel/plan/rewriter.h>

#include <algorithm>

namespace reel {

Rewriter::Rewriter(const Program& from) : Rewriter(*from.tape, from.roots) {}

Rewriter::Rewriter(const Tape& from, std::vector<NodeId> roots)
    : from_(from), roots_(std::move(roots)), to_(std::make_shared<Tape>(from.pool())), map_(from.size(), kNoNode) {}

void Rewriter::keep(NodeId old) {
  inputs_.clear();
  for (NodeId x : from_.inputs(old)) inputs_.push_back(map_[x]);
  map_[old] = to_->copy(from_, old, inputs_);
}

void Rewriter::keep_with_inputs(NodeId old) {
  pending_.assign(1, old);
  while (!pending_.empty()) {
    const NodeId id = pending_.back();
    const std::size_t before = pending_.size();
    if (!has(id))
      for (NodeId x : from_.inputs(id))
        if (!has(x)) pending_.push_back(x);
    if (pending_.size() > before) continue;
    pending_.pop_back();
    if (!has(id)) keep(id);
  }
}

Program Rewriter::finish() const {
  Program p{to_, {}};
  for (NodeId root : roots_) p.roots.push_back(map_[root]);
  return p;
}

std::vector<std::uint32_t> count_uses(const Tape& tape, std::span<const NodeId> roots) {
  std::vector<std::uint32_t> uses(tape.size(), 0);
  for (NodeId id = 0; id < tape.size(); ++id)
    for (NodeId x : tape.inputs(id)) ++uses[x];
  for (NodeId root : roots) ++uses[root];
  return uses;
}

std::vector<char> parameter_only(const Tape& tape) {
  std::vector<char> only(tape.size(), 0);
  for (NodeId id = 0; id < tape.size(); ++id) {
    const Op& op = *tape.node(id).op;
    const LeafInfo* leaf = op.leaf();
    only[id] = leaf ? leaf->kind == LeafInfo::Kind::parameter || leaf->kind == LeafInfo::Kind::constant
                    : !op.traits().varies && std::ranges::all_of(tape.inputs(id), [&](NodeId x) { return only[x] != 0; });
  }
  return only;
}

Program rewrite_groups(const Program& program, const std::vector<std::vector<NodeId>>& groups,
                       const std::function<void(Rewriter&, std::span<const NodeId>)>& rewrite) {
  const Tape& tape = *program.tape;
  Rewriter rewriter(program);
  std::vector<std::uint32_t> group_of(tape.size(), kNoNode);
  for (std::size_t g = 0; g < groups.size(); ++g)
    for (NodeId id : groups[g]) group_of[id] = static_cast<std::uint32_t>(g);

  std::vector<NodeId> pending;
  const auto push_missing = [&](NodeId id, std::uint32_t group) {
    for (NodeId x : tape.inputs(id))
      if (!rewriter.has(x) && (group == kNoNode || group_of[x] != group)) pending.push_back(x);
  };
  for (NodeId target = 0; target < tape.size(); ++target) {
    pending.assign(1, target);
    while (!pending.empty()) {
      const NodeId id = pending.back();
      const std::size_t before = pending.size();
      const std::uint32_t group = group_of[id];
      if (rewriter.has(id)) {
      } else if (group == kNoNode) {
        push_missing(id, kNoNode);
      } else {
        for (NodeId member : groups[group]) push_missing(member, group);
      }
      if (pending.size() > before) continue;
      pending.pop_back();
      if (rewriter.has(id)) continue;
      if (group == kNoNode)
        rewriter.keep(id);
      else
        rewrite(rewriter, groups[group]);
    }
  }
  return rewriter.finish();
}

}  // namespace reel
