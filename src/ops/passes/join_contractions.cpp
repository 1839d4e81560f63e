#include <reel/ops/passes/join_contractions.h>

#include <algorithm>
#include <map>

#include <reel/graph/regroup.h>
#include <reel/graph/structural.h>
#include <reel/ops/broadcast.h>
#include <reel/ops/contraction.h>
#include <reel/ops/joining.h>
#include <reel/ops/reshape.h>

namespace reel::passes {
namespace {

class JoinContractions {
 public:
  explicit JoinContractions(const Program& p) : program_(p), tape_(*p.tape) {}

  Program run() {
    find_groups();
    std::vector<std::vector<NodeId>> groups;
    for (std::vector<NodeId>& group : groups_)
      if (group.size() > 1) groups.push_back(std::move(group));
    if (groups.empty()) return program_;
    return regroup(program_, groups,
                   [this](Rewriter& rewriter, std::span<const NodeId> members) { join(rewriter, members); });
  }

 private:
  // x [.., M] of every step, or y [.., N].
  std::vector<NodeId> operands(NodeId id, std::size_t which) const {
    std::vector<NodeId> list;
    for (std::size_t i = which; i < tape_.inputs(id).size(); i += 2) list.push_back(tape_.inputs(id)[i]);
    return list;
  }

  bool is_plain(NodeId id) const {
    const ContractionLayout* layout = contraction_layout(tape_, id);
    return layout && layout->groups == 1 && !layout->sums;
  }
  // Of rows [B, N] that a contraction may sum along with its products.
  bool is_sum(NodeId id) const { return is_batch_sum(tape_, id) && tape_.node(id).shape.rank() == 1; }

  void find_groups() {
    std::vector<std::uint32_t> level(tape_.size(), 0);
    std::map<std::vector<NodeId>, std::size_t> by_left;               // with width and level
    std::map<std::vector<NodeId>, std::vector<std::size_t>> by_right;  // with level
    std::vector<NodeId> sums;
    for (NodeId id = 0; id < tape_.size(); ++id) {
      for (NodeId x : tape_.inputs(id)) level[id] = std::max(level[id], level[x] + (is_plain(x) || is_sum(x) ? 1 : 0));
      if (is_sum(id)) sums.push_back(id);
      if (!is_plain(id)) continue;
      std::vector<NodeId> key = operands(id, 0);
      key.push_back(static_cast<NodeId>(tape_.node(id).shape.last()));
      key.push_back(level[id]);
      const auto [it, added] = by_left.try_emplace(std::move(key), groups_.size());
      if (!added && groups_[it->second].size() == static_cast<std::size_t>(kMostContractionGroups)) it->second = groups_.size();
      if (it->second == groups_.size()) groups_.emplace_back();
      groups_[it->second].push_back(id);
      std::vector<NodeId> right = operands(id, 1);
      right.push_back(level[id]);
      by_right[std::move(right)].push_back(it->second);
    }
    for (NodeId id : sums) {
      std::vector<NodeId> key(tape_.inputs(id).begin(), tape_.inputs(id).end());
      key.push_back(level[id]);
      if (const auto it = by_right.find(key); it != by_right.end()) groups_[it->second.front()].push_back(id);
    }
  }

  void join(Rewriter& rewriter, std::span<const NodeId> members) const {
    std::vector<NodeId> products, sums;
    for (NodeId id : members) (is_plain(id) ? products : sums).push_back(id);
    const ContractionLayout layout{static_cast<Index>(products.size()), !sums.empty()};
    std::vector<Var> inputs;
    const auto mapped = [&](NodeId id) { return rewriter.to().var(rewriter.mapped(id)); };
    for (std::size_t i = 0; i < tape_.inputs(products[0]).size(); i += 2) {
      inputs.push_back(mapped(tape_.inputs(products[0])[i]));
      for (NodeId id : products) inputs.push_back(mapped(tape_.inputs(id)[i + 1]));
    }
    const auto scope = rewriter.to().scope(tape_.scope_label(products[0]));
    const CallSite site = tape_.node(products[0]).site;
    const Var all = contraction(layout, inputs, site);
    const Index M = tape_.node(products[0]).shape.dim(0);
    for (std::size_t g = 0; g < products.size(); ++g) {
      const Var result = layout.groups == 1 ? all : piece(all, static_cast<Index>(g), site);
      rewriter.replace(products[g], layout.sums ? slice(result, 0, 0, M) : result);
      for (NodeId sum : sums)
        if (std::ranges::equal(tape_.inputs(sum), operands(products[g], 1)))
          rewriter.replace(sum, reshape(slice(result, 0, M, M + 1), tape_.node(sum).shape));
    }
  }

  const Program& program_;
  const Tape& tape_;
  std::vector<std::vector<NodeId>> groups_;
};

}  // namespace

Program join_contractions(const Program& program, Element) { return JoinContractions(program).run(); }

}  // namespace reel::passes
