// From lifetimes to offsets: values that do not live at the same time share memory.
//
// Offsets and sizes are in any one unit (bytes, bytes per row) and multiples of 64. Threads: pure function.
#pragma once

#include <span>

#include <reel/graph/shape.h>

namespace reel {

struct Lifetime {
  Index size = 0;
  Index born = 0;    // first moment of use
  Index dies = 0;    // last moment of use, included
  Index offset = 0;  // result
};

// Places every lifetime and returns the total size; ShapeError when it does not fit an Index. Best fit among freed gaps; n log n
// in the number of lifetimes.
Index place(std::span<Lifetime> lifetimes);

}  // namespace reel
