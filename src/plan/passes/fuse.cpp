#include <reel/plan/passes/fuse.h>

#include <algorithm>
#include <map>
#include <numeric>

#include <reel/graph/structural.h>
#include <reel/plan/passes/fused.h>
#include <reel/plan/rewriter.h>

namespace reel::passes {
namespace {

// 16 takes 1.07, .97 and 1.02 of the time of 64
// (bench_rnn lstm_b32, gru_b200, lstm_b1: train_ms, two rounds in turns; EPYC Zen 4).
constexpr std::size_t kMostInstructions = 64;

class Fuse {
 public:
  explicit Fuse(const Program& p)
      : program_(p),
        tape_(*p.tape),
        can_(tape_.size(), 0),
        constant_(parameter_only(tape_)),
        level_(tape_.size(), 0),
        users_(tape_.size()),
        is_root_(tape_.size(), 0) {
    for (NodeId root : p.roots) is_root_[root] = 1;
    for (NodeId id = 0; id < tape_.size(); ++id) {
      const Node& n = tape_.node(id);
      const auto inputs = tape_.inputs(id);
      can_[id] = n.op->tiles(static_cast<int>(inputs.size())).has_value();
      for (NodeId x : inputs) {
        level_[id] = std::max(level_[id], level_after(x));
        users_[x].push_back(id);
      }
    }
    for (NodeId id = tape_.size(); id-- > 0;) sink(id);
  }

  Program run() {
    return rewrite_groups(program_, groups(),
                          [this](Rewriter& rewriter, std::span<const NodeId> members) { rewrite(rewriter, members); });
  }

 private:
  std::uint32_t level_after(NodeId x) const { return level_[x] + (can_[x] || tape_.node(x).op->leaf() ? 0 : 1); }

  // Users come before their inputs here, so their levels are final.
  void sink(NodeId id) {
    if (!can_[id] || constant_[id] || is_root_[id] || users_[id].empty()) return;
    std::uint32_t target = ~0u;
    for (NodeId user : users_[id]) {
      if (!can_[user] || constant_[user]) return;
      target = std::min(target, level_[user]);
    }
    if (target <= level_[id]) return;
    int lengthened = 0;
    const auto inputs = tape_.inputs(id);
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      const bool again = std::find(inputs.begin(), inputs.begin() + static_cast<std::ptrdiff_t>(i), inputs[i]) !=
                         inputs.begin() + static_cast<std::ptrdiff_t>(i);
      if (!again && !constant_[inputs[i]] && !tape_.node(inputs[i]).op->leaf() && !lives_at(inputs[i], target, id)) ++lengthened;
    }
    if (lengthened <= 1) level_[id] = target;
  }

  // Whether x is needed at this level, or later, by others than `but`.
  bool lives_at(NodeId x, std::uint32_t level, NodeId but) const {
    return is_root_[x] || std::ranges::any_of(users_[x], [&](NodeId user) { return user != but && level_[user] >= level; });
  }

  // Nodes of equal level and shape that are connected, directly or through an input that they share.
  std::vector<std::vector<NodeId>> groups() const {
    std::vector<NodeId> parent(tape_.size());
    std::iota(parent.begin(), parent.end(), NodeId{0});
    const auto find = [&](NodeId id) {
      while (parent[id] != id) id = parent[id] = parent[parent[id]];
      return id;
    };
    const auto alike = [&](NodeId a, NodeId b) {
      return can_[a] && can_[b] && level_[a] == level_[b] && constant_[a] == constant_[b] &&
             tape_.node(a).shape == tape_.node(b).shape;
    };
    for (NodeId id = 0; id < tape_.size(); ++id) {
      if (can_[id])
        for (NodeId x : tape_.inputs(id))
          if (alike(x, id)) parent[find(id)] = find(x);
      if (!tape_.node(id).shape.batched()) continue;
      std::map<std::uint32_t, NodeId> first;  // of the users of this node, by level
      for (NodeId user : users_[id]) {
        if (!can_[user]) continue;
        const auto [it, added] = first.try_emplace(level_[user], user);
        if (!added && alike(it->second, user)) parent[find(user)] = find(it->second);
      }
    }
    std::map<NodeId, std::vector<NodeId>> members;
    for (NodeId id = 0; id < tape_.size(); ++id)
      if (can_[id] && !(tape_.node(id).op->leaf())) members[find(id)].push_back(id);
    std::vector<std::vector<NodeId>> result;
    for (auto& [root, nodes] : members) split(nodes, result);
    return result;
  }

  // Cuts what is too much for one node, in tape order.
  void split(const std::vector<NodeId>& nodes, std::vector<std::vector<NodeId>>& result) const {
    std::vector<NodeId> group, places;
    for (NodeId id : nodes) {
      std::vector<NodeId> more = places;
      more.push_back(id);
      for (NodeId x : tape_.inputs(id))
        if (std::ranges::find(more, x) == more.end()) more.push_back(x);
      const bool full = group.size() == kMostInstructions || more.size() > static_cast<std::size_t>(TileProgram::kMostPlaces);
      if (full) {
        add_group(group, result);
        group.clear();
        more.assign(1, id);
        more.insert(more.end(), tape_.inputs(id).begin(), tape_.inputs(id).end());
      }
      group.push_back(id);
      places = std::move(more);
    }
    add_group(group, result);
  }

  void add_group(const std::vector<NodeId>& group, std::vector<std::vector<NodeId>>& result) const {
    if (group.size() < 2) return;
    const Shape& s = tape_.node(group[0]).shape;
    if (s.rank() < (s.batched() ? Shape::kMaxBatchedRank : Shape::kMaxRank)) result.push_back(group);
  }

  void rewrite(Rewriter& rewriter, std::span<const NodeId> members) const {
    std::vector<NodeId> inputs;
    std::map<NodeId, int> instruction_of;
    for (std::size_t s = 0; s < members.size(); ++s) instruction_of[members[s]] = static_cast<int>(s);
    for (NodeId id : members)
      for (NodeId x : tape_.inputs(id))
        if (!instruction_of.contains(x) && std::ranges::find(inputs, x) == inputs.end()) inputs.push_back(x);
    std::vector<Var> x;
    for (NodeId id : inputs) x.push_back(rewriter.to().var(rewriter.mapped(id)));

    std::vector<FusedInstruction> instructions;
    std::vector<int> results;
    for (std::size_t s = 0; s < members.size(); ++s) {
      const NodeId id = members[s];
      FusedInstruction instruction{tape_.node(id).op, {}};
      for (NodeId input : tape_.inputs(id)) {
        const auto inside = instruction_of.find(input);
        instruction.x.push_back(inside != instruction_of.end()
                                    ? static_cast<int>(inputs.size()) + inside->second
                                    : static_cast<int>(std::ranges::find(inputs, input) - inputs.begin()));
      }
      instructions.push_back(std::move(instruction));
      if (is_root_[id] || std::ranges::any_of(users_[id], [&](NodeId user) { return !instruction_of.contains(user); }))
        results.push_back(static_cast<int>(s));
    }
    const auto scope = rewriter.to().scope(tape_.scope_label(members[0]));
    const CallSite site = tape_.node(members[0]).site;
    const Var all = fused(rewriter.to(), x, std::move(instructions), results, site);
    for (NodeId id : members) rewriter.replace(id, all);  // what nobody reads outside is never looked up
    if (results.size() == 1) return;
    for (std::size_t r = 0; r < results.size(); ++r)
      rewriter.replace(members[static_cast<std::size_t>(results[r])], get_output(all, static_cast<Index>(r), site));
  }

  const Program& program_;
  const Tape& tape_;
  std::vector<char> can_, constant_;
  std::vector<std::uint32_t> level_;
  std::vector<std::vector<NodeId>> users_;
  std::vector<char> is_root_;
};

}  // namespace

Program fuse(const Program& program, Element) { return Fuse(program).run(); }

}  // namespace reel::passes
