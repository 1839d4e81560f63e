#include <reel/plan/passes/defer.h>

#include <algorithm>

namespace reel::passes {
namespace {

// The accumulate's terms on the new tape, those of one merging op replaced by a single node at the first one's place.
// They come in the order in which they were recorded: gradients of steps from the last step to the first, as they are computed.
std::vector<Var> merged_terms(Rewriter& rewriter, std::vector<NodeId> terms, const std::vector<std::uint32_t>& uses) {
  std::ranges::sort(terms);
  const Tape& tape = rewriter.from();
  struct Group {
    const Op* op;
    bool reduces;  // the batch: such a sum is the shards' (plan/sharded_sums.h), what reads no batch is not
    CallSite site;
    std::vector<Var> inputs;  // of a merging op; else the term itself
  };
  std::vector<Group> groups;
  for (NodeId term : terms) {
    const Node& node = tape.node(term);
    const bool merges = node.op->traits().merges_in_sums && uses[term] == 1;
    if (!merges) {
      groups.push_back({nullptr, false, node.site, {rewriter.to().var(rewriter.mapped(term))}});
      continue;
    }
    const bool reduces = std::ranges::any_of(tape.inputs(term), [&](NodeId x) { return tape.node(x).shape.batched(); });
    auto group = std::ranges::find_if(groups, [&](const Group& g) { return g.op == node.op && g.reduces == reduces; });
    if (group == groups.end()) group = groups.insert(groups.end(), {node.op, reduces, node.site, {}});
    for (NodeId x : tape.inputs(term)) group->inputs.push_back(rewriter.to().var(rewriter.mapped(x)));
  }
  std::vector<Var> merged;
  for (const Group& g : groups) merged.push_back(g.op ? rewriter.to().append_interned(g.op, g.inputs, g.site) : g.inputs[0]);
  return merged;
}

}  // namespace

Program defer(const Program& program, Element) {
  const Tape& tape = *program.tape;
  const std::vector<std::uint32_t> uses = count_uses(tape, program.roots);
  Rewriter rewriter(program);
  for (NodeId id = 0; id < tape.size(); ++id) {
    const auto terms = tape.inputs(id);
    const bool accumulates = tape.node(id).op->traits().accumulates;
    if (!accumulates || std::ranges::none_of(terms, [&](NodeId t) { return tape.node(t).op->traits().merges_in_sums; })) {
      rewriter.keep(id);
      continue;
    }
    const auto scope = rewriter.to().scope(tape.scope_label(id));
    const std::vector<Var> merged = merged_terms(rewriter, {terms.begin(), terms.end()}, uses);
    rewriter.replace(
        id, merged.size() == 1 ? merged[0] : rewriter.to().append_interned(tape.node(id).op, merged, tape.node(id).site));
  }
  return rewriter.finish();
}

}  // namespace reel::passes
