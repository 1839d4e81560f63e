#include <reel/graph/plan_data.h>

#include <algorithm>

#include <fmt/format.h>

#include <reel/graph/error.h>
#include <reel/graph/memory.h>

namespace reel {
namespace {

constexpr Index kLargestBlock = 128;  // rows of a block: enough for the GEMM's tiles, few enough for the caches
constexpr Index kForever = std::numeric_limits<Index>::max();

class Lowering {
 public:
  explicit Lowering(PlanData& plan) : plan_(plan), tape_(*plan.program.tape), home_(tape_.size()), is_root_(tape_.size(), 0) {
    for (NodeId root : plan.program.roots) is_root_[root] = 1;
  }

  void run() {
    find_lifetimes();
    place_values();
    for (NodeId id = 0; id < tape_.size(); ++id)
      if (tape_.node(id).op->leaf()) home_[id] = leaf_home(id);
    for (const Phase& phase : plan_.schedule.phases) add_phase(phase);
  }

 private:
  struct Use {
    Index born = 0;
    Index dies = 0;             // in ticks
    bool leaves_phase = false;  // read by another phase, or a root
  };

  Index bytes_of(const Node& n) const { return n.type == Type::id ? 4 : plan_.element == Element::f32 ? 4 : 8; }
  bool computed(NodeId id) const { return !tape_.node(id).op->leaf() && plan_.schedule.readings[id].base == id; }
  PhaseKind kind_of(NodeId id) const { return plan_.schedule.phases[plan_.schedule.phase_of[id]].kind; }

  // Ticks count kernels of row phases and waves of the others, over all phases in order.
  void find_lifetimes() {
    ticks_.assign(tape_.size(), 0);
    uses_.assign(tape_.size(), {});
    Index tick = 0;
    for (const Phase& phase : plan_.schedule.phases) {
      std::size_t wave = 0;
      for (std::size_t i = 0; i < phase.nodes.size(); ++i) {
        ticks_[phase.nodes[i]] = tick;
        const bool ends_wave = phase.kind == PhaseKind::rows || i + 1 == phase.wave_ends[wave];
        if (ends_wave) ++tick, ++wave;
      }
    }
    for (NodeId id = 0; id < tape_.size(); ++id) {
      if (!computed(id)) continue;
      uses_[id].born = uses_[id].dies = ticks_[id];
      if (is_root_[id]) uses_[id].leaves_phase = true, uses_[id].dies = kForever;
      for (NodeId x : tape_.inputs(id)) note_use(plan_.schedule.readings[x].base, id);
    }
  }

  void note_use(NodeId base, NodeId user) {
    if (tape_.node(base).op->leaf()) return;
    Use& use = uses_[base];
    use.dies = std::max(use.dies, ticks_[user]);
    use.leaves_phase |= plan_.schedule.phase_of[base] != plan_.schedule.phase_of[user];
  }

  Source source_of(NodeId id) const {
    if (kind_of(id) == PhaseKind::cached) return Source::cached;
    if (kind_of(id) == PhaseKind::shared) return Source::shared;
    return uses_[id].leaves_phase ? Source::stored : Source::scratch;
  }

  // A stored value is written block by block throughout its phase, so it lives from the first to the last tick of the row
  // phases that touch it.
  void widen_stored(Lifetime& value) const {
    for (const Phase& phase : plan_.schedule.phases) {
      if (phase.kind != PhaseKind::rows || phase.nodes.empty()) continue;
      const Index first = ticks_[phase.nodes.front()], last = ticks_[phase.nodes.back()];
      if (value.born >= first && value.born <= last) value.born = first;
      if (value.dies >= first && value.dies <= last) value.dies = last;
    }
  }

  void place_values() {
    std::vector<Lifetime> lifetimes[4];  // by Source
    std::vector<NodeId> owners[4];
    for (NodeId id = 0; id < tape_.size(); ++id) {
      if (!computed(id)) continue;
      const Node& n = tape_.node(id);
      const Source source = source_of(id);
      Lifetime value{round_up(n.shape.row_size() * bytes_of(n), kAlignment), uses_[id].born, uses_[id].dies, 0};
      if (source == Source::cached) value.dies = kForever;
      if (source == Source::stored) widen_stored(value);
      const auto s = static_cast<int>(source);
      lifetimes[s].push_back(value);
      owners[s].push_back(id);
    }
    Index* const totals[] = {&plan_.scratch_per_row, &plan_.stored_per_row, &plan_.shared_bytes, &plan_.cached_bytes};
    for (int s = 0; s < 4; ++s) {
      *totals[s] = place(lifetimes[s]);
      for (std::size_t i = 0; i < owners[s].size(); ++i)
        home_[owners[s][i]] = computed_home(owners[s][i], static_cast<Source>(s), lifetimes[s][i].offset);
    }
  }

  PortPlan computed_home(NodeId id, Source source, Index offset) const {
    const Node& n = tape_.node(id);
    PortPlan home = typed(n);
    home.source = source;
    (n.shape.batched() ? home.scaled : home.fixed) = offset;
    home.stride = !n.shape.batched() ? 0 : n.op->in_pieces() ? piece_size(n) : n.shape.row_size();
    return home;
  }

  static Index piece_size(const Node& n) { return n.shape.trailing_product(0); }

  PortPlan typed(const Node& n) const {
    PortPlan p;
    p.element_bytes = bytes_of(n);
    p.shape = &n.shape;
    p.type = n.type;
    return p;
  }

  PortPlan leaf_home(NodeId id) {
    const Node& n = tape_.node(id);
    const LeafInfo& leaf = *n.op->leaf();
    PortPlan home = typed(n);
    home.stride = n.shape.batched() ? n.shape.row_size() : 0;
    const Index step_bytes = std::max<Index>(leaf.step, 0) * n.shape.row_size() * home.element_bytes;
    switch (leaf.kind) {
      case LeafInfo::Kind::input:
        home.source = Source::input;
        home.slot = static_cast<std::uint32_t>(slot(leaf.name));
        (n.shape.batched() ? home.scaled : home.fixed) = step_bytes;
        break;
      case LeafInfo::Kind::carried:
        home.source = Source::carried;
        home.slot = static_cast<std::uint32_t>(plan_.table.carried(leaf.name));
        break;
      case LeafInfo::Kind::parameter:
        home.source = Source::parameter;
        home.slot = static_cast<std::uint32_t>(leaf.parameter);
        break;
      case LeafInfo::Kind::constant:
        home.source = Source::constant;
        home.slot = static_cast<std::uint32_t>(plan_.constants.size());
        home.stride = 0;
        home.splat = leaf.value->size() == 1;
        plan_.constants.push_back(constant_row(n, *leaf.value));
        break;
    }
    return home;
  }

  int slot(const std::string& name) {
    const auto [it, added] = slots_.try_emplace(name, 0);
    if (added) it->second = plan_.table.input(name);
    return it->second;
  }

  AlignedBytes constant_row(const Node& n, const Tensor<double>& value) const {
    const Index size = n.shape.row_size();
    AlignedBytes bytes = aligned_bytes(static_cast<std::size_t>(std::max<Index>(size, 1) * bytes_of(n)));
    for (Index i = 0; i < size; ++i) {
      const double number = value[value.size() == 1 ? 0 : i];
      if (plan_.element == Element::f32)
        reinterpret_cast<float*>(bytes.get())[i] = static_cast<float>(number);
      else
        reinterpret_cast<double*>(bytes.get())[i] = number;
    }
    return bytes;
  }

  // Node x as an operand.
  PortPlan port_of(NodeId x) const {
    const Reading& reading = plan_.schedule.readings[x];
    PortPlan port = home_[reading.base];
    port.shape = &tape_.node(x).shape;
    port.fixed += reading.offset * port.element_bytes;
    if (reading.shared_row) port.stride = 0;
    if (reading.piece >= 0) {
      const Index piece = piece_size(tape_.node(reading.base));
      port.scaled += reading.piece * piece * port.element_bytes;
      port.stride = piece;
    }
    port.splat |= reading.splat;
    return port;
  }

  void add_phase(const Phase& phase) {
    PhasePlan out{phase.kind, static_cast<std::uint32_t>(plan_.kernels.size()), 0, {}};
    for (std::uint32_t end : phase.wave_ends) out.wave_ends.push_back(out.first_kernel + end);
    for (NodeId id : phase.nodes) add_kernel(id);
    out.end_kernel = static_cast<std::uint32_t>(plan_.kernels.size());
    plan_.phases.push_back(std::move(out));
  }

  void add_kernel(NodeId id) {
    const Node& n = tape_.node(id);
    KernelPlan kernel{n.op, id, static_cast<std::uint32_t>(plan_.ports.size()), n.input_count, 1, false, {}};
    std::vector<Signature> x;
    for (NodeId input : tape_.inputs(id)) {
      plan_.ports.push_back(port_of(input));
      x.push_back({tape_.node(input).type, tape_.node(input).shape});
    }
    plan_.ports.push_back(home_[id]);
    if (const auto tiles = n.op->tiles()) kernel.elementwise = true, kernel.tiles = *tiles;
    if (kernel.elementwise && n.input_count > kMostTileInputs)
      throw Error(
          fmt::format("[{}] an elementwise op takes at most {} inputs, not {}", n.op->name(), kMostTileInputs, n.input_count));
    if (!n.shape.batched()) kernel.parts = n.op->parts(plan_.element, x, {n.type, n.shape});
    plan_.kernel_scratch = std::max<Index>(plan_.kernel_scratch, static_cast<Index>(n.op->scratch_bytes(plan_.element, x)));
    plan_.most_inputs = std::max(plan_.most_inputs, kernel.inputs);
    plan_.kernels.push_back(kernel);
  }

  PlanData& plan_;
  const Tape& tape_;
  std::vector<PortPlan> home_;  // where each node's own value lies
  std::vector<char> is_root_;
  std::vector<Index> ticks_;
  std::vector<Use> uses_;
  std::unordered_map<std::string, int> slots_;
};

}  // namespace

Index PlanData::block_rows(Index rows, int threads) const {
  const Index share = (rows + threads - 1) / threads;
  return std::clamp<Index>(share, 1, kLargestBlock);
}

PlanData::Sizes PlanData::sizes(Index rows, int threads) const {
  const Index block_scratch = checked_product(scratch_per_row, block_rows(rows, threads));
  const Sizes s{checked_product(stored_per_row, rows), checked_sum(block_scratch, round_up(kernel_scratch, kAlignment)),
                shared_bytes, cached_bytes};
  checked_sum(checked_sum(s.stored, checked_product(s.scratch_each, threads)), checked_sum(s.shared, s.cached));
  return s;
}

void lower_to_kernels(PlanData& plan) { Lowering(plan).run(); }

}  // namespace reel
