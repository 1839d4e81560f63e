// Layout: where every value that a program computes lies in a workspace.
//
// A value is the result of a node, or one output of it. Values that do not live at the same time share memory: block scratch and
// what has no B freely; stored values, which all blocks of rows write and read, only with values of the same size per row, so
// that each row of the one lies on the same row of the other. Threads: pure function.
#pragma once

#include <algorithm>
#include <vector>

#include <reel/plan/schedule.h>

namespace reel {

// Memory that an operand may lie in.
enum class Source : std::uint8_t {
  scratch,    // of one block of rows: only that row phase reads it
  stored,     // all rows
  unbatched,  // without B, from this run
  cached,     // without B, from parameters alone: kept until they change
  input,
  carried,
  parameter,
  constant,
};

struct ValuePlace {
  Source source = Source::unbatched;
  Index offset = 0;  // bytes: per row for values with B, else from the begin
};

struct Layout {
  std::vector<std::uint32_t> first_value;  // by node: its value, or that of its first output; not for leaves and views
  std::vector<ValuePlace> places;          // by value
  // Sizes: per row of a block, per row of the batch, and whole.
  Index scratch_per_row = 0, stored_per_row = 0, unbatched_bytes = 0, cached_bytes = 0;

  // The value that is read.
  std::uint32_t value_of(const Reading& r) const {
    return first_value[r.base] + static_cast<std::uint32_t>(std::max<Index>(r.output, 0));
  }
};

// REQUIRES: every root is a computed node or a view of one (materialise_roots).
Layout make_layout(const Program& program, const PhaseSchedule& schedule, Element element);

// Results of a node: 1, or its outputs.
inline Index outputs_of(const Node& n) { return n.op->traits().multi_output ? n.shape.dim(0) : 1; }

inline Index element_bytes(const Node& n, Element element) {
  return static_cast<Index>(element_bytes(n.type == Type::id ? Element::i32 : n.op->stored_as(element)));
}

}  // namespace reel
