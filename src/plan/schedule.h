// When and where the nodes of a program are computed.
//
// Phases follow the graph: what depends on parameters alone is computed once per update; then, in alternation, work without
// B in waves of independent nodes, and row phases in which a block of rows passes through all nodes in tape order. A node
// without B that depends on batched ones is a reduction and sees all rows.
#pragma once

#include <string_view>
#include <vector>

#include <reel/plan/rewriter.h>

namespace reel {

// How a node's value is read: the node whose memory holds it, and where.
struct Reading {
  NodeId base = 0;
  Index offset = 0;          // elements into a row
  Index output = -1;         // of a base that is laid out in outputs; -1: the whole
  bool repeats_row = false;  // the base has no B although the node has: every row reads the same
  bool splat = false;        // the element at `offset` fills the row
};

enum class PhaseKind : std::uint8_t { cached, unbatched, rows };
std::string_view phase_text(PhaseKind kind);

struct Phase {
  PhaseKind kind;
  std::vector<NodeId> nodes;             // in tape order; those of one wave are adjacent
  std::vector<std::uint32_t> wave_ends;  // cached and unbatched: one past the last node of each wave
};

struct PhaseSchedule {
  std::vector<Reading> readings;  // per node
  std::vector<Phase> phases;
  std::vector<std::uint32_t> phase_of;  // per computed node: index into phases
};

PhaseSchedule make_schedule(const Program& program);

}  // namespace reel
