// How the columns of a matrix product are cut into panels, which its register tiles walk.
#pragma once

#include <algorithm>

#include <reel/graph/shape.h>

namespace reel::kernels {

// How the vectors of all groups are cut into panels of so many; a last one that would be alone stays with the panel before it,
// where the last panel may be that wide.
struct Panels {
  Index total, most;
  bool last_wider;

  Panels(Index total, Index most, Index widest)
      : total(total), most(most), last_wider(widest > most && total > most && total % most == 1) {}
  // The first vector of the panel that holds vector v.
  Index first_of(Index v) const {
    const Index first = v / most * most;
    return last_wider && first == total - 1 ? first - most : first;
  }
  Index vectors_of(Index first) const {
    return last_wider && total - first == most + 1 ? most + 1 : std::min(most, total - first);
  }
};

}  // namespace reel::kernels
