#include <reel/plan/passes/join_weight_gradients.h>

#include <algorithm>
#include <map>

#include <reel/graph/structural.h>
#include <reel/ops/batch_sum.h>
#include <reel/ops/broadcast.h>
#include <reel/ops/joining.h>
#include <reel/ops/reshape.h>
#include <reel/ops/weight_gradient.h>
#include <reel/plan/rewriter.h>

namespace reel::passes {
namespace {

// The nodes that a pass may put together: weight gradients, and sums over the batch of rows [B, N].
bool is_sum(const Tape& tape, NodeId id) { return is_batch_sum(tape, id) && tape.node(id).shape.rank() == 1; }
bool joins(const Tape& tape, NodeId id) { return weight_gradient_layout(tape, id) || is_sum(tape, id); }

// By node: the largest number of those on a path to it.
std::vector<NodeId> levels(const Tape& tape) {
  std::vector<NodeId> level(tape.size(), 0);
  for (NodeId id = 0; id < tape.size(); ++id)
    for (NodeId x : tape.inputs(id)) level[id] = std::max(level[id], level[x] + (joins(tape, x) ? 1 : 0));
  return level;
}

// Operands [first, first + count) of every step.
std::vector<NodeId> operands(const Tape& tape, NodeId id, Index first, Index count) {
  std::vector<NodeId> list;
  const auto inputs = tape.inputs(id);
  const auto each = static_cast<std::size_t>(weight_gradient_layout(tape, id)->operands());
  for (std::size_t i = static_cast<std::size_t>(first); i < inputs.size(); i += each)
    list.insert(list.end(), inputs.begin() + static_cast<std::ptrdiff_t>(i),
                inputs.begin() + static_cast<std::ptrdiff_t>(i) + count);
  return list;
}

using Groups = std::map<std::vector<NodeId>, std::vector<NodeId>>;

std::vector<std::vector<NodeId>> of_several(Groups groups) {
  std::vector<std::vector<NodeId>> result;
  for (auto& [key, members] : groups)
    if (members.size() > 1) result.push_back(std::move(members));
  return result;
}

// Contractions by one right operand, and its sum, become one with several left operands.
Program join_lefts(const Program& program) {
  const Tape& tape = *program.tape;
  const std::vector<NodeId> level = levels(tape);
  Groups groups;  // by right operands and level
  const auto key_of = [&](std::vector<NodeId> right, NodeId id) {
    right.push_back(level[id]);
    return right;
  };
  for (NodeId id = 0; id < tape.size(); ++id) {
    const WeightGradientLayout* layout = weight_gradient_layout(tape, id);
    if (!layout || layout->groups != 1 || layout->sums) continue;
    std::vector<NodeId>& members = groups[key_of(operands(tape, id, layout->lefts, 1), id)];
    Index lefts = layout->lefts;
    for (NodeId member : members) lefts += weight_gradient_layout(tape, member)->lefts;
    if (lefts < kMostWeightGradientOperands) members.push_back(id);
  }
  for (NodeId id = 0; id < tape.size(); ++id) {
    if (!is_sum(tape, id)) continue;
    const auto of_right = groups.find(key_of({tape.inputs(id).begin(), tape.inputs(id).end()}, id));
    if (of_right != groups.end()) of_right->second.push_back(id);
  }
  return rewrite_groups(program, of_several(std::move(groups)), [&](Rewriter& rewriter, std::span<const NodeId> members) {
    std::vector<NodeId> products;
    for (NodeId id : members)
      if (!is_sum(tape, id)) products.push_back(id);
    // In the order of their left operands, so that gates with the same ones look alike.
    std::ranges::stable_sort(products, {}, [&](NodeId id) { return tape.inputs(id)[0]; });
    const bool sums = products.size() < members.size();
    std::vector<Var> inputs;
    const auto lefts_of = [&](NodeId id) { return static_cast<std::size_t>(weight_gradient_layout(tape, id)->lefts); };
    const auto steps = tape.inputs(products[0]).size() / (lefts_of(products[0]) + 1);
    Index lefts = 0;
    for (NodeId id : products) lefts += weight_gradient_layout(tape, id)->lefts;
    for (std::size_t s = 0; s < steps; ++s) {
      const auto push = [&](NodeId x) { inputs.push_back(rewriter.to().var(rewriter.mapped(x))); };
      for (NodeId id : products)
        for (NodeId x : tape.inputs(id).subspan(s * (lefts_of(id) + 1), lefts_of(id))) push(x);
      push(tape.inputs(products[0])[s * (lefts_of(products[0]) + 1) + lefts_of(products[0])]);
    }
    const auto scope = rewriter.to().scope(tape.scope_label(products[0]));
    const Var all = grouped_weight_gradient({lefts, 1, sums}, inputs, tape.node(products[0]).site);
    Index row = 0;
    for (NodeId id : products) {
      const Index M = tape.node(id).shape.dim(0);
      rewriter.replace(id, slice(all, 0, row, row + M));
      row += M;
    }
    for (NodeId id : members)
      if (is_sum(tape, id)) rewriter.replace(id, reshape(slice(all, 0, row, row + 1), tape.node(id).shape));
  });
}

// Contractions of the same left operands by several right ones become one with several groups.
Program join_groups(const Program& program) {
  const Tape& tape = *program.tape;
  const std::vector<NodeId> level = levels(tape);
  Groups groups;  // by left operands, layout, width and level
  for (NodeId id = 0; id < tape.size(); ++id) {
    const WeightGradientLayout* layout = weight_gradient_layout(tape, id);
    if (!layout || layout->groups != 1) continue;
    std::vector<NodeId> key = operands(tape, id, 0, layout->lefts);
    key.insert(key.end(), {static_cast<NodeId>(layout->lefts), static_cast<NodeId>(layout->sums),
                           static_cast<NodeId>(tape.node(id).shape.last()), level[id]});
    std::vector<NodeId>& members = groups[std::move(key)];
    if (static_cast<Index>(members.size()) + layout->lefts < kMostWeightGradientOperands) members.push_back(id);
  }
  return rewrite_groups(program, of_several(std::move(groups)), [&](Rewriter& rewriter, std::span<const NodeId> members) {
    const WeightGradientLayout one = *weight_gradient_layout(tape, members[0]);
    const auto L = static_cast<std::size_t>(one.lefts);
    std::vector<Var> inputs;
    const auto push = [&](NodeId id) { inputs.push_back(rewriter.to().var(rewriter.mapped(id))); };
    for (std::size_t i = 0; i < tape.inputs(members[0]).size(); i += L + 1) {
      for (NodeId x : tape.inputs(members[0]).subspan(i, L)) push(x);
      for (NodeId id : members) push(tape.inputs(id)[i + L]);
    }
    const auto scope = rewriter.to().scope(tape.scope_label(members[0]));
    const CallSite site = tape.node(members[0]).site;
    const Var all = grouped_weight_gradient({one.lefts, static_cast<Index>(members.size()), one.sums}, inputs, site);
    for (std::size_t g = 0; g < members.size(); ++g) rewriter.replace(members[g], get_output(all, static_cast<Index>(g), site));
  });
}

}  // namespace

Program join_weight_gradients(const Program& program, Element) { return join_groups(join_lefts(program)); }

}  // namespace reel::passes
