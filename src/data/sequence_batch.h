// Batches of sequences of different lengths, with the masks and counts that models/lengths.h takes.
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

}  // namespace reel
