#include <reel/plan/passes/hoist_products.h>

#include <algorithm>
#include <map>

#include <reel/graph/structural.h>
#include <reel/ops/grouped_matmul.h>
#include <reel/plan/passes/product_levels.h>
#include <reel/plan/rewriter.h>

namespace reel::passes {
namespace {

// Steps gathered into one node: enough rows for the GEMM's tiles where the batch is small, few enough that the results of a
// larger batch are still in the cache when the recurrence reads them.
// 4 takes 1.00, 1.01 and 1.18 of the time of 8, 16 1.02, 1.03 and 1.00
// (bench_rnn lstm_b32, gru_b200, lstm_b1: train_ms, two rounds in turns; EPYC Zen 4).
constexpr std::size_t kMostSteps = 8;

// Products nodes of equal layouts and weights as one; `outputs` are the nodes that read those with several results.
void gather(Rewriter& rewriter, std::span<const NodeId> members, const std::multimap<NodeId, NodeId>& outputs) {
  const Tape& tape = rewriter.from();
  const GroupedMatmulLayout one = *grouped_matmul_layout(tape, members[0]);
  const auto P = static_cast<std::size_t>(one.terms), G = static_cast<std::size_t>(one.groups);
  const auto mapped = [&](NodeId id) { return rewriter.to().var(rewriter.mapped(id)); };
  std::vector<Var> x, weights, init;
  for (NodeId member : members) {
    const auto inputs = tape.inputs(member);
    for (NodeId id : inputs.first(P)) x.push_back(mapped(id));
    for (NodeId id : inputs.subspan(P + P * G)) init.push_back(mapped(id));
  }
  for (NodeId id : tape.inputs(members[0]).subspan(P, P * G)) weights.push_back(mapped(id));
  const auto scope = rewriter.to().scope(tape.scope_label(members[0]));
  const CallSite site = tape.node(members[0]).site;
  const Var all = grouped_matmul({static_cast<Index>(members.size()), one.terms, one.groups, one.init}, x, weights, init, site);
  for (std::size_t s = 0; s < members.size(); ++s) {
    if (G == 1) {
      rewriter.replace(members[s], get_output(all, static_cast<Index>(s), site));
      continue;
    }
    rewriter.replace(members[s], all);
    const auto [first, last] = outputs.equal_range(members[s]);  // renumbered
    for (auto it = first; it != last; ++it) {
      const Node& n = tape.node(it->second);
      const Index g = n.op->view(tape.node(members[s]).shape, n.shape)->output;
      rewriter.replace(it->second, get_output(all, static_cast<Index>(s * G) + g, site));
    }
  }
}

// The groups of the first weights, in an order that does not change, that have any to gather.
std::vector<std::vector<NodeId>> next_groups(const Tape& tape) {
  for (const auto& [weights, members] : products_by_weights(tape)) {
    std::vector<std::vector<NodeId>> groups;
    for (const std::vector<NodeId>& level : equal_levels(tape, members))
      for (std::size_t first = 0; first + 1 < level.size(); first += kMostSteps)
        groups.emplace_back(level.begin() + static_cast<std::ptrdiff_t>(first),
                            level.begin() + static_cast<std::ptrdiff_t>(std::min(first + kMostSteps, level.size())));
    if (!groups.empty()) return groups;
  }
  return {};
}

}  // namespace

Program hoist_products(const Program& program, Element) {
  Program current = program;
  for (auto groups = next_groups(*current.tape); !groups.empty(); groups = next_groups(*current.tape)) {
    const Tape& tape = *current.tape;
    std::multimap<NodeId, NodeId> outputs;
    for (NodeId id = 0; id < tape.size(); ++id) {
      const auto inputs = tape.inputs(id);
      if (inputs.size() == 1 && tape.node(inputs[0]).op->traits().multi_output) outputs.emplace(inputs[0], id);
    }
    current = rewrite_groups(current, groups,
                             [&](Rewriter& rewriter, std::span<const NodeId> members) { gather(rewriter, members, outputs); });
  }
  return current;
}

}  // namespace reel::passes
