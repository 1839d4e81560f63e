// DealtRows: which rows of a batch are here, where it is shared out.
#pragma once

#include <algorithm>

#include <reel/graph/shape.h>

namespace reel {

// Rows of a batch are dealt to its shards like cards: row r is one of shard r mod `shards`. A run has the rows of `own` shards
// from `first` on, in the batch's order; or, as it is by default, all of them.
struct DealtRows {
  Index shards = 1, first = 0, own = 1;

  Index in_batch(Index row) const { return row / own * shards + first + row % own; }
  // Of the first n rows of a batch, how many are here.
  Index among(Index n) const { return n / shards * own + std::clamp<Index>(n % shards - first, 0, own); }
};

}  // namespace reel
