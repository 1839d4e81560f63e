// TileProgram: elementwise ops one after the other over tiles that stay in the cache (at most kMostPlaces of two kilobytes), so
// that only what others need is ever written to memory. One op alone is a program of one instruction.
//
// Always holds: every element passes through the same operations however the rows are cut into tiles. Threads: immutable.
#pragma once

#include <array>
#include <vector>

#include <reel/graph/op.h>

namespace reel {

class TileProgram {
 public:
  // An instruction's operands: first the program's inputs, then the results of earlier instructions.
  struct Instruction {
    Tiles tiles;
    std::vector<int> x;  // < inputs: an input; else inputs + index of an earlier instruction
  };

  // `results`: the instructions whose values are written out, in order. REQUIRES: at least one input, instruction and result; no
  // instruction twice among the results; at most kMostPlaces inputs, results and registers together.
  TileProgram(int inputs, std::span<const Instruction> instructions, std::span<const int> results);

  // Inputs and results have equal shapes; results are dense.
  template <class T>
  void run(const KernelCall& call) const;

  // The same for calls of one row whose operands stay where they are but for their data; without KernelCall::scratch.
  template <class T>
  std::unique_ptr<BoundCall> bind(const KernelCall& call) const;
  std::size_t scratch_bytes() const;
  int instructions() const { return static_cast<int>(calls_.size()); }

  static constexpr int kMostPlaces = 96;

 private:
  template <class T>
  class Bound;

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
