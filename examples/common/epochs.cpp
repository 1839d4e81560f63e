#include "common/epochs.h"

namespace program {

void Epochs::keep(reel::Keeper& keep) {
  std::vector<reel::Index> kept = order;
  keep("order", kept);
  std::vector<reel::Index> there = kept, here = order;
  std::ranges::sort(there);
  std::ranges::sort(here);
  if (there != here)
    throw reel::FileError(fmt::format("the checkpoint is of a run over other examples: {}, not {}", kept.size(), order.size()));
  order = std::move(kept);
  keep("random", random);
  keep.same("rows of a batch", each);
  keep("epoch", epoch);
  keep("batch", batch);
  if (epoch < 1 || batch < 0 || batch > batches())
    throw reel::FileError(fmt::format("the checkpoint is at batch {} of epoch {}", batch, epoch));
  keep("mean", mean);
  KeptPoints loss{losses}, share{shares};
  keep("losses", loss);
  keep("shares", share);
}

}  // namespace program
