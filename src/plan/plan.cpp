#include <reel/plan/plan.h>

#include <algorithm>

#include <fmt/format.h>

#include <reel/graph/error.h>
#include <reel/plan/kernel_plan.h>

namespace reel {
namespace {

std::string operand_text(const PlanData& plan, NodeId x) {
  const Tape& tape = *plan.program.tape;
  const Reading& reading = plan.schedule.readings[x];
  if (reading.output >= 0) return fmt::format("%{}.{}", reading.base, reading.output);
  const std::string name = tape.name(reading.base);
  return name.empty() ? fmt::format("%{}", reading.base) : name;
}

}  // namespace

const PlanData& PlanBase::data() const {
  if (!data_) throw InputError("a Plan was used whose contents were moved away");
  return *data_;
}

std::span<const InputSlot> PlanBase::inputs() const { return data().table.inputs(); }
std::span<const InputSlot> PlanBase::carried() const { return data().table.carried(); }
int PlanBase::carried_slot(std::string_view name) const { return data().table.carried(name); }
std::size_t PlanBase::kernels() const { return data().kernels.size(); }
const Program& PlanBase::program() const { return data().program; }

std::size_t PlanBase::held_bytes() const {
  const PlanData& d = data();
  return d.program.tape->bytes() + d.schedule.readings.size() * (sizeof(Reading) + sizeof(std::uint32_t) + sizeof(NodeId)) +
         d.ports.size() * sizeof(OperandPlan) + d.kernels.size() * sizeof(KernelPlan) +
         d.tile_programs.size() * sizeof(TileProgram);
}

std::size_t PlanBase::bytes(Index rows, int threads) const {
  const PlanData::Sizes s = data().sizes(rows, threads);
  return static_cast<std::size_t>(s.stored + s.scratch_each * threads + s.unbatched + s.cached);
}

std::string PlanBase::text(Index rows) const {
  const PlanData& d = data();
  const Tape& tape = *d.program.tape;
  std::string out = fmt::format("plan: {} kernels, per row {} bytes stored and {} of block scratch, {} unbatched, {} cached\n",
                                d.kernels.size(), d.stored_per_row, d.scratch_per_row, d.unbatched_bytes, d.cached_bytes);
  double flop = 0;
  for (const PhasePlan& phase : d.phases) {
    out += fmt::format("phase: {}{}\n", phase_text(phase.kind),
                       phase.shares_columns ? "; of fewer rows than threads, these share the columns of large products" : "");
    for (std::uint32_t k = phase.first_kernel; k < phase.end_kernel; ++k) {
      const KernelPlan& kernel = d.kernels[k];
      const Node& n = tape.node(kernel.node);
      std::string line = fmt::format("  %{} = {}", kernel.node, n.op->text());
      constexpr std::uint32_t kShown = 6;
      for (std::uint32_t i = 0; i < std::min(kernel.inputs, kShown); ++i)
        line += fmt::format(" {}", operand_text(d, tape.inputs(kernel.node)[i]));
      if (kernel.inputs > kShown) line += fmt::format(" .. {} in all", kernel.inputs);
      const Work work = work_of(d, kernel, RunContext{.rows = rows});
      flop += work.flop;
      line += fmt::format(" : {}   {:.0f} FLOP, {:.0f} bytes", n.shape.text(), work.flop, work.bytes);
      if (const std::string place = tape.place(kernel.node); !place.empty()) line += "   # " + place;
      out += line + "\n";
    }
  }
  return out + fmt::format("{:.0f} FLOP for {} row{}\n", flop, rows, rows == 1 ? "" : "s");
}

}  // namespace reel
