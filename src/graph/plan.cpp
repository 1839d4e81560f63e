#include <reel/graph/plan.h>

#include <algorithm>
#include <numeric>

#include <fmt/format.h>

#include <reel/graph/error.h>
#include <reel/graph/executor.h>
#include <reel/graph/passes/dead_code.h>
#include <reel/graph/passes/materialise_roots.h>
#include <reel/graph/plan_data.h>
#include <reel/graph/structural.h>
#include <reel/graph/verify.h>

namespace reel {
namespace {

// The carried states that the outputs depend on, as (state, next) on the user's tape.
std::vector<std::pair<NodeId, NodeId>> live_carries(const Tape& tape, std::span<const Var> outputs) {
  std::vector<char> live(tape.size(), 0);
  for (const Var& v : outputs) live[v.id()] = 1;
  std::vector<std::pair<NodeId, NodeId>> carries;
  // A next state may depend on states that the outputs do not; repeat until nothing is added.
  for (std::size_t known = 0;; known = carries.size()) {
    for (NodeId id = tape.size(); id-- > 0;)
      if (live[id])
        for (NodeId x : tape.inputs(id)) live[x] = 1;
    carries.clear();
    for (const auto& [state, next] : tape.carries())
      if (live[state]) carries.emplace_back(state, next), live[next] = 1;
    if (carries.size() == known) return carries;
  }
}

// What a pass must keep: a legal tape, and every root's type and shape.
void check_pass(const Pass& pass, const Program& before, const Program& after) {
  verify(*after.tape);
  for (std::size_t i = 0; i < before.roots.size(); ++i) {
    const Node &x = before.tape->node(before.roots[i]), &y = after.tape->node(after.roots[i]);
    if (x.type != y.type || x.shape != y.shape)
      throw Error(fmt::format("compile: the pass {} made {} of {}", pass.name, after.tape->describe(after.roots[i]),
                              before.tape->describe(before.roots[i])));
  }
}

Program apply(Program program, std::span<const Pass> passes, Element element, bool check) {
  for (const Pass& pass : passes) {
    Program next = pass.run(program, element);
    if (check) check_pass(pass, program, next);
    program = std::move(next);
  }
  return passes::materialise_roots(program, element);
}

// The one set that the tape's parameters are of, and how many values a plan needs of it.
void find_parameters(const Tape& tape, PlanData& plan) {
  for (NodeId id = 0; id < tape.size(); ++id) {
    const LeafInfo* leaf = tape.node(id).op->leaf();
    if (!leaf || leaf->kind != LeafInfo::Kind::parameter) continue;
    const SetIdentity& set = static_cast<const ParameterLeaf*>(tape.node(id).op)->parameter().set();
    if (plan.parameter_count > 0 && set != plan.parameter_set)
      throw InputError(fmt::format("compile: parameter {} is of another ParameterSet than those before it", tape.describe(id)));
    plan.parameter_set = set;
    plan.parameter_count = std::max(plan.parameter_count, leaf->parameter + 1);
  }
}

std::shared_ptr<PlanData> make_plan_data(const Tape& tape, std::span<const Var> outputs, std::span<const Pass> passes, bool check,
                                         Element element) {
  if (outputs.empty()) throw InputError("compile: there is no output");
  for (const Var& v : outputs)
    if (!v || &v.tape() != &tape) throw InputError("compile: an output is an empty Var or on another tape");
  const auto carries = live_carries(tape, outputs);

  auto plan = std::make_shared<PlanData>();
  plan->element = element;
  plan->tape = tape.identity();
  std::vector<NodeId> roots;
  for (const Var& v : outputs) roots.push_back(v.id());
  for (const auto& [state, next] : carries) roots.push_back(next);
  // The table of inputs is that of the live tape before the passes, so that a folded input must still be bound.
  const Program live = passes::live_part(tape, roots);
  std::vector<NodeId> all(live.tape->size());
  std::iota(all.begin(), all.end(), NodeId{0});
  plan->table = InputTable(*live.tape, all);
  find_parameters(*live.tape, *plan);

  plan->program = apply(live, passes, element, check);
  plan->schedule = make_schedule(plan->program);
  lower_to_kernels(*plan);

  for (std::size_t i = 0; i < outputs.size(); ++i) {
    plan->output_of.emplace(outputs[i].id(), static_cast<std::uint32_t>(plan->outputs.size()));
    plan->outputs.push_back({outputs[i].id(), plan->root_ports[i]});
  }
  for (std::size_t i = 0; i < carries.size(); ++i) {
    const std::string& name = tape.node(carries[i].first).op->leaf()->name;
    plan->carries.emplace_back(static_cast<std::uint32_t>(plan->table.carried(name)), plan->root_ports[outputs.size() + i]);
  }
  return plan;
}

}  // namespace

template <class T>
Plan<T> make_plan(const Tape& tape, std::span<const Var> outputs, std::span<const Pass> passes, bool check) {
  return Plan<T>(make_plan_data(tape, outputs, passes, check, element_of<T>()));
}
template Plan<float> make_plan<float>(const Tape&, std::span<const Var>, std::span<const Pass>, bool);
template Plan<double> make_plan<double>(const Tape&, std::span<const Var>, std::span<const Pass>, bool);

std::span<const InputSlot> PlanBase::inputs() const { return data_->table.inputs(); }
std::span<const InputSlot> PlanBase::carried() const { return data_->table.carried(); }
int PlanBase::carried_slot(std::string_view name) const { return data_->table.carried(name); }
std::size_t PlanBase::kernels() const { return data_->kernels.size(); }
const Program& PlanBase::program() const { return data_->program; }

std::size_t PlanBase::bytes(Index rows, int threads) const {
  const PlanData::Sizes s = data_->sizes(rows, threads);
  return static_cast<std::size_t>(s.stored + s.scratch_each * threads + s.shared + s.cached);
}

namespace {

std::string operand_text(const PlanData& plan, NodeId x) {
  const Tape& tape = *plan.program.tape;
  const Reading& reading = plan.schedule.readings[x];
  if (reading.piece >= 0) return fmt::format("%{}.{}", reading.base, reading.piece);
  const std::string name = tape.name(reading.base);
  return name.empty() ? fmt::format("%{}", reading.base) : name;
}

}  // namespace

std::string PlanBase::text(Index rows) const {
  const PlanData& d = *data_;
  const Tape& tape = *d.program.tape;
  std::string out = fmt::format("plan: {} kernels, per row {} bytes stored and {} of block scratch, {} shared, {} cached\n",
                                d.kernels.size(), d.stored_per_row, d.scratch_per_row, d.shared_bytes, d.cached_bytes);
  double flop = 0;
  for (const PhasePlan& phase : d.phases) {
    out += fmt::format("phase: {}\n", phase_text(phase.kind));
    for (std::uint32_t k = phase.first_kernel; k < phase.end_kernel; ++k) {
      const KernelPlan& kernel = d.kernels[k];
      const Node& n = tape.node(kernel.node);
      std::string line = fmt::format("  %{} = {}", kernel.node, n.op->name());
      if (const std::string a = n.op->attributes(); !a.empty()) line += fmt::format("({})", a);
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

namespace {

// B where the options ask for one, or where a committed state has it and no batched input will tell.
std::optional<Index> expected_rows(const WorkspaceData& w, const RunOptions& options) {
  const auto batched = [](const InputSlot& slot) { return slot.shape.batched(); };
  if (options.rows || std::ranges::any_of(w.plan->table.inputs(), batched)) return options.rows;
  for (std::size_t i = 0; i < w.carried.size(); ++i)
    if (w.carried[i].committed && batched(w.plan->table.carried()[i])) return w.carried[i].rows;
  return std::nullopt;
}

// InputError for a carried state among the bindings, and for arrays that the run itself would overwrite.
void check_bindings(const WorkspaceData& w, std::span<const Binding> bindings, Index rows) {
  for (const Binding& b : bindings)
    if (w.plan->table.carried(b.name) >= 0 && w.plan->table.input(b.name) < 0)
      throw InputError(fmt::format("\"{}\" is carried; give it with Workspace::set_carried", b.name));
  const auto inputs = w.plan->table.inputs();
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const auto elements = checked_product(std::max<Index>(inputs[i].steps, 1), inputs[i].step_elements(rows));
    if (w.owns(w.views[i]->data, static_cast<std::size_t>(elements) * element_bytes(w.views[i]->element)))
      throw InputError(fmt::format(
          "input {} is bound to an output of the same workspace, which the run overwrites; copy it first", inputs[i].text()));
  }
}

}  // namespace

template <class T>
void Plan<T>::run(Workspace<T>& workspace, std::span<const Binding> bindings, const RunOptions& options) const {
  WorkspaceData& w = *workspace.data_;
  if (w.plan != data_) throw InputError("run: the workspace was made for another plan");
  bind_parameters<T>(w);
  const Index rows = data_->table.match(bindings, element_of<T>(), expected_rows(w, options), w.views, w.next_counts);
  check_bindings(w, bindings, rows);
  w.has_run = w.pending = false;
  w.context.rows = rows;
  std::swap(w.counts, w.next_counts);
  w.context.counts = w.counts;
  prepare_carried(w);
  execute<T>(w);
  w.has_run = w.pending = true;
  if (options.commit) workspace.commit();
}
template class Plan<float>;
template class Plan<double>;

}  // namespace reel
