#include <reel/plan/non_finite.h>

#include <algorithm>

#include <reel/graph/error.h>
#include <reel/graph/interpreter.h>

namespace reel {
namespace {

template <class T>
std::string explain_on(const Tape& tape, const WorkspaceData& w, std::span<const Binding> bindings, NodeId end) {
  std::vector<Binding> all(bindings.begin(), bindings.end());
  for (std::size_t i = 0; i < w.carried.size(); ++i) {
    const CarriedState& state = w.carried[i];
    const auto* data = reinterpret_cast<const T*>(state.bytes.get());
    if (data) all.push_back({w.plan->table.carried()[i].name, TensorView<const T>(data, state.shape)});
  }
  Interpreter<T> run(tape, all, static_cast<const ParameterValues<T>*>(w.parameters), w.context, w.context.rows);
  run.evaluate(end);
  return run.explain_non_finite();
}

}  // namespace

template <class T>
bool outputs_are_finite(const WorkspaceData& w) {
  return std::ranges::all_of(w.plan->outputs, [&](const RootPlan& output) {
    const OperandPlan& port = w.plan->ports[output.port];
    if (port.type != Type::real) return true;
    const auto* x = static_cast<const T*>(address(w, port));
    const Index n = port.shape->elements(w.context.rows_of(*port.shape));
    T sum{};  // of 0 where finite, else NaN
    for (Index i = 0; i < n; ++i) sum += x[i] * T{0};
    return sum == T{0};
  });
}
template bool outputs_are_finite<float>(const WorkspaceData&);
template bool outputs_are_finite<double>(const WorkspaceData&);

template <class T>
std::string explain_non_finite(const WorkspaceData& w, const Tape* tape, std::span<const Binding> bindings) {
  NodeId end = 0;
  for (const RootPlan& output : w.plan->outputs) end = std::max(end, output.tape_node + 1);
  if (tape) try {
      return explain_on<T>(*tape, w, bindings, end);
    } catch (const InputError&) {  // the tape has inputs that the plan does without
    }
  const Tape& own = *w.plan->program.tape;
  return explain_on<T>(own, w, bindings, own.size());
}
template std::string explain_non_finite<float>(const WorkspaceData&, const Tape*, std::span<const Binding>);
template std::string explain_non_finite<double>(const WorkspaceData&, const Tape*, std::span<const Binding>);

}  // namespace reel
