#include <reel/plan/passes/join_products.h>

#include <algorithm>

#include <reel/graph/structural.h>
#include <reel/ops/grouped_matmul.h>
#include <reel/plan/passes/product_levels.h>
#include <reel/plan/rewriter.h>

namespace reel::passes {
namespace {

class JoinProducts {
 public:
  explicit JoinProducts(const Program& p)
      : tape_(*p.tape), rewriter_(p), free_(parameter_only(tape_)), group_of_(tape_.size(), kNoNode) {
    find_groups();
    for (const std::vector<NodeId>& group : groups_) ready_.push_back(is_ready(group));
  }

  bool any() const { return std::ranges::find(ready_, true) != ready_.end(); }

  Program run() {
    for (NodeId id = 0; id < tape_.size(); ++id) {
      if (rewriter_.has(id)) continue;
      if (group_of_[id] == kNoNode || !ready_[group_of_[id]])
        rewriter_.keep(id);
      else
        join(groups_[group_of_[id]]);
    }
    return rewriter_.finish();
  }

 private:
  static constexpr int kMostMoved = 16;  // nodes looked at to tell whether a product may be computed earlier

  std::span<const NodeId> left(NodeId id) const {
    return tape_.inputs(id).first(static_cast<std::size_t>(grouped_matmul_layout(tape_, id)->terms));
  }
  std::span<const NodeId> besides(NodeId id) const { return tape_.inputs(id).subspan(left(id).size()); }

  void find_groups() {
    std::map<std::vector<NodeId>, std::uint32_t> open;  // by left operands, width and kind: the group that may grow
    for (NodeId id = 0; id < tape_.size(); ++id) {
      const GroupedMatmulLayout* layout = grouped_matmul_layout(tape_, id);
      const Shape& s = tape_.node(id).shape;
      if (!layout || layout->results() != 1 || !s.batched() || s.rank() != 1) continue;
      std::vector<NodeId> key(left(id).begin(), left(id).end());
      key.push_back(static_cast<NodeId>(s.last()));
      key.push_back(layout->init);
      const auto [it, added] = open.try_emplace(std::move(key), static_cast<std::uint32_t>(groups_.size()));
      if (!added && may_follow(id, groups_[it->second])) {
        groups_[it->second].push_back(id);
      } else {
        it->second = static_cast<std::uint32_t>(groups_.size());
        groups_.push_back({id});
      }
      group_of_[id] = it->second;
    }
  }

  bool may_follow(NodeId id, const std::vector<NodeId>& group) const {
    int budget = kMostMoved;
    return static_cast<Index>(group.size()) < kMostGroups &&
           std::ranges::all_of(besides(id), [&](NodeId x) { return may_precede(x, group.front(), budget); });
  }

  // Whether x is there before node `front`, or can be without a product that comes after it.
  bool may_precede(NodeId x, NodeId front, int& budget) const {
    if (x < front || free_[x]) return true;
    if (grouped_matmul_layout(tape_, x) || budget-- == 0) return false;
    return std::ranges::all_of(tape_.inputs(x), [&](NodeId y) { return may_precede(y, front, budget); });
  }

  // A group waits while the products that its members begin from join: those that begin from outputs of one node may be more.
  bool is_ready(const std::vector<NodeId>& group) const {
    const auto waits_for = [&](NodeId x) { return group_of_[x] != kNoNode && groups_[group_of_[x]].size() > 1; };
    return group.size() > 1 &&
           std::ranges::none_of(group, [&](NodeId id) { return std::ranges::any_of(besides(id), waits_for); });
  }

  void join(const std::vector<NodeId>& members) {
    const GroupedMatmulLayout layout = *grouped_matmul_layout(tape_, members[0]);
    std::vector<Var> x, weights, init;
    const auto mapped = [&](NodeId id) {
      rewriter_.keep_with_inputs(id);
      return rewriter_.to().var(rewriter_.mapped(id));
    };
    const auto P = static_cast<std::size_t>(layout.terms);
    for (std::size_t p = 0; p < P; ++p) {
      x.push_back(mapped(tape_.inputs(members[0])[p]));
      for (NodeId member : members) weights.push_back(mapped(tape_.inputs(member)[P + p]));
    }
    if (layout.init)
      for (NodeId member : members) init.push_back(mapped(tape_.inputs(member)[2 * P]));
    const auto scope = rewriter_.to().scope(tape_.scope_label(members[0]));
    const CallSite site = tape_.node(members[0]).site;
    const Var all = grouped_matmul({1, layout.terms, static_cast<Index>(members.size()), layout.init}, x, weights, init, site);
    for (std::size_t g = 0; g < members.size(); ++g) rewriter_.replace(members[g], get_output(all, static_cast<Index>(g), site));
  }

  const Tape& tape_;
  Rewriter rewriter_;
  std::vector<char> free_;
  std::vector<std::vector<NodeId>> groups_;
  std::vector<std::uint32_t> group_of_;
  std::vector<bool> ready_;  // by group: has several members, and joins now
};

}  // namespace

Program join_products(const Program& program, Element) {
  Program current = program;
  // Products that begin from joined ones have the same begin only once those are one node.
  for (;;) {
    JoinProducts join(current);
    if (!join.any()) return current;
    current = join.run();
  }
}

}  // namespace reel::passes
