// Prints what docs/design.md quotes: a tape, what the passes make of it, its plan, and where the plan's values lie. tests/docs.sh
// compares. With the argument "dot": the plan as a graph in the DOT language, of which docs/small_plan.svg is drawn.
#include <cstring>
#include <string>

#include <hwy/highway.h>

#include <reel/graph/gradients.h>
#include <reel/graph/print.h>
#include <reel/models/cells/elman.h>
#include <reel/models/unroll.h>
#include <reel/ops/elementary.h>
#include <reel/ops/reduction.h>
#include <reel/plan/compile.h>
#include <reel/plan/kernel_plan.h>
#include <reel/plan/passes/dead_code.h>

using namespace reel;

namespace {

constexpr Index T = 3, I = 2, H = 4;

void print_passes(const Tape& tape, std::span<const Var> outputs) {
  std::vector<NodeId> roots;
  for (const Var& v : outputs) roots.push_back(v.id());
  Program program = passes::live_part(tape, roots);
  fmt::print("{:<24} {:>3} nodes\n", "recorded", tape.size());
  for (const Pass& pass : default_passes()) {
    program = pass.run(program, Element::f32);
    fmt::print("{:<24} {:>3} nodes\n", pass.name, program.tape->size());
  }
}

// Without the lines of the library that recorded a node.
std::string without_places(const std::string& all) {
  std::string kept;
  for (std::size_t at = 0; at < all.size();) {
    const std::size_t end = all.find('\n', at);
    const std::string line = all.substr(at, end - at);
    kept += line.substr(0, line.find("   # ")) + "\n";
    at = end + 1;
  }
  return kept;
}

// Where each kernel's result lies: bytes from the begin of its memory, per row where it has rows.
void print_memory(const Program& program) {
  const Tape& tape = *program.tape;
  const PhaseSchedule schedule = make_schedule(program);
  const Layout layout = make_layout(program, schedule, Element::f32);
  const char* names[] = {"scratch", "stored", "unbatched", "cached"};
  for (NodeId id = 0; id < tape.size(); ++id) {
    const Node& n = tape.node(id);
    if (n.op->leaf() || schedule.readings[id].base != id) continue;
    for (Index k = 0; k < outputs_of(n); ++k) {
      const ValuePlace& place = layout.places[layout.first_value[id] + static_cast<std::uint32_t>(k)];
      const std::string value = outputs_of(n) > 1 ? fmt::format("%{}.{}", id, k) : fmt::format("%{}", id);
      fmt::print("{:<6} {:<16} {:<10} {:>4}\n", value, n.op->name(), names[static_cast<int>(place.source)], place.offset);
    }
  }
  fmt::print("per row {} stored, {} of scratch; {} unbatched, {} cached\n", layout.stored_per_row, layout.scratch_per_row,
             layout.unbatched_bytes, layout.cached_bytes);
}

void print_dot(const Program& program) {
  const Tape& tape = *program.tape;
  const PhaseSchedule schedule = make_schedule(program);
  fmt::print(
      "digraph plan {{\n  rankdir=LR; ranksep=.3; nodesep=.15;\n  node [fontname=\"Helvetica\" fontsize=11 shape=box "
      "style=\"rounded,filled\" fillcolor=white];\n  edge [arrowsize=.6 color=\"#5b636d\"];\n");
  for (std::size_t p = 0; p < schedule.phases.size(); ++p) {
    fmt::print(
        "  subgraph cluster_{} {{ label=\"phase {}: {}\" fontname=\"Helvetica\" fontsize=11 color=\"#9aa2ac\" style=rounded\n", p,
        p, phase_text(schedule.phases[p].kind));
    for (NodeId id : schedule.phases[p].nodes)
      fmt::print("    n{} [label=\"%{} {}\\n{}\"];\n", id, id, tape.node(id).op->name(), tape.node(id).shape.text());
    fmt::print("  }}\n");
  }
  for (NodeId id = 0; id < tape.size(); ++id) {
    const Node& n = tape.node(id);
    if (n.op->leaf() && !tape.name(id).empty()) fmt::print("  n{} [label=\"{}\" fillcolor=\"#e8f0fe\"];\n", id, tape.name(id));
    if (n.op->leaf() || schedule.readings[id].base != id) continue;
    for (NodeId x : tape.inputs(id))
      if (const NodeId from = schedule.readings[x].base; !tape.node(from).op->leaf() || !tape.name(from).empty())
        fmt::print("  n{} -> n{};\n", from, id);
  }
  fmt::print("}}\n");
}

}  // namespace

int main(int count, char** arguments) {
  // Vectors of four floats, as every x86-64 has: packed weights are as large as vectors make them.
  hwy::SetSupportedTargetsForTest(HWY_SSE4);
  hwy::GetChosenTarget().Update(hwy::SupportedTargets());
  ParameterSet set;
  const Elman cell(set, "cell", I, H);
  Tape tape;
  const Sequence x = tape.input("x", T, {B, I});
  const Var last = unroll(cell, x, zero_state(tape, cell)).last;
  const Var loss = sum(square(last));
  const NodeId forward = tape.size();
  std::vector<Var> outputs = gradients(loss, set.all());
  outputs.insert(outputs.begin(), loss);
  const Plan<float> plan = compile<float>(tape, outputs);
  if (count > 1 && std::strcmp(arguments[1], "dot") == 0) {
    print_dot(plan.program());
    return 0;
  }
  fmt::print("## recorded\n{}", without_places(text(tape)));
  fmt::print("## forward\n{}\n", forward);
  fmt::print("## passes\n");
  print_passes(tape, outputs);
  fmt::print("## program\n{}", without_places(text(*plan.program().tape)));
  fmt::print("## plan\n{}", without_places(plan.text(32)));
  fmt::print("## memory\n");
  print_memory(plan.program());
}
