// Shards: a run over those rows of a batch that some of its shards have (DealtRows, graph/op.h), with the sums of the whole
// batch.
//
// A sum over the batch is made of the shards' sums, added as a balanced binary tree over the shards' numbers. What is here is a
// whole subtree; an Exchange adds those that are elsewhere. So a result depends on the number of shards, and not on where they
// are computed. Counts of rows and B, where nodes read them, are those of the whole batch.
#pragma once

#include <cstddef>
#include <limits>
#include <span>
#include <vector>

#include <reel/graph/op.h>

namespace reel {

// A sum over the shards that are here, in place.
struct PartialSum {
  std::byte* data = nullptr;
  Index elements = 0;
  Element element = Element::f32;
};

struct BatchRows {
  Index rows = 0;
  std::vector<std::int32_t> counts;  // by number
};

// What runs on other ranks at the same time. Every rank calls the same functions in the same order, whatever fails meanwhile.
class Exchange {
 public:
  virtual ~Exchange() = default;
  // Before anything is computed: the rows that are here, to those of the whole batch. `plan`: the same number for the same plan.
  virtual BatchRows begin(std::uint64_t plan, Index rows, std::span<const std::int32_t> counts) = 0;
  // Adds what the others have. The sums are whole everywhere on return.
  virtual void sum(std::span<const PartialSum> sums) = 0;
  // Outputs of which every rank needs a slice alone: the numbers stay where they are until what was begun is finished by whoever
  // made the exchange.
  virtual void begin_sum(std::span<const PartialSum> outputs) = 0;
};

struct Shards {
  DealtRows rows;
  Exchange* exchange = nullptr;  // where not all shards are here
  // Outputs from this one on that are sums over the batch, and that no kernel reads, go to begin_sum(). At least 1.
  std::uint32_t first_sliced = std::numeric_limits<std::uint32_t>::max();
  bool rounds_slices = false;  // every node of their tree is rounded to bf16
};

}  // namespace reel
