// Fused: a node that computes several elementwise ops of equal shapes in one visit. Appended by the pass fuse.
#pragma once

#include <reel/graph/tape.h>
#include <reel/plan/tile_program.h>

namespace reel {

struct FusedStep {
  const Op* op;        // elementwise, of the tape's pool
  std::vector<int> x;  // < inputs: an input; else inputs + index of an earlier step
};

// Appends the node over inputs of equal shapes [..]; of several results it is [.., results, ..] in pieces.
// REQUIRES: what TileProgram requires.
Var fused(Tape& tape, std::span<const Var> inputs, std::vector<FusedStep> steps, std::vector<int> results, CallSite site);

}  // namespace reel
