// Fused: a node that computes several elementwise ops of equal shapes in one visit. Appended by the pass fuse.
#pragma once

#include <reel/graph/tape.h>
#include <reel/plan/tile_program.h>

namespace reel {

struct FusedInstruction {
  const Op* op;        // elementwise, of the tape's pool
  std::vector<int> x;  // < inputs: an input; else inputs + index of an earlier instruction
};

// Appends the node over inputs of equal shapes [..]; of several results it is [.., results, ..] in outputs.
// REQUIRES: what TileProgram requires.
Var fused(Tape& tape, std::span<const Var> inputs, std::vector<FusedInstruction> instructions, std::vector<int> results,
          CallSite site);

}  // namespace reel
