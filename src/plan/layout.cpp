#include <reel/plan/layout.h>

#include <algorithm>
#include <limits>
#include <map>
#include <numeric>

#include <reel/plan/memory.h>

namespace reel {
namespace {

constexpr Index kForever = std::numeric_limits<Index>::max();
// Ticks; what lives shorter stays in block scratch, where the cache has it. 4 and 64 train within 1.5% of 16 (bench_rnn, prefixes
// lstm_b32, gru_b200, lstm_b1, elman_b200; EPYC Zen 4, medians of three
// rounds in turns, beside another build).
constexpr Index kLongLived = 16;

struct Value {
  NodeId node;
  Index bytes;                // per row, exactly
  Lifetime life;              // in ticks; kernels of row phases and waves of the others, over all phases in order
  bool leaves_phase = false;  // read by another phase, or a root
};

class LayoutMaker {
 public:
  LayoutMaker(const Program& p, const PhaseSchedule& s, Element element)
      : tape_(*p.tape), schedule_(s), element_(element), ticks_(tape_.size(), 0) {
    layout_.first_value.assign(tape_.size(), 0);
    set_ticks();
    add_values();
    for (NodeId id = 0; id < tape_.size(); ++id)
      if (computed(id))
        for (NodeId x : tape_.inputs(id)) note_use(x, id);
    find_homes();
    for (NodeId root : p.roots) {
      Value& value = values_[value_of(root)];
      value.leaves_phase = true;
      value.life.dies = kForever;
    }
  }

  Layout run() {
    layout_.places.resize(values_.size());
    for (std::uint32_t v = 0; v < values_.size(); ++v) layout_.places[v].source = source_of(values_[v]);
    layout_.stored_per_row = place_stored();
    layout_.scratch_per_row = place_all(Source::scratch);
    layout_.unbatched_bytes = place_all(Source::unbatched);
    layout_.cached_bytes = place_all(Source::cached);
    return std::move(layout_);
  }

 private:
  bool computed(NodeId id) const { return !tape_.node(id).op->leaf() && schedule_.readings[id].base == id; }

  void set_ticks() {
    Index tick = 0;
    for (const Phase& phase : schedule_.phases) {
      std::size_t wave = 0;
      for (std::size_t i = 0; i < phase.nodes.size(); ++i) {
        ticks_[phase.nodes[i]] = tick;
        const bool ends_wave = phase.kind == PhaseKind::rows || i + 1 == phase.wave_ends[wave];
        if (ends_wave) ++tick, ++wave;
      }
    }
  }

  void add_values() {
    for (NodeId id = 0; id < tape_.size(); ++id) {
      if (!computed(id)) continue;
      const Node& n = tape_.node(id);
      layout_.first_value[id] = static_cast<std::uint32_t>(values_.size());
      const Index outputs = outputs_of(n);
      const Index elements = n.op->traits().multi_output ? n.shape.trailing_product(0) : n.shape.row_size();
      const Index bytes = elements * element_bytes(n, element_);
      const Lifetime life{round_up(bytes, kAlignment), ticks_[id], ticks_[id], 0};
      values_.insert(values_.end(), static_cast<std::size_t>(outputs), {id, bytes, life, false});
    }
  }

  // What updates its first input lives where that does.
  void find_homes() {
    homes_.resize(values_.size());
    std::iota(homes_.begin(), homes_.end(), 0u);
    for (NodeId id = 0; id < tape_.size(); ++id)
      if (computed(id) && tape_.node(id).op->traits().updates_first) homes_[value_of(id)] = homes_[value_of(tape_.inputs(id)[0])];
    for (std::size_t v = 0; v < values_.size(); ++v)
      values_[homes_[v]].life.dies = std::max(values_[homes_[v]].life.dies, values_[v].life.dies);
  }

  // The value that a node's result is, or is read from.
  std::uint32_t value_of(NodeId id) const { return layout_.value_of(schedule_.readings[id]); }

  void note_use(NodeId x, NodeId user) {
    const NodeId base = schedule_.readings[x].base;
    if (tape_.node(base).op->leaf()) return;
    Value& value = values_[value_of(x)];
    value.life.dies = std::max(value.life.dies, ticks_[user]);
    value.leaves_phase |= schedule_.phase_of[base] != schedule_.phase_of[user];
  }

  Source source_of(const Value& value) const {
    const PhaseKind kind = schedule_.phases[schedule_.phase_of[value.node]].kind;
    if (kind == PhaseKind::cached) return Source::cached;
    if (kind == PhaseKind::unbatched) return Source::unbatched;
    return value.leaves_phase ? Source::stored : Source::scratch;
  }

  Index place_all(Source source) {
    std::vector<Lifetime> lifetimes;
    std::vector<std::uint32_t> owners;
    for (std::uint32_t v = 0; v < values_.size(); ++v) {
      if (layout_.places[v].source != source || homes_[v] != v) continue;
      owners.push_back(v);
      lifetimes.push_back(values_[v].life);
      if (source == Source::cached) lifetimes.back().dies = kForever;
    }
    const Index total = place(lifetimes);
    for (std::size_t i = 0; i < owners.size(); ++i) layout_.places[owners[i]].offset = lifetimes[i].offset;
    for (std::uint32_t v = 0; v < values_.size(); ++v)
      if (layout_.places[v].source == source) layout_.places[v].offset = layout_.places[homes_[v]].offset;
    return total;
  }

  // Values of one size take turns in slots; a row of a slot belongs to one block of rows at every moment. The slots themselves
  // are written throughout a row phase, by block after block.
  Index place_stored() {
    std::vector<std::uint32_t> order;
    for (std::uint32_t v = 0; v < values_.size(); ++v)
      if (layout_.places[v].source == Source::stored) order.push_back(v);
    std::ranges::stable_sort(order, {}, [&](std::uint32_t v) { return values_[v].life.born; });
    std::vector<Lifetime> slots;
    std::vector<std::size_t> slot_of(order.size());
    IdleSlots idle;
    std::map<Index, std::multimap<Index, std::size_t>> free;  // by bytes: when each slot's last value dies
    for (std::size_t i = 0; i < order.size(); ++i) {
      const Lifetime& life = values_[order[i]].life;
      auto& of_size = free[values_[order[i]].bytes];
      if (!of_size.empty() && of_size.begin()->first < life.born) {
        slot_of[i] = of_size.begin()->second;
        of_size.erase(of_size.begin());
      } else {
        slot_of[i] = slots.size();
        idle[{values_[order[i]].bytes, phase_of(order[i])}].emplace(life.born, slots.size());
        slots.push_back(life);
      }
      Lifetime& slot = slots[slot_of[i]];
      slot.dies = std::max(slot.dies, life.dies);
      of_size.emplace(life.dies, slot_of[i]);
    }
    for (Lifetime& slot : slots) widen(slot);
    lend(idle, order, slot_of);
    const Index total = place(slots);
    for (std::size_t i = 0; i < order.size(); ++i) layout_.places[order[i]].offset = slots[slot_of[i]].offset;
    return total;
  }

  // Slots of so many bytes that a phase writes to, each with the tick until which that phase does not need it yet.
  using IdleSlots = std::map<std::pair<Index, std::uint32_t>, std::multimap<Index, std::size_t>>;

  std::uint32_t phase_of(std::uint32_t v) const { return schedule_.phase_of[values_[v].node]; }

  // Gives block scratch that lives long, from forward to backward, the slots of what its phase writes only afterwards: a step's
  // gates lie where its neighbour's gradients will.
  void lend(IdleSlots& idle, std::vector<std::uint32_t>& order, std::vector<std::size_t>& slot_of) {
    const auto length = [this](std::uint32_t v) { return values_[v].life.dies - values_[v].life.born; };
    std::vector<std::uint32_t> borrowers;
    for (std::uint32_t v = 0; v < values_.size(); ++v)
      if (layout_.places[v].source == Source::scratch && length(v) >= kLongLived) borrowers.push_back(v);
    std::ranges::stable_sort(borrowers, std::greater<>(), length);
    for (std::uint32_t v : borrowers) {
      const auto slots = idle.find({values_[v].bytes, phase_of(v)});
      if (slots == idle.end()) continue;
      const auto fit = slots->second.upper_bound(values_[v].life.dies);
      if (fit == slots->second.end()) continue;
      const std::size_t slot = fit->second;
      slots->second.erase(fit);
      slots->second.emplace(values_[v].life.born, slot);
      layout_.places[v].source = Source::stored;
      order.push_back(v);
      slot_of.push_back(slot);
    }
  }

  // From the first to the last tick of the row phases that touch it.
  void widen(Lifetime& slot) const {
    for (const Phase& phase : schedule_.phases) {
      if (phase.kind != PhaseKind::rows || phase.nodes.empty()) continue;
      const Index first = ticks_[phase.nodes.front()], last = ticks_[phase.nodes.back()];
      if (slot.born >= first && slot.born <= last) slot.born = first;
      if (slot.dies >= first && slot.dies <= last) slot.dies = last;
    }
  }

  const Tape& tape_;
  const PhaseSchedule& schedule_;
  Element element_;
  Layout layout_;
  std::vector<Index> ticks_;
  std::vector<Value> values_;
  std::vector<std::uint32_t> homes_;  // by value: the one whose memory it takes, its own but for updates
};

}  // namespace

Layout make_layout(const Program& program, const PhaseSchedule& schedule, Element element) {
  return LayoutMaker(program, schedule, element).run();
}

}  // namespace reel
