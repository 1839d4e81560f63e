// Reverse-mode differentiation: walks the tape backwards and appends adjoint nodes made of the same ops.
//
// Gradients are ordinary nodes, so gradients of gradients need nothing more. Fan-in becomes one accumulate node, its terms
// in the order in which the uses were recorded. stop_gradient cuts.
#pragma once

#include <span>
#include <vector>

#include <reel/graph/tape.h>

namespace reel {

// d loss / d w for each w of `wrt`, each of w's shape; zeros where loss does not depend on w.
// loss: [] real, otherwise ShapeError. Ids have no gradient: asking for one is an InputError.
std::vector<Var> gradients(Var loss, std::span<const Var> wrt);
Var gradient(Var loss, Var wrt);
std::vector<Var> gradients(Var loss, std::span<const Parameter> wrt);

// sum_i <seeds_i, d outputs_i / d w>: the vector-Jacobian product. Each seed has its output's shape, otherwise ShapeError.
std::vector<Var> gradients(std::span<const Var> outputs, std::span<const Var> seeds, std::span<const Var> wrt);

}  // namespace reel
