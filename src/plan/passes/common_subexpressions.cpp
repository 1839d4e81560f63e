#include <reel/plan/passes/common_subexpressions.h>

#include <algorithm>
#include <unordered_map>

namespace reel::passes {
namespace {

std::size_t hash_node(const Op* op, std::span<const NodeId> inputs) {
  std::size_t h = std::hash<const Op*>{}(op);
  for (NodeId x : inputs) h = (h ^ x) * 0x9e3779b97f4a7c15u;
  return h;
}

}  // namespace

Program common_subexpressions(const Program& program, Element) {
  const Tape& tape = *program.tape;
  Rewriter rewriter(program);
  std::unordered_multimap<std::size_t, NodeId> known;  // by hash, nodes of the new tape
  known.reserve(tape.size());
  std::vector<NodeId> inputs;
  for (NodeId id = 0; id < tape.size(); ++id) {
    inputs.clear();
    for (NodeId x : tape.inputs(id)) inputs.push_back(rewriter.mapped(x));
    const std::size_t hash = hash_node(tape.node(id).op, inputs);
    const auto [first, last] = known.equal_range(hash);
    const auto same = std::find_if(first, last, [&](const auto& entry) {
      return rewriter.to().node(entry.second).op == tape.node(id).op &&
             std::ranges::equal(rewriter.to().inputs(entry.second), inputs);
    });
    if (same != last) {
      rewriter.replace(id, same->second);
    } else {
      rewriter.keep(id);
      known.emplace(hash, rewriter.mapped(id));
    }
  }
  return rewriter.finish();
}

}  // namespace reel::passes
