// Program: a tape on its way through the passes to a plan. Rewriter: how a pass builds the next one, and what passes share.
//
// Always holds: the tape is legal (graph/verify.h); roots are the nodes whose values a run must deliver, in the caller's
// order. A pass keeps the value of every root. Programs are immutable once built.
#pragma once

#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include <reel/graph/tape.h>

namespace reel {

struct Program {
  std::shared_ptr<Tape> tape;
  std::vector<NodeId> roots;
};

// Builds a program node by node from another: nodes are copied unless the pass says what stands for them.
class Rewriter {
 public:
  explicit Rewriter(const Program& from);
  Rewriter(const Tape& from, std::vector<NodeId> roots);

  const Tape& from() const { return from_; }
  Tape& to() { return *to_; }

  NodeId mapped(NodeId old) const { return map_[old]; }
  bool has(NodeId old) const { return map_[old] != kNoNode; }
  void keep(NodeId old);              // copies the node over its mapped inputs
  void keep_with_inputs(NodeId old);  // the same, after whatever of its inputs has not been mapped yet
  void replace(NodeId old, NodeId with) { map_[old] = with; }
  void replace(NodeId old, Var with) { map_[old] = with.id(); }
  Program finish() const;  // with the roots mapped

 private:
  const Tape& from_;
  std::vector<NodeId> roots_;
  std::shared_ptr<Tape> to_;
  std::vector<NodeId> map_;
  std::vector<NodeId> inputs_;
  std::vector<NodeId> pending_;
};

// How often each node is used, as an input or a root.
std::vector<std::uint32_t> count_uses(const Tape& tape, std::span<const NodeId> roots);

// By node: whether it depends on parameters and constants alone, neither on an input nor on the run. Such nodes may be computed
// at any time, and once per update.
std::vector<char> parameter_only(const Tape& tape);

// Emits every node of the program in a legal order. When all that the members of a group need has been emitted, `rewrite` is
// called with them and must replace each; other nodes are kept, unless `rewrite` has replaced them already.
// REQUIRES: no member depends on another member of its group through nodes outside it, and groups do not depend on one another
// in a cycle.
Program rewrite_groups(const Program& program, const std::vector<std::vector<NodeId>>& groups,
                       const std::function<void(Rewriter&, std::span<const NodeId>)>& rewrite);

// A rewriting of programs for plans of one element type.
struct Pass {
  std::string_view name;
  std::function<Program(const Program&, Element)> run;
};

}  // namespace reel
