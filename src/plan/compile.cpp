#include <reel/plan/compile.h>

#include <algorithm>
#include <numeric>
#include <set>

#include <fmt/format.h>

#include <reel/graph/error.h>
#include <reel/graph/verify.h>
#include <reel/plan/kernel_plan.h>
#include <reel/plan/passes/common_subexpressions.h>
#include <reel/plan/passes/constant_folding.h>
#include <reel/plan/passes/dead_code.h>
#include <reel/plan/passes/defer.h>
#include <reel/plan/passes/fuse.h>
#include <reel/plan/passes/hoist_products.h>
#include <reel/plan/passes/join_products.h>
#include <reel/plan/passes/join_weight_gradients.h>
#include <reel/plan/passes/lower.h>
#include <reel/plan/passes/materialise_roots.h>
#include <reel/plan/passes/recompute.h>
#include <reel/plan/passes/round_products.h>
#include <reel/plan/passes/split_concats.h>
#include <reel/plan/passes/sum_products.h>

namespace reel {

std::vector<Pass> default_passes() {
  return {{"dead_code", passes::dead_code},
          {"constant_folding", passes::constant_folding},
          {"common_subexpressions", passes::common_subexpressions},
          {"defer", passes::defer},
          {"split_concats", passes::split_concats},
          {"common_subexpressions", passes::common_subexpressions},
          {"dead_code", passes::dead_code},
          {"join_weight_gradients", passes::join_weight_gradients},
          {"lower", passes::lower},  // matmul to products
          {"common_subexpressions", passes::common_subexpressions},
          {"dead_code", passes::dead_code},
          {"sum_products", passes::sum_products},
          {"dead_code", passes::dead_code},
          {"join_products", passes::join_products},
          {"hoist_products", passes::hoist_products},
          {"lower", passes::lower},  // products to packed products
          {"common_subexpressions", passes::common_subexpressions},
          {"dead_code", passes::dead_code},
          {"fuse", passes::fuse}};
}

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
    const SetIdentity& set = leaf->parameter.set();
    if (plan.parameter_count > 0 && set != plan.parameter_set)
      throw InputError(fmt::format("compile: parameter {} is of another ParameterSet than those before it", tape.describe(id)));
    plan.parameter_set = set;
    if (leaf->parameter.index() < plan.parameter_count) continue;
    plan.parameter_count = leaf->parameter.index() + 1;
    plan.last_parameter = fmt::format("{} {}", leaf->parameter.name(), leaf->parameter.shape().text());
  }
}

// A carried value that is read must be given its next one: else it would stay zero for ever, without a word.
void check_carried(const Tape& tape, const Tape& live) {
  std::set<std::string_view> carried;
  for (const auto& [state, next] : tape.carries()) carried.insert(tape.node(state).op->leaf()->name);
  for (NodeId id = 0; id < live.size(); ++id)
    if (const LeafInfo* leaf = live.node(id).op->leaf();
        leaf && leaf->kind == LeafInfo::Kind::carried && !carried.contains(leaf->name))
      throw InputError(
          fmt::format("compile: carried {} is given no next value; call carry(state, next), or use input() for a "
                      "state that each run is given ({})",
                      live.describe(id), live.place(id)));
}

std::shared_ptr<PlanData> plan_data_of(const Tape& tape, std::span<const Var> outputs, std::span<const Pass> passes, bool check,
                                       Element element) {
  if (outputs.empty()) throw InputError("compile: there is no output");
  for (const Var& v : outputs)
    if (!v || v.tape() != tape) throw InputError("compile: an output is an empty Var or on another tape");
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
  check_carried(tape, *live.tape);
  find_parameters(*live.tape, *plan);

  plan->program = apply(live, passes, element, check);
  plan->schedule = make_schedule(plan->program);
  make_kernels(*plan);

  for (std::size_t i = 0; i < outputs.size(); ++i) {
    if (plan->output_of.size() <= outputs[i].id()) plan->output_of.resize(outputs[i].id() + 1, -1);
    plan->output_of[outputs[i].id()] = static_cast<std::int32_t>(plan->outputs.size());
    plan->outputs.push_back({outputs[i].id(), plan->root_ports[i]});
  }
  for (std::size_t i = 0; i < carries.size(); ++i) {
    const std::string& name = tape.node(carries[i].first).op->leaf()->name;
    plan->carries.emplace_back(static_cast<std::uint32_t>(plan->table.carried(name)), plan->root_ports[outputs.size() + i]);
  }
  find_summed_outputs(*plan);
  return plan;
}

}  // namespace

namespace {

// With the operands of products rounded before these get their kernels, and the forward part computed again for the gradients
// once it is settled which sums are one chain.
std::vector<Pass> passes_of(const CompileOptions& options, Element element) {
  std::vector<Pass> all = options.passes;
  const auto summed = std::ranges::find(all, std::string_view("sum_products"), &Pass::name);
  if (options.recompute.on() && summed != all.end()) all.insert(std::next(summed), passes::recompute(options.recompute.every()));
  if (options.products == Precision::full) return all;
  if (element != Element::f32)
    throw InputError(fmt::format("compile: products of bf16 are of float plans, not of {}", element_name(element)));
  const auto last = std::find_if(all.rbegin(), all.rend(), [](const Pass& pass) { return pass.name == "lower"; });
  if (last != all.rend()) all.insert(std::prev(last.base()), passes::round_products(options.products));
  return all;
}

}  // namespace

Index Recompute::checked(Index every) {
  if (every < 1) throw InputError(fmt::format("recompute: a stretch must have 1 step or more, not {}", every));
  return every;
}

template <class T>
Plan<T> compile(const Tape& tape, std::span<const Var> outputs, const CompileOptions& options) {
  return Plan<T>(plan_data_of(tape, outputs, passes_of(options, element_of<T>()), options.verify, element_of<T>()));
}
template Plan<float> compile<float>(const Tape&, std::span<const Var>, const CompileOptions&);
template Plan<double> compile<double>(const Tape&, std::span<const Var>, const CompileOptions&);

}  // namespace reel
