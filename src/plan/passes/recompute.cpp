#include <reel/plan/passes/recompute.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include <reel/graph/structural.h>
#include <reel/ops/weight_gradient.h>

namespace reel::passes {
namespace {

// Its first input, read when the others are there.
class Reread final : public OpOf<Reread> {
 public:
  static constexpr std::string_view kName = "reread";
  Signature infer(const Arguments& x) const override { return x[0]; }
  template <class S>
  void evaluate_as(const Evaluation<S>& e) const {
    Copy().evaluate_as<S>(e);
  }
  template <class T>
  void run_as(const KernelCall& c) const {
    Copy().run_as<T>(c);
  }
};

class Recompute {
 public:
  Recompute(const Program& p, Element element, Index every)
      : tape_(*p.tape),
        element_(element),
        rewriter_(p),
        forward_(tape_.size(), 0),
        step_(tape_.size(), 0),
        stretch_(tape_.size(), 0),
        varying_(tape_.size(), 0),
        kept_(tape_.size(), 0),
        wanted_(tape_.size(), 0),
        copies_(tape_.size(), kNoNode),
        in_parts_(tape_.size(), 0),
        after_parts_(tape_.size(), 0) {
    for (NodeId id = 0; id < tape_.size(); ++id) {
      const LeafInfo* leaf = tape_.node(id).op->leaf();
      if (leaf) step_[id] = std::max<Index>(leaf->step, 0);
      varying_[id] = leaf && batched(id);
      for (NodeId x : tape_.inputs(id)) {
        step_[id] = std::max(step_[id], step_[x]);
        varying_[id] |= varying_[x];
      }
    }
    forward_[p.roots[0]] = 1;
    for (NodeId id = tape_.size(); id-- > 0;)
      if (forward_[id])
        for (NodeId x : tape_.inputs(id)) forward_[x] = 1;
    const Index steps = step_[p.roots[0]] + 1;
    sink();
    every_ = every > 0 ? every : static_cast<Index>(std::ceil(std::sqrt(static_cast<double>(steps))));
    last_ = (steps - 1) / every_;
    for (NodeId root : p.roots) kept_[root] = 1;
    place_forward();
    place_others();
  }

  bool pays() const { return last_ > 0; }

  Program run() {
    for (NodeId id : in_stretches(true, false)) rewriter_.keep_with_inputs(id);
    const std::vector<NodeId> backward = in_stretches(false, true);
    auto next = backward.begin();
    for (Index s = last_; s >= 0; --s) {
      if (s < last_) compute_again(s);
      for (; next != backward.end() && stretch_[*next] == s; ++next) copy(*next);
      controls_.clear();
      for (Parts& parts : parts_) add_part(parts, s);
    }
    for (NodeId root : rest_) copy(root);
    return rewriter_.finish();
  }

 private:
  // A weight gradient that is added up in parts.
  struct Parts {
    NodeId node;
    std::vector<Index> stretches;  // of its steps, descending
    std::size_t done = 0;          // steps
    Var state = {};
  };

  bool computed(NodeId id) const { return !tape_.node(id).op->leaf(); }
  bool batched(NodeId id) const { return tape_.node(id).shape.batched(); }

  // What only later steps read is computed there, where the state that it is made of is not larger: so the state is kept, not
  // what the next step makes of it.
  void sink() {
    constexpr Index kNobody = std::numeric_limits<Index>::max();
    std::vector<Index> first_use(tape_.size(), kNobody);
    for (NodeId id = tape_.size(); id-- > 0;) {
      if (!forward_[id]) continue;
      NodeId only = kNoNode;
      bool one = computed(id);
      for (NodeId x : tape_.inputs(id)) {
        one = one && (!varying_[x] || only == kNoNode || only == x);
        if (varying_[x]) only = x;
      }
      if (one && only != kNoNode && first_use[id] != kNobody &&
          tape_.node(id).shape.row_size() >= tape_.node(only).shape.row_size())
        step_[id] = std::max(step_[id], first_use[id]);
      for (NodeId x : tape_.inputs(id)) first_use[x] = std::min(first_use[x], step_[id]);
    }
  }

  // Forward nodes belong to the stretch of their step.
  void place_forward() {
    for (NodeId id = 0; id < tape_.size(); ++id) {
      if (!forward_[id]) continue;
      stretch_[id] = step_[id] / every_;
      const auto inputs = tape_.inputs(id);
      if (!batched(id) || !varying_[id] || stretch_[id] == last_) kept_[id] = 1;
      for (NodeId x : inputs)
        if (stretch_[x] < stretch_[id]) kept_[x] = 1;
    }
  }

  // All others to the first that they read anything of, besides what is kept.
  void place_others() {
    for (NodeId id = 0; id < tape_.size(); ++id) {
      if (forward_[id]) continue;
      const auto inputs = tape_.inputs(id);
      after_parts_[id] = std::ranges::any_of(inputs, [&](NodeId x) { return in_parts_[x] || after_parts_[x]; });
      if (!after_parts_[id] && begin_parts(id)) continue;
      stretch_[id] = stretch_of_reads(inputs);
    }
  }

  Index stretch_of_reads(std::span<const NodeId> inputs) const {
    Index first = last_;
    for (NodeId x : inputs) {
      const bool bound = !computed(x) && tape_.node(x).op->leaf()->step >= 0;
      if (bound || !forward_[x] || !kept_[x]) first = std::min(first, bound ? step_[x] / every_ : stretch_[x]);
    }
    return first;
  }

  // Whether this is a weight gradient whose steps come in the order of the stretches.
  bool begin_parts(NodeId id) {
    const WeightGradientLayout* layout = weight_gradient_layout(tape_, id);
    if (!layout) return false;
    const auto inputs = tape_.inputs(id);
    const auto each = static_cast<std::size_t>(layout->operands());
    Parts parts{id, {}};
    for (std::size_t i = 0; i < inputs.size(); i += each) parts.stretches.push_back(stretch_of_reads(inputs.subspan(i, each)));
    if (parts.stretches.front() == parts.stretches.back() || !std::ranges::is_sorted(parts.stretches, std::greater<>()))
      return false;
    in_parts_[id] = 1;
    parts_.push_back(std::move(parts));
    return true;
  }

  // Nodes in the order of the stretches, those of one in that of the tape.
  std::vector<NodeId> in_stretches(bool forward, bool descending) {
    std::vector<NodeId> list;
    for (NodeId id = 0; id < tape_.size(); ++id) {
      if ((forward_[id] != 0) != forward || in_parts_[id]) continue;
      if (after_parts_[id])
        rest_.push_back(id);
      else
        list.push_back(id);
    }
    std::ranges::stable_sort(
        list, [&](NodeId a, NodeId b) { return descending ? stretch_[a] > stretch_[b] : stretch_[a] < stretch_[b]; });
    return list;
  }

  // What a node that is no forward one reads of x.
  NodeId read(NodeId x) {
    if (copies_[x] != kNoNode) return copies_[x];
    if (!rewriter_.has(x)) rewriter_.keep_with_inputs(x);
    return rewriter_.mapped(x);
  }

  void copy(NodeId id) {
    std::vector<NodeId> inputs;
    for (NodeId x : tape_.inputs(id)) inputs.push_back(read(x));
    rewriter_.replace(id, rewriter_.to().copy(tape_, id, inputs));
  }

  // Copies of the stretch's forward nodes that others than forward ones need.
  void compute_again(Index s) {
    std::vector<NodeId> members;
    for (NodeId id : stretches_of_forward()[static_cast<std::size_t>(s)])
      if (!kept_[id] && computed(id)) members.push_back(id);
    std::vector<NodeId> wanted;
    for (auto id = members.rbegin(); id != members.rend(); ++id)
      if (wanted_[*id]) {
        wanted.push_back(*id);
        for (NodeId x : tape_.inputs(*id)) wanted_[x] = 1;
      }
    std::ranges::reverse(wanted);
    std::map<NodeId, NodeId> rereads;
    std::vector<NodeId> inputs;
    for (NodeId id : wanted) {
      inputs.clear();
      for (NodeId x : tape_.inputs(id)) {
        if (copies_[x] != kNoNode)
          inputs.push_back(copies_[x]);
        else if (!batched(x) || !varying_[x])
          inputs.push_back(rewriter_.mapped(x));
        else
          inputs.push_back(reread(x, rereads));
      }
      copies_[id] = rewriter_.to().copy(tape_, id, inputs);
    }
  }

  NodeId reread(NodeId x, std::map<NodeId, NodeId>& known) {
    const auto [it, added] = known.try_emplace(x, kNoNode);
    if (!added) return it->second;
    std::vector<Var> inputs{rewriter_.to().var(rewriter_.mapped(x))};
    inputs.insert(inputs.end(), controls_.begin(), controls_.end());
    const auto scope = rewriter_.to().scope(tape_.scope_label(x));
    return it->second = rewriter_.to().append(Reread(), inputs, tape_.node(x).site).id();
  }

  const std::vector<std::vector<NodeId>>& stretches_of_forward() {
    if (!by_stretch_.empty()) return by_stretch_;
    by_stretch_.resize(static_cast<std::size_t>(last_) + 1);
    for (NodeId id = 0; id < tape_.size(); ++id) {
      if (forward_[id])
        by_stretch_[static_cast<std::size_t>(stretch_[id])].push_back(id);
      else
        for (NodeId x : tape_.inputs(id)) wanted_[x] = 1;
    }
    return by_stretch_;
  }

  // The part of the steps of a stretch.
  void add_part(Parts& parts, Index s) {
    const WeightGradientLayout whole = *weight_gradient_layout(tape_, parts.node);
    const auto each = static_cast<std::size_t>(whole.operands());
    const auto all = tape_.inputs(parts.node);
    std::vector<Var> inputs;
    std::size_t end = parts.done;
    for (; end < parts.stretches.size() && parts.stretches[end] == s; ++end)
      for (NodeId x : all.subspan(end * each, each)) inputs.push_back(rewriter_.to().var(read(x)));
    if (end == parts.done) return;
    WeightGradientLayout layout = whole;
    layout.continues = parts.done > 0;
    layout.suspends = end < parts.stretches.size();
    if (layout.suspends) layout.state = weight_gradient_state(layout, std::span(inputs).first(each), element_);
    if (layout.continues) inputs.insert(inputs.begin(), parts.state);
    const auto scope = rewriter_.to().scope(tape_.scope_label(parts.node));
    parts.state = grouped_weight_gradient(layout, inputs, tape_.node(parts.node).site);
    parts.done = end;
    if (layout.suspends)
      controls_.push_back(parts.state);
    else
      rewriter_.replace(parts.node, parts.state);
  }

  const Tape& tape_;
  Element element_;
  Rewriter rewriter_;
  std::vector<char> forward_;
  std::vector<Index> step_, stretch_;
  Index every_ = 1, last_ = 0;
  std::vector<char> varying_;   // with what is bound by rows, or with a state that it begins from
  std::vector<char> kept_;      // forward nodes that are not computed again
  std::vector<char> wanted_;    // forward nodes that are read by others, or by such in their stretch
  std::vector<NodeId> copies_;  // of forward nodes, that others read
  std::vector<std::vector<NodeId>> by_stretch_;
  std::vector<Parts> parts_;
  std::vector<char> in_parts_, after_parts_;  // what is added up in parts, and what depends on such sums
  std::vector<NodeId> rest_;                  // of after_parts_
  std::vector<Var> controls_;                 // what a stretch waits for: the parts of the one after it
};

}  // namespace

Pass recompute(Index every) {
  return {"recompute", [every](const Program& program, Element element) {
            Recompute pass(program, element, every);
            return pass.pays() ? pass.run() : program;
          }};
}

}  // namespace reel::passes
