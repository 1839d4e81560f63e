#include <reel/export/recurrent_layers.h>

#include <algorithm>
#include <array>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <queue>
#include <tuple>
#include <type_traits>

#include <reel/models/cells/elman.h>
#include <reel/models/cells/gru.h>
#include <reel/models/cells/lstm.h>

namespace reel {
namespace {

// One step of a cell of H units, as the library records it: what a step on a tape must equal, op for op.
struct Pattern {
  std::string_view operation;
  bool reset_after;
  ParameterSet set;
  Tape tape;
  NodeId x, h, c = kNoNode, next_h, next_c = kNoNode;

  template <class Cell>
  Pattern(std::string_view operation, bool reset_after, Index H, std::type_identity<Cell>)
      : operation(operation), reset_after(reset_after) {
    constexpr Index I = 1;  // any: no op of a cell knows it
    const Cell cell(set, "cell", I, H);
    const Var given = tape.input("x", {B, I});
    const auto state = make_state(cell, {tape.input("h", {B, H}), tape.input("c", {B, H})});
    const auto next = cell.step(given, state);
    x = given.id();
    if constexpr (std::same_as<typename Cell::State, MemoryState>) {
      std::tie(h, c, next_h, next_c) = std::tuple(state.h.id(), state.c.id(), next.h.id(), next.c.id());
    } else {
      std::tie(h, next_h) = std::tuple(state.id(), next.id());
    }
  }

 private:
  template <class Cell>
  static auto make_state(const Cell&, std::array<Var, 2> parts) {
    if constexpr (std::same_as<typename Cell::State, MemoryState>)
      return MemoryState{parts[0], parts[1]};
    else
      return parts[0];
  }
};

class Matcher {
 public:
  Matcher(const Pattern& pattern, const Tape& tape) : pattern_(pattern), tape_(tape) {}

  // The step that gives this node as its h.
  std::optional<RecurrentStep> match(NodeId next_h) {
    bound_.assign(pattern_.tape.size(), kNoNode);
    parameters_.assign(static_cast<std::size_t>(pattern_.set.size()), {});
    nodes_.clear();
    if (!unify(pattern_.next_h, next_h)) return std::nullopt;
    const auto at = [&](NodeId id) { return id == kNoNode ? NodeId{0} : bound_[id]; };
    return RecurrentStep{at(pattern_.x), at(pattern_.h), at(pattern_.c), next_h, at(pattern_.next_c), parameters_, nodes_};
  }

 private:
  bool unify(NodeId wanted, NodeId found) {
    if (bound_[wanted] != kNoNode) return bound_[wanted] == found;
    bound_[wanted] = found;
    const Node &p = pattern_.tape.node(wanted), &n = tape_.node(found);
    const LeafInfo* leaf = p.op->leaf();
    if (leaf && leaf->kind == LeafInfo::Kind::input)
      return n.type == Type::real && n.shape.rows() == RowCount(B) && n.shape.rank() == 1 &&
             (wanted == pattern_.x || n.shape == p.shape);
    if (leaf && leaf->kind == LeafInfo::Kind::parameter) {
      const LeafInfo* other = n.op->leaf();
      if (!other || other->kind != LeafInfo::Kind::parameter) return false;
      parameters_[static_cast<std::size_t>(leaf->parameter.index())] = other->parameter;
      return true;
    }
    const auto inputs = pattern_.tape.inputs(wanted), others = tape_.inputs(found);
    if (!p.op->equals(*n.op) || inputs.size() != others.size()) return false;
    for (std::size_t i = 0; i < inputs.size(); ++i)
      if (!unify(inputs[i], others[i])) return false;
    if (!leaf) nodes_.push_back(found);
    return true;
  }

  const Pattern& pattern_;
  const Tape& tape_;
  std::vector<NodeId> bound_;  // by node of the pattern
  std::vector<Parameter> parameters_;
  std::vector<NodeId> nodes_;
};

class Finder {
 public:
  Finder(const Tape& tape, std::span<const NodeId> roots) : tape_(tape), users_(tape.size()), layer_of_(tape.size(), -1) {
    for (NodeId id = 0; id < tape.size(); ++id)
      for (NodeId x : tape.inputs(id)) users_[x].push_back(id);
    for (NodeId root : roots) users_[root].push_back(kNoNode);
  }

  std::vector<RecurrentLayer> run() {
    std::map<NodeId, std::pair<const Pattern*, RecurrentStep>> steps;  // by next_h
    for (NodeId id = 0; id < tape_.size(); ++id)
      if (auto found = step_at(id)) steps.emplace(id, *std::move(found));
    std::map<NodeId, NodeId> after;  // the step that a step's h is given to
    for (const auto& [next_h, step] : steps)
      if (const auto before = steps.find(step.second.h); before != steps.end() && follows(before->second, step))
        after[before->first] = next_h;
    for (const auto& [next_h, step] : steps) {
      const auto before = steps.find(step.second.h);
      if (before != steps.end() && after.contains(before->first) && after[before->first] == next_h) continue;  // not the first
      RecurrentLayer layer{step.first->operation, step.first->reset_after, {}};
      for (auto at = next_h;; at = after[at]) {
        layer.steps.push_back(steps.at(at).second);
        if (!after.contains(at)) break;
      }
      if (layer.steps.size() >= 2) accept(std::move(layer));
    }
    return std::move(layers_);
  }

 private:
  using Step = std::pair<const Pattern*, RecurrentStep>;

  std::optional<Step> step_at(NodeId id) {
    const Node& n = tape_.node(id);
    if (n.type != Type::real || n.shape.rank() != 1 || !n.shape.batched() || n.op->leaf()) return std::nullopt;
    for (const Pattern& pattern : patterns(n.shape.last())) {
      if (!pattern.tape.node(pattern.next_h).op->equals(*n.op)) continue;
      if (auto step = Matcher(pattern, tape_).match(id)) return Step{&pattern, *std::move(step)};
    }
    return std::nullopt;
  }

  const std::deque<Pattern>& patterns(Index H) {
    auto& all = patterns_[H];
    if (!all.empty()) return all;
    all.emplace_back("LSTM", false, H, std::type_identity<Lstm>());
    all.emplace_back("GRU", false, H, std::type_identity<Gru>());
    all.emplace_back("GRU", true, H, std::type_identity<GruResetAfter>());
    all.emplace_back("RNN", false, H, std::type_identity<Elman>());
    return all;
  }

  static bool follows(const Step& a, const Step& b) {
    return a.first == b.first && a.second.parameters == b.second.parameters && a.second.next_c == b.second.c;
  }

  void accept(RecurrentLayer layer) {
    std::vector<int> own = layer_of_;
    const int number = static_cast<int>(layers_.size());
    for (const RecurrentStep& step : layer.steps)
      for (NodeId id : step.nodes) {
        if (own[id] >= 0 && own[id] != number) return;
        own[id] = number;
      }
    for (const RecurrentStep& step : layer.steps)
      for (NodeId id : step.nodes) {
        const bool given = id == step.next_h || (id == step.next_c && &step == &layer.steps.back());
        const bool read = std::ranges::any_of(users_[id], [&](NodeId user) { return user == kNoNode || own[user] != number; });
        if (read && !given) return;
      }
    layers_.push_back(std::move(layer));
    if (order_with(tape_, layers_, own).empty())
      layers_.pop_back();
    else
      layer_of_ = std::move(own);
  }

  const Tape& tape_;
  std::vector<std::vector<NodeId>> users_;         // kNoNode: a root
  std::map<Index, std::deque<Pattern>> patterns_;  // by units
  std::vector<int> layer_of_;
  std::vector<RecurrentLayer> layers_;
};

}  // namespace

std::vector<int> layers_by_node(const Tape& tape, const std::vector<RecurrentLayer>& layers) {
  std::vector<int> layer_of(tape.size(), -1);
  for (std::size_t l = 0; l < layers.size(); ++l)
    for (const RecurrentStep& step : layers[l].steps)
      for (NodeId id : step.nodes) layer_of[id] = static_cast<int>(l);
  return layer_of;
}

std::vector<NodeId> order_with(const Tape& tape, const std::vector<RecurrentLayer>& layers, const std::vector<int>& layer_of) {
  // Items: nodes, and layers, which their first nodes stand for.
  std::vector<NodeId> first(layers.size(), kNoNode);
  for (NodeId id = tape.size(); id-- > 0;)
    if (layer_of[id] >= 0) first[static_cast<std::size_t>(layer_of[id])] = id;
  const auto item = [&](NodeId id) { return layer_of[id] < 0 ? id : first[static_cast<std::size_t>(layer_of[id])]; };
  std::vector<std::vector<NodeId>> users(tape.size());
  std::vector<std::size_t> waits_for(tape.size());
  std::size_t items = 0;
  for (NodeId id = 0; id < tape.size(); ++id) {
    items += item(id) == id;
    for (NodeId x : tape.inputs(id))
      if (item(x) != item(id)) users[item(x)].push_back(item(id)), ++waits_for[item(id)];
  }
  std::priority_queue<NodeId, std::vector<NodeId>, std::greater<>> ready;
  for (NodeId id = 0; id < tape.size(); ++id)
    if (item(id) == id && waits_for[id] == 0) ready.push(id);
  std::vector<NodeId> order;
  while (!ready.empty()) {
    order.push_back(ready.top());
    ready.pop();
    for (NodeId user : users[order.back()])
      if (--waits_for[user] == 0) ready.push(user);
  }
  return order.size() == items ? order : std::vector<NodeId>();
}

std::vector<RecurrentLayer> recurrent_layers(const Tape& tape, std::span<const NodeId> roots) {
  return Finder(tape, roots).run();
}

}  // namespace reel
