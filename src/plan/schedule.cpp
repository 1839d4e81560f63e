#include <reel/plan/schedule.h>

#include <algorithm>
#include <map>

namespace reel {
namespace {

// Nodes read by elementwise ops only, directly or through views: those may be read as splats.
std::vector<char> elementwise_only(const Program& p) {
  const Tape& tape = *p.tape;
  std::vector<char> only(tape.size(), 1);
  for (NodeId root : p.roots) only[root] = 0;
  for (NodeId id = tape.size(); id-- > 0;) {
    const Node& n = tape.node(id);
    const auto inputs = tape.inputs(id);
    const bool passes_on = inputs.size() == 1 && n.op->view(tape.node(inputs[0]).shape, n.shape) && only[id];
    if (n.op->elementwise(static_cast<int>(inputs.size())) || passes_on) continue;
    for (NodeId x : inputs) only[x] = 0;
  }
  return only;
}

Reading through_view(const Reading& x, const ViewRule& rule) {
  Reading y = x;
  if (!x.splat) y.offset += rule.offset;  // every element of a splat is the same
  y.repeats_row |= rule.repeats_row;
  y.splat |= rule.splat;
  if (rule.output >= 0) y.output = rule.output;
  return y;
}

std::vector<Reading> make_readings(const Program& p) {
  const Tape& tape = *p.tape;
  const std::vector<char> splat_allowed = elementwise_only(p);
  std::vector<Reading> readings(tape.size());
  for (NodeId id = 0; id < tape.size(); ++id) {
    readings[id].base = id;
    const Node& n = tape.node(id);
    const auto inputs = tape.inputs(id);
    if (inputs.size() != 1) continue;
    const auto rule = n.op->view(tape.node(inputs[0]).shape, n.shape);
    if (!rule || (rule->splat && !splat_allowed[id])) continue;
    readings[id] = through_view(readings[inputs[0]], *rule);
  }
  return readings;
}

struct Place {
  std::uint32_t level = 0;
  std::uint32_t wave = 0;  // depth within its level, for nodes without B
  bool cached = false;     // from parameters and constants alone
};

// Which level and wave each node falls into, computed or not.
std::vector<Place> make_places(const Program& p, const std::vector<Reading>& readings) {
  const Tape& tape = *p.tape;
  std::vector<Place> places(tape.size());
  for (NodeId id = 0; id < tape.size(); ++id) {
    const Node& n = tape.node(id);
    Place& here = places[id];
    const LeafInfo* leaf = n.op->leaf();
    here.cached = !n.shape.batched() && !n.op->traits().varies &&
                  (!leaf || leaf->kind == LeafInfo::Kind::parameter || leaf->kind == LeafInfo::Kind::constant);
    for (NodeId x : tape.inputs(id)) {
      // What is bound is there from the begin: sums over it wait for no row phase.
      const bool reduces = tape.node(x).shape.batched() && !n.shape.batched() && !tape.node(readings[x].base).op->leaf();
      here.level = std::max(here.level, places[x].level + (reduces ? 1 : 0));
      here.cached &= places[x].cached;
    }
    if (n.shape.batched()) continue;
    for (NodeId x : tape.inputs(id)) {
      const bool same_phase = !tape.node(x).shape.batched() && places[x].level == here.level && places[x].cached == here.cached;
      if (same_phase)
        here.wave = std::max(here.wave, places[x].wave + (tape.node(x).op->leaf() || readings[x].base != x ? 0 : 1));
    }
  }
  return places;
}

}  // namespace

std::string_view phase_text(PhaseKind kind) {
  constexpr std::string_view kTexts[] = {"once per update", "all rows at once", "row blocks"};
  return kTexts[static_cast<int>(kind)];
}

PhaseSchedule make_schedule(const Program& p) {
  const Tape& tape = *p.tape;
  PhaseSchedule s{make_readings(p), {}, std::vector<std::uint32_t>(tape.size(), 0)};
  const std::vector<Place> places = make_places(p, s.readings);

  // Order of phases: parameters alone; then level by level, first what has no B, then rows.
  std::map<std::pair<std::uint32_t, PhaseKind>, std::vector<NodeId>> members;
  for (NodeId id = 0; id < tape.size(); ++id) {
    if (tape.node(id).op->leaf() || s.readings[id].base != id) continue;
    const PhaseKind kind = tape.node(id).shape.batched() ? PhaseKind::rows
                           : places[id].cached           ? PhaseKind::cached
                                                         : PhaseKind::unbatched;
    members[{kind == PhaseKind::cached ? 0 : places[id].level, kind}].push_back(id);
  }
  for (auto& [key, nodes] : members) {
    Phase phase{key.second, std::move(nodes), {}};
    if (phase.kind != PhaseKind::rows) {
      std::ranges::stable_sort(phase.nodes, {}, [&](NodeId id) { return places[id].wave; });
      for (std::size_t i = 0; i < phase.nodes.size(); ++i)
        if (i + 1 == phase.nodes.size() || places[phase.nodes[i]].wave != places[phase.nodes[i + 1]].wave)
          phase.wave_ends.push_back(static_cast<std::uint32_t>(i + 1));
    }
    for (NodeId id : phase.nodes) s.phase_of[id] = static_cast<std::uint32_t>(s.phases.size());
    s.phases.push_back(std::move(phase));
  }
  return s;
}

}  // namespace reel
