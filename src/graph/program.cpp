#include <reel/graph/program.h>

namespace reel {

Rewriter::Rewriter(const Program& from) : Rewriter(*from.tape, from.roots) {}

Rewriter::Rewriter(const Tape& from, std::vector<NodeId> roots)
    : from_(from), roots_(std::move(roots)), to_(std::make_shared<Tape>(from.pool())), map_(from.size(), kNone) {}

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

}  // namespace reel
