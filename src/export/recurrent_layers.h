// Where a tape holds a library Elman, GRU or LSTM over several steps, which ONNX has operators for. Internal to src/export.
#pragma once

#include <string_view>
#include <vector>

#include <reel/graph/tape.h>

namespace reel {

struct RecurrentStep {
  NodeId x = 0, h = 0, c = 0;         // what it is given; c: of an LSTM
  NodeId next_h = 0, next_c = 0;      // what it gives
  std::vector<Parameter> parameters;  // in the order in which the cell declares them
  std::vector<NodeId> nodes;          // that it consists of, with its results
};

struct RecurrentLayer {
  std::string_view operation;        // "LSTM", "GRU" or "RNN"
  bool reset_after = false;          // of a GRU: linear_before_reset
  std::vector<RecurrentStep> steps;  // two or more, in the order of their dependence
};

// The layers whose results, but for the last memory, are all that others read of them. No node is in two of them, and each can be
// computed as one: none depends on itself through others.
std::vector<RecurrentLayer> recurrent_layers(const Tape& tape, std::span<const NodeId> roots);

// An order in which the nodes of a tape and whole layers can be computed. By node, the layer that it is in, or -1. A layer stands
// where its first node in the order does; the others of its nodes are left out. Empty where there is none.
std::vector<NodeId> order_with(const Tape& tape, const std::vector<RecurrentLayer>& layers, const std::vector<int>& layer_of);
std::vector<int> layers_by_node(const Tape& tape, const std::vector<RecurrentLayer>& layers);

}  // namespace reel
