// Weights in the layout that products read: the op that packs them, and where an element lies.
#pragma once

#include <vector>

#include <reel/graph/precision.h>
#include <reel/graph/tape.h>
#include <reel/ops/kernels/bf16.h>
#include <reel/ops/kernels/gemm.h>

namespace reel {

inline bool in_pairs(Precision products) { return products != Precision::full; }

// How weights of one element type are packed for the instruction set in use.
struct PackedForm {
  Index lanes, panel_vectors, widest_panel;
  Index multiple = 1;  // of k: zeros follow up to it
  PackedForm(Element element, Precision products) {
    if (in_pairs(products)) {
      const kernels::Bf16Kernels kernels = kernels::bf16_kernels(kernels::bf16_path(products));
      take(kernels);
      multiple = kernels.multiple;
    } else if (element == Element::f32) {
      take(kernels::gemm_kernels<float>());
    } else {
      take(kernels::gemm_kernels<double>());
    }
  }
  auto key() const { return std::tuple(lanes, panel_vectors, multiple); }
  kernels::Panels panels(Index total) const { return {total, panel_vectors, widest_panel}; }
  bool pairs() const { return multiple > 1; }  // of bf16 neighbours along k
  Index kept(Index K) const { return round_up(K, multiple); }

  // Where element (k, n) of a group's weight lies, of which there are `groups`, [K, N] each.
  Index place(Index K, Index N, Index groups, Index group, Index k, Index n) const {
    const Index each = ceil_div(N, lanes), vector = group * each + n / lanes;
    const PanelOf p(panels(each * groups), vector);
    const Index column = (vector - p.first) * lanes + n % lanes, width = p.vectors * lanes;
    const Index begin = p.first * lanes * kept(K);
    return pairs() ? begin + (k / 2 * width + column) * 2 + k % 2 : begin + k * width + column;
  }

 private:
  struct PanelOf {
    Index first, vectors;
    PanelOf(const kernels::Panels& panels, Index vector) : first(panels.first_of(vector)), vectors(panels.vectors_of(first)) {}
  };
  template <class Kernels>
  void take(const Kernels& k) {
    lanes = k.lanes;
    panel_vectors = k.panel_vectors;
    widest_panel = k.widest_panel;
  }
};

// Weights of one term, one per group, side by side in panels; some may be packed as their transposes, which `transposed` tells by
// group. Appends the node.
Var packed_weights(Tape& tape, std::span<const Var> weights, const std::vector<bool>& transposed, Element element,
                   Precision products, CallSite site);

}  // namespace reel
