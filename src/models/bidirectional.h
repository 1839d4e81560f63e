// Bidirectional networks: one cell reads a sequence forward, another backward (Schuster and Paliwal, 1997).
#pragma once

#include <reel/models/cells/deep.h>
#include <reel/models/lengths.h>

namespace reel {

class Bidirectional {
 public:
  Bidirectional(AnyCell forward, AnyCell backward) : forward_(std::move(forward)), backward_(std::move(backward)) {}

  struct Run {
    Sequence outputs;  // [B, H_forward + H_backward] for each step: what each direction has read up to it
    Var last;          // the same, of each direction's own last step
  };
  // x: [B, I] for each step, at least one. Both begin from zeros. InputError for an empty sequence.
  Run operator()(const Sequence& x, const Lengths& lengths = {}) const;

 private:
  AnyCell forward_, backward_;
};

}  // namespace reel
