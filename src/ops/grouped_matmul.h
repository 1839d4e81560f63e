// Sums of products by weights, for several steps and several results at once: the form into which passes bring the products
// of recurrent cells, forward and backward. Plans only; users write matmul().
//
//   y_sg = init_sg + sum over terms p of x_sp W_pg      for steps s and groups g
//
// x_sp: [B, K_p], W_pg: [K_p, N], init_sg and y_sg: [B, N].
#pragma once

#include <span>
#include <vector>

#include <reel/graph/precision.h>
#include <reel/graph/tape.h>

namespace reel {

struct GroupedMatmulLayout {
  Index steps = 1;
  Index terms = 1;
  Index groups = 1;
  bool init = false;
  Precision products = Precision::full;
  auto key() const { return std::tuple(steps, terms, groups, init, static_cast<int>(products)); }
  Index results() const { return steps * groups; }
};

inline constexpr Index kMostGroups = 16;  // results of one step that one node may have

// x: steps x terms, weights: terms x groups, init: steps x groups or none. Appends the node, [B, results, N] in pieces, of which
// piece s * groups + g is y_sg; for one result [.., N], where one term without init may be of any rank and without B.
Var grouped_matmul(const GroupedMatmulLayout& layout, std::span<const Var> x, std::span<const Var> weights,
                   std::span<const Var> init, CallSite site);

// The same over the inputs of such a node: x, weights and init, one after the other.
Var grouped_matmul(const GroupedMatmulLayout& layout, std::span<const Var> inputs, CallSite site);

// The layout of a node that products() appended; nullptr for others.
const GroupedMatmulLayout* grouped_matmul_layout(const Tape& tape, NodeId id);

}  // namespace reel
