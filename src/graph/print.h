// A tape as text or as a Graphviz DOT picture: op, shape and, after an interpretation, values and gradients. Small values
// are given in full, larger ones by their first elements.
#pragma once

#include <span>
#include <string>
#include <utility>

#include <reel/graph/interpreter.h>
#include <reel/graph/tape.h>

namespace reel {

struct PrintOptions {
  // Values of the nodes, from a run of this tape; may be nullptr. Nodes recorded since then are printed without.
  const Interpreter<double>* values = nullptr;
  // (node, its gradient's node): the gradient is shown on the node itself. Needs values.
  std::span<const std::pair<Var, Var>> gradients = {};
  // Nodes from here on are left out (e.g. the adjoint nodes, to draw the network alone). 0: none.
  NodeId end = 0;
  Index most_elements = 8;
  int significant_digits = 6;
  bool downwards = false;  // DOT: data flows from top to bottom instead of from left to right
};

// One line per node: %3 = matmul %1 %2 : [B, 4] = 0.5 1.25 ...   # scope
std::string text(const Tape& tape, const PrintOptions& options = {});

// Nodes in clusters by scope, edges in the direction of data.
std::string dot(const Tape& tape, const PrintOptions& options = {});

}  // namespace reel
