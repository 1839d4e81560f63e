// Batches of sequences of different lengths, with the masks and counts that models/lengths.h takes, and windows of long series.
#pragma once

#include <span>
#include <vector>

#include <reel/graph/tensor.h>

namespace reel {

struct SequenceBatch {
  Tensor<std::int32_t> ids;     // [T, B], padded
  Tensor<float> mask;           // [T, B]: 1 where there is a word, else 0
  Tensor<std::int32_t> counts;  // [T]: how many of the rows, which are ordered by falling length, have a step t
  std::vector<Index> order;     // row r is sequence order[r]; equal lengths keep their order
};

// `steps`: T, or 0 for the longest sequence's. InputError when a sequence is longer.
SequenceBatch sequence_batch(std::span<const std::vector<std::int32_t>> sequences, Index steps = 0, std::int32_t padding = 0);

// The same sequences in the order of another batch, for its decoder: ids and mask; counts of an order that does not fall are
// empty: [0]. InputError for an order that does not name every sequence once.
SequenceBatch sequence_batch_in_order(std::span<const std::vector<std::int32_t>> sequences, std::span<const Index> order,
                                      Index steps = 0, std::int32_t padding = 0);

// The same of sequences of vectors or of anything else that has a shape.
struct VectorBatch {
  Tensor<float> x;     // [T, B, ...], zeros where a sequence has ended
  Tensor<float> mask;  // [T, B]
  Tensor<std::int32_t> counts;
  std::vector<Index> order;
  std::vector<Index> lengths;  // of each row
};

// sequences: [T_i, ...], of one shape but for T_i. InputError where they are not, for none, and for one longer than `steps`.
VectorBatch vector_batch(std::span<const Tensor<float>> sequences, Index steps = 0);

// What a model made of a batch, step by step: y [T, B, ...] as [T_i, ...] for each sequence, in the order in which the sequences
// were given. InputError for another number of steps or rows.
std::vector<Tensor<float>> sequences_of(const VectorBatch& batch, TensorView<const float> y);
// What it made of each whole sequence: y [B, ...] with the rows in that order.
Tensor<float> rows_in_order(const VectorBatch& batch, TensorView<const float> y);

// Stretches of a long series, for learning what comes next: window i begins at i * stride.
struct SeriesWindows {
  Tensor<float> x;  // [T, N, ...]: series[begin + t]
  Tensor<float> y;  // the same `ahead` steps later
};
// series: [L, ...]. InputError unless one window and what comes `ahead` of it fit, and for sizes below 1.
SeriesWindows series_windows(const Tensor<float>& series, Index length, Index stride = 1, Index ahead = 1);

}  // namespace reel
