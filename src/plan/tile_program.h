// TileProgram: elementwise ops one after the other over tiles that stay in the L1 cache, so that only what others need is ever
// written to memory. One op alone is a program of one step.
//
// Always holds: every element passes through the same operations however the rows are cut into tiles. Threads: immutable.
#pragma once

#include <array>
#include <vector>

#include <reel/graph/op.h>

namespace reel {

class TileProgram {
 public:
  // A step's operands: first the program's inputs, then the results of earlier steps.
  struct Step {
    Tiles tiles;
    std::vector<int> x;  // < inputs: an input; else inputs + index of an earlier step
  };

  // `results`: the steps whose values are written out, in order. REQUIRES: at least one input, step and result; no step twice
  // among the results; at most kMostPlaces inputs, results and registers together.
  TileProgram(int inputs, std::span<const Step> steps, std::span<const int> results);

  // Inputs and results have equal shapes; results are dense.
  template <class T>
  void run(const KernelCall& call) const;

  std::size_t scratch_bytes() const;
  int steps() const { return static_cast<int>(calls_.size()); }

  static constexpr int kMostPlaces = 96;

 private:
  // A place is an input, a result or a register, in this order.
  struct Call {
    Tiles tiles;
    int count = 0;
    std::array<std::uint8_t, kMostTileInputs> x{};
    std::uint8_t y = 0;
  };

  int inputs_, results_, registers_ = 0;
  std::vector<Call> calls_;
};

}  // namespace reel
