#include <reel/ops/passes/hoist_products.h>

#include <algorithm>

#include <reel/ops/passes/product_levels.h>
#include <reel/ops/products.h>

namespace reel::passes {
namespace {

// Steps gathered into one node: enough rows for the GEMM's tiles where the batch is small, few enough that the results of a
// larger batch are still in the cache when the recurrence reads them.
constexpr std::size_t kMostSteps = 8;

// Gathers groups of products nodes of equal layouts and weights, and orders the tape anew.
class Gather {
 public:
  Gather(const Program& p, std::vector<std::vector<NodeId>> groups)
      : tape_(*p.tape), rewriter_(p), groups_(std::move(groups)), group_of_(tape_.size(), kNone) {
    for (std::size_t g = 0; g < groups_.size(); ++g)
      for (NodeId id : groups_[g]) group_of_[id] = static_cast<std::uint32_t>(g);
    // Pieces of a member are renumbered when the member is.
    for (NodeId id = 0; id < tape_.size(); ++id) {
      const auto inputs = tape_.inputs(id);
      if (inputs.size() == 1 && group_of_[inputs[0]] != kNone && tape_.node(inputs[0]).op->in_pieces())
        pieces_.emplace(inputs[0], id);
    }
  }

  Program run() {
    for (NodeId id = 0; id < tape_.size(); ++id) emit(id);
    return rewriter_.finish();
  }

 private:
  static constexpr std::uint32_t kNone = 0xffffffffu;

  // The nodes that must come before this one.
  void push_missing(NodeId id, std::vector<NodeId>& pending) const {
    const auto push = [&](NodeId node) {
      for (NodeId x : tape_.inputs(node))
        if (!rewriter_.has(x)) pending.push_back(x);
    };
    if (group_of_[id] == kNone) return push(id);
    for (NodeId member : groups_[group_of_[id]]) push(member);
  }

  void emit(NodeId target) {
    pending_.assign(1, target);
    while (!pending_.empty()) {
      const NodeId id = pending_.back();
      const std::size_t before = pending_.size();
      if (!rewriter_.has(id)) push_missing(id, pending_);
      if (pending_.size() > before) continue;
      pending_.pop_back();
      if (rewriter_.has(id)) continue;
      if (group_of_[id] == kNone)
        rewriter_.keep(id);
      else
        gather(groups_[group_of_[id]]);
    }
  }

  void gather(const std::vector<NodeId>& members) {
    const ProductsLayout one = *products_layout(tape_, members[0]);
    const auto P = static_cast<std::size_t>(one.terms), G = static_cast<std::size_t>(one.groups);
    const auto mapped = [&](NodeId id) { return rewriter_.to().var(rewriter_.mapped(id)); };
    std::vector<Var> x, weights, init;
    for (NodeId member : members) {
      const auto inputs = tape_.inputs(member);
      for (NodeId id : inputs.first(P)) x.push_back(mapped(id));
      for (NodeId id : inputs.subspan(P + P * G)) init.push_back(mapped(id));
    }
    for (NodeId id : tape_.inputs(members[0]).subspan(P, P * G)) weights.push_back(mapped(id));
    const auto scope = rewriter_.to().scope(tape_.scope_label(members[0]));
    const CallSite site = tape_.node(members[0]).site;
    const Var all = products({static_cast<Index>(members.size()), one.terms, one.groups, one.init}, x, weights, init, site);
    for (std::size_t s = 0; s < members.size(); ++s) {
      if (G == 1) {
        rewriter_.replace(members[s], piece(all, static_cast<Index>(s), site));
        continue;
      }
      rewriter_.replace(members[s], all);
      const auto [first, last] = pieces_.equal_range(members[s]);
      for (auto it = first; it != last; ++it) {
        const Node& n = tape_.node(it->second);
        const Index g = n.op->view(tape_.node(members[s]).shape, n.shape)->piece;
        rewriter_.replace(it->second, piece(all, static_cast<Index>(s * G) + g, site));
      }
    }
  }

  const Tape& tape_;
  Rewriter rewriter_;
  std::vector<std::vector<NodeId>> groups_;
  std::vector<std::uint32_t> group_of_;
  std::multimap<NodeId, NodeId> pieces_;
  std::vector<NodeId> pending_;
};

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
  for (auto groups = next_groups(*current.tape); !groups.empty(); groups = next_groups(*current.tape))
    current = Gather(current, std::move(groups)).run();
  return current;
}

}  // namespace reel::passes
