// Passes over examples in shuffled order, a batch at a time, that a checkpoint can hold.
#pragma once

#include <span>
#include <vector>

#include "common/keeping.h"
#include "common/program.h"

namespace program {

// What goes on from batch to batch, besides the Trainer: where it is, and what the page shows. REQUIRES: each >= 1.
struct Epochs {
  std::vector<reel::Index> order;  // the rows to learn, as this epoch takes them
  reel::Index each;                // rows of a batch
  reel::RandomStream random;
  reel::Index epoch = 1, batch = 0;  // batches of the epoch that were learnt
  WeightedMean mean = {};            // of their losses
  std::vector<reel::report::Curve> losses = {{.name = "training"}};
  std::vector<reel::report::Curve> shares = {{.name = "test", .best = reel::report::Best::largest}};

  reel::Index batches() const { return reel::ceil_div(static_cast<reel::Index>(order.size()), each); }

  // Learns what is left of this epoch: learn(rows) gives the mean loss of a batch, then() comes after it. False where Ctrl-C ends
  // it before.
  template <class Learn, class Then>
  bool learn_epoch(Learn learn, Then then) {
    if (batch == 0) {
      reel::shuffle(order, random);
      mean = {};
    }
    while (batch < batches() && !interrupted()) {
      const auto first = static_cast<std::size_t>(batch * each);
      const std::size_t count = std::min(static_cast<std::size_t>(each), order.size() - first);
      mean.add(learn(std::span<const reel::Index>(order).subspan(first, count)), static_cast<double>(count));
      ++batch;
      then();
    }
    return batch == batches();
  }

  void begin_next() {
    ++epoch;
    batch = 0;
  }

  // FileError for a checkpoint of other rows.
  void keep(reel::Keeper& keep);
};

}  // namespace program
