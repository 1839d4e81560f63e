#include <reel/plan/kernel_plan.h>

#include <algorithm>
#include <map>

#include <fmt/format.h>

#include <reel/graph/error.h>
#include <reel/plan/memory.h>

namespace reel {
namespace {

class KernelMaker {
 public:
  explicit KernelMaker(PlanData& plan)
      : plan_(plan),
        tape_(*plan.program.tape),
        layout_(make_layout(plan.program, plan.schedule, plan.element)),
        leaf_homes_(tape_.size()),
        output_shapes_(layout_.places.size()) {}

  void run() {
    plan_.scratch_per_row = layout_.scratch_per_row;
    plan_.stored_per_row = layout_.stored_per_row;
    plan_.unbatched_bytes = layout_.unbatched_bytes;
    plan_.cached_bytes = layout_.cached_bytes;
    for (NodeId id = 0; id < tape_.size(); ++id) {
      const Reading& reading = plan_.schedule.readings[id];
      if (tape_.node(id).op->leaf()) leaf_homes_[id] = leaf_home(id);
      if (reading.output >= 0 && tape_.inputs(id)[0] == reading.base) output_shapes_[value_of(id)] = &tape_.node(id).shape;
    }
    for (const Phase& phase : plan_.schedule.phases) add_phase(phase);
    for (NodeId root : plan_.program.roots) {
      plan_.root_ports.push_back(static_cast<std::uint32_t>(plan_.ports.size()));
      plan_.ports.push_back(port_of(root));
    }
  }

 private:
  std::uint32_t value_of(NodeId id) const { return layout_.value_of(plan_.schedule.readings[id]); }

  // The whole value, as its node makes it.
  OperandPlan computed_home(NodeId id, std::uint32_t value) const {
    const Node& n = tape_.node(id);
    OperandPlan home = typed(n);
    if (output_shapes_[value]) home.shape = output_shapes_[value];
    home.source = layout_.places[value].source;
    (n.shape.batched() ? home.scaled : home.fixed) = layout_.places[value].offset;
    home.stride = !n.shape.batched() ? 0 : n.op->traits().multi_output ? n.shape.trailing_product(0) : n.shape.row_size();
    return home;
  }

  OperandPlan typed(const Node& n) const {
    OperandPlan p;
    p.element_bytes = element_bytes(n, plan_.element);
    p.shape = &n.shape;
    p.type = n.type;
    return p;
  }

  OperandPlan leaf_home(NodeId id) {
    const Node& n = tape_.node(id);
    const LeafInfo& leaf = *n.op->leaf();
    OperandPlan home = typed(n);
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
        home.slot = static_cast<std::uint32_t>(leaf.parameter.index());
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
    const Index room = static_cast<Index>(kAlignment);  // that vectors may be read whole (Op::bind)
    AlignedBytes bytes = aligned_bytes(static_cast<std::size_t>(size * element_bytes(n, plan_.element) + room));
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
  OperandPlan port_of(NodeId x) const {
    const Reading& reading = plan_.schedule.readings[x];
    OperandPlan port = tape_.node(reading.base).op->leaf() ? leaf_homes_[reading.base] : computed_home(reading.base, value_of(x));
    port.shape = &tape_.node(x).shape;
    port.fixed += reading.offset * port.element_bytes;
    if (reading.repeats_row) port.stride = 0;
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
    KernelPlan kernel{n.op, id, static_cast<std::uint32_t>(plan_.ports.size()), n.input_count};
    kernel.results = static_cast<std::uint32_t>(outputs_of(n));
    std::vector<Signature> x;
    for (NodeId input : tape_.inputs(id)) {
      plan_.ports.push_back(port_of(input));
      x.push_back({tape_.node(input).type, tape_.node(input).shape});
    }
    for (std::uint32_t r = 0; r < kernel.results; ++r) plan_.ports.push_back(computed_home(id, layout_.first_value[id] + r));
    if (const auto tiles = n.op->tiles(static_cast<int>(n.input_count))) kernel.tiles = single_program(n, *tiles);
    if (!n.shape.batched()) {
      kernel.tasks = n.op->tasks(plan_.element, x, {n.type, n.shape});
      kernel.reduces = std::ranges::any_of(x, [](const Signature& s) { return s.shape.batched(); });
    }
    const std::size_t scratch = kernel.tiles ? kernel.tiles->scratch_bytes() : n.op->scratch_bytes(plan_.element, x);
    plan_.kernel_scratch = std::max<Index>(plan_.kernel_scratch, static_cast<Index>(scratch));
    plan_.most_ports = std::max(plan_.most_ports, kernel.inputs + kernel.results);
    plan_.kernels.push_back(kernel);
  }

  // The program of one elementwise op, shared by all its nodes of so many inputs.
  const TileProgram* single_program(const Node& n, const Tiles& tiles) {
    const TileProgram*& program = single_programs_[{n.op, n.input_count}];
    if (program) return program;
    if (n.input_count > kMostTileInputs)
      throw Error(
          fmt::format("[{}] an elementwise op takes at most {} inputs, not {}", n.op->name(), kMostTileInputs, n.input_count));
    TileProgram::Instruction only{tiles, {}};
    for (std::uint32_t i = 0; i < n.input_count; ++i) only.x.push_back(static_cast<int>(i));
    const int result = 0;
    return program =
               &plan_.tile_programs.emplace_back(static_cast<int>(n.input_count), std::span(&only, 1), std::span(&result, 1));
  }

  PlanData& plan_;
  const Tape& tape_;
  Layout layout_;
  std::vector<OperandPlan> leaf_homes_;      // by node
  std::vector<const Shape*> output_shapes_;  // by value: as Output reads it
  std::map<std::pair<const Op*, std::uint32_t>, const TileProgram*> single_programs_;
  std::unordered_map<std::string, int> slots_;
};

}  // namespace

PlanData::Sizes PlanData::sizes(Index rows, int threads) const {
  const Index block_scratch = checked_product(scratch_per_row, largest_block(rows, threads, row_costs));
  const Sizes s{checked_product(stored_per_row, rows), checked_sum(block_scratch, round_up(kernel_scratch, kAlignment)),
                unbatched_bytes, cached_bytes};
  checked_sum(checked_sum(s.stored, checked_product(s.scratch_each, threads)), checked_sum(s.unbatched, s.cached));
  return s;
}

Work work_of(const PlanData& plan, const KernelPlan& kernel, const RunContext& run) {
  const Tape& tape = *plan.program.tape;
  Work work;
  for (std::uint32_t i = 0; i < kernel.inputs + kernel.results; ++i) {
    const OperandPlan& port = plan.ports[kernel.first_port + i];
    const Index elements = port.splat ? 1 : port.shape->row_size();
    work.bytes += static_cast<double>(elements * (port.stride == 0 ? 1 : run.rows_of(*port.shape)) * port.element_bytes);
  }
  std::vector<Signature> x;
  for (NodeId id : tape.inputs(kernel.node)) x.push_back({tape.node(id).type, tape.node(id).shape});
  const Node& n = tape.node(kernel.node);
  work.flop = n.op->flop(x, {n.type, n.shape}, run);
  return work;
}

namespace {

// The costs of one row, as far as kernels of row phases tell: arithmetic and memory traffic, at 4 FLOP to the byte.
RowCosts row_costs(const PlanData& plan) {
  RowCosts costs;
  std::map<std::uint32_t, double> counted;
  for (const PhasePlan& phase : plan.phases) {
    if (phase.kind != PhaseKind::rows) continue;
    for (std::uint32_t k = phase.first_kernel; k < phase.end_kernel; ++k) {
      const RowCount rows = plan.program.tape->node(plan.kernels[k].node).shape.rows();
      const Work work = work_of(plan, plan.kernels[k], RunContext{.rows = 1});
      (rows.is_counted() ? counted[rows.number()] : costs.all) += work.flop + 4 * work.bytes;
    }
  }
  for (const auto& [number, cost] : counted) costs.counted.emplace_back(RowCount::counted(number), cost);
  return costs;
}

// Operands of a row's kernel, in bytes, from which on sharing its columns costs less than it saves; and of a phase's such kernels
// together, from which on calling other threads does. Two threads take, of the time of one, 1.0 to 2.3 at 64 KB, .8 to 1.5 at
// 160 KB and .75 to .82 at 256 KB: it depends on how far apart the cores are (bench_rnn lstm_b1_t64_i64_h64, .._h100, .._h128
// with REEL_THREADS: infer_ms, five rounds; EPYC Zen 4).
constexpr double kLeastSharedKernel = 256 << 10;
constexpr double kLeastSharedPhase = 1 << 20;

void find_shared(PlanData& plan) {
  for (PhasePlan& phase : plan.phases) {
    if (phase.kind != PhaseKind::rows) continue;
    double shared = 0;
    for (std::uint32_t k = phase.first_kernel; k < phase.end_kernel; ++k) {
      KernelPlan& kernel = plan.kernels[k];
      if (!kernel.op->traits().shares_columns) continue;
      const double bytes = work_of(plan, kernel, RunContext{.rows = 1}).bytes;
      kernel.shares_columns = bytes >= kLeastSharedKernel;
      if (kernel.shares_columns) shared += bytes;
    }
    phase.shares_columns = shared >= kLeastSharedPhase;
  }
}

}  // namespace

void find_summed_outputs(PlanData& plan) {
  const Tape& tape = *plan.program.tape;
  const auto base = [&](NodeId x) { return plan.schedule.readings[x].base; };
  std::map<NodeId, std::uint32_t> sums;  // by node: the kernel
  for (std::uint32_t k = 0; k < plan.kernels.size(); ++k)
    if (plan.kernels[k].reduces) sums.emplace(plan.kernels[k].node, k);
  std::vector<char> read(tape.size(), 0);
  for (const KernelPlan& kernel : plan.kernels)
    for (NodeId x : tape.inputs(kernel.node)) read[base(x)] = 1;
  for (std::size_t i = 0; i < plan.program.roots.size(); ++i) {
    const NodeId node = base(plan.program.roots[i]);
    const auto sum = sums.find(node);
    if (sum == sums.end()) continue;
    if (i < plan.outputs.size())
      plan.summed_outputs.emplace_back(sum->second, static_cast<std::uint32_t>(i));
    else
      read[node] = 1;  // a carried state
  }
  // From the last, so that the first remains; outputs that share some numbers, but not all, are left to be summed as a whole.
  std::map<std::uint32_t, std::vector<std::pair<Index, Index>>> places;
  for (std::size_t i = plan.summed_outputs.size(); i-- > 0;) {
    const auto [kernel, output] = plan.summed_outputs[i];
    const OperandPlan& port = plan.ports[plan.outputs[output].port];
    const std::pair<Index, Index> place{port.fixed, port.fixed + port.shape->row_size() * port.element_bytes};
    for (const auto& other : places[kernel])
      if (place != other && place.first < other.second && other.first < place.second) read[plan.kernels[kernel].node] = 1;
    places[kernel].push_back(place);
    plan.kernels[kernel].first_output = output;
  }
  for (const auto& [node, kernel] : sums)
    if (read[node]) plan.kernels[kernel].first_output = 0;

  const auto mix = [&](std::uint64_t number) { plan.fingerprint = (plan.fingerprint ^ number) * 0x9E3779B97F4A7C15u + 1; };
  for (const Index size : {plan.scratch_per_row, plan.stored_per_row, plan.unbatched_bytes, plan.cached_bytes})
    mix(static_cast<std::uint64_t>(size));
  for (const KernelPlan& kernel : plan.kernels) {
    for (const char c : kernel.op->name()) mix(static_cast<unsigned char>(c));
    mix(static_cast<std::uint64_t>(tape.node(kernel.node).shape.row_size()));
    mix(kernel.first_output);
  }
}

void make_kernels(PlanData& plan) {
  KernelMaker(plan).run();
  plan.row_costs = row_costs(plan);
  find_shared(plan);
}

}  // namespace reel
