// The rows of a batch that are here, where it is shared out (DealtRows), for ranks that make or read the same batch. Threads:
// pure functions.
#pragma once

#include <reel/data/sequence_batch.h>
#include <reel/graph/dealt_rows.h>
#include <reel/graph/tensor.h>

namespace reel {

// Of [B, ..], in its order. InputError for a scalar.
template <class T>
Tensor<T> own_rows(const DealtRows& rows, const Tensor<T>& batch);
// Of [T, B, ..]. InputError for fewer dimensions.
template <class T>
Tensor<T> own_rows_of_steps(const DealtRows& rows, const Tensor<T>& sequence);
// Sequences that are ordered by falling length stay so, and each shard has its part of the long ones.
SequenceBatch own_rows(const DealtRows& rows, const SequenceBatch& batch);
VectorBatch own_rows(const DealtRows& rows, const VectorBatch& batch);

}  // namespace reel
