// Many-to-one: a class for a whole sequence, by a recurrent network, a convolution over time, or both.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <reel/models/layers.h>
#include <reel/models/lengths.h>
#include <reel/ops/dropout.h>

namespace reel {

// A batch of sequences of vectors, whole or of different lengths.
struct SequenceInput {
  Sequence x;                    // [B, I] for each step, at least one
  Sequence mask;                 // [B] for each step: 1 where the row has it, else 0; or none, where every row has every step
  std::vector<RowCount> counts;  // with mask: the same as counts of rows, which are then ordered by falling length
};

struct SequenceClassifierOptions {
  Index inputs = 0, classes = 0;  // to be given
  Index units = 64;               // of recurrent cells, and filters of each convolution
  Index chunk = 8;                // steps that the lower cell of a hierarchical network reads at a time
  // Of inputs and recurrent connections of cells (one mask per sequence, in the lower cell of a hierarchical network per chunk),
  // and of what the last layer sees.
  double dropout = 0;
};

// x -> logits [B, classes]. Kinds: "elman", "gru", "lstm" (the state after the last step), "bidirectional" (two LSTMs),
// "hierarchical" (an LSTM over chunks under an LSTM), "cnn" (TextCnn of widths 2, 3 and 4), "cnn-lstm" (an LSTM over a
// convolution of width 3).
class SequenceClassifier {
 public:
  // InputError, listing the known kinds, for another one, and for sizes below 1.
  SequenceClassifier(std::string_view kind, ParameterSet& set, const std::string& name, const SequenceClassifierOptions& options);
  // InputError for an empty sequence, and for masks and counts that are not of its steps.
  Var operator()(const SequenceInput& input, Mode mode) const;
  static std::vector<std::string> kinds();

  struct Body;  // what makes features of a sequence

 private:
  std::shared_ptr<const Body> body_;
  double dropout_;
  Linear head_;
};

}  // namespace reel
