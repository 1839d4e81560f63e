// Hierarchical networks: a lower cell reads each chunk of a text (the words of a sentence), an upper one reads what the lower
// one made of every chunk, in order (El Hihi and Bengio, 1996; Li, Luong and Jurafsky, 2015). With two Lstm cells: the
// hierarchical LSTM.
#pragma once

#include <vector>

#include <reel/models/cells/deep.h>
#include <reel/models/unroll.h>

namespace reel {

class Hierarchical {
 public:
  // upper: its input is the lower cell's output.
  Hierarchical(AnyCell lower, AnyCell upper) : lower_(std::move(lower)), upper_(std::move(upper)) {}

  struct Run {
    Sequence chunks;                    // [B, H_lower]: the lower cell's output after each chunk's last step
    Unrolled<AnyCell::State> sequence;  // of the upper cell over them
  };
  // chunks: sequences of [B, I]. The lower cell begins each from zeros. `lengths`: of every chunk, or none; `count`: which rows
  // have which chunks. InputError for no chunk, an empty chunk, or lengths of another number of chunks.
  Run operator()(const std::vector<Sequence>& chunks, const std::vector<Lengths>& lengths = {}, const Lengths& count = {}) const;
  Var output(const Run& run) const { return upper_.output(run.sequence.last); }  // [B, H_upper]

 private:
  AnyCell lower_, upper_;
};

}  // namespace reel
