#include <reel/plan/workspace.h>

#include <algorithm>
#include <cstring>

#include <fmt/format.h>

#include <reel/graph/error.h>
#include <reel/plan/non_finite.h>
#include <reel/plan/workspace_data.h>

namespace reel {
namespace {

CarriedState& find_carried(WorkspaceData& w, std::string_view name) {
  const int slot = w.plan->table.carried(name);
  if (slot < 0) throw InputError(fmt::format("the plan carries no state \"{}\"", name));
  return w.carried[static_cast<std::size_t>(slot)];
}

const OperandPlan& output_port(const WorkspaceData& w, Var output, Type type) {
  const auto& known = w.plan->output_of;
  const bool ours = output && output.tape().identity() == w.plan->tape && output.id() < known.size();
  const std::int32_t index = ours ? known[output.id()] : -1;
  if (index < 0) throw InputError("the plan was not compiled for this output");
  if (!w.has_run) throw InputError("there is no value yet: the workspace's last run did not succeed, or there was none");
  if (!w.has_values()) throw InputError("there is no value any more: another that shares this workspace's memory has run since");
  const OperandPlan& port = w.plan->ports[w.plan->outputs[static_cast<std::size_t>(index)].port];
  if (port.type != type)
    throw InputError(fmt::format("the output is {}; read it with {}", type == Type::id ? "real" : "ids",
                                 type == Type::id ? "value()" : "ids()"));
  return port;
}

}  // namespace

template <class T>
Workspace<T>::Workspace(const Plan<T>& plan, const ParameterValues<T>* parameters, ThreadPool threads, std::uint64_t seed,
                        std::shared_ptr<WorkspaceMemory> memory)
    : data_(std::make_unique<WorkspaceData>()) {
  data_->memory = memory ? std::move(memory) : std::make_shared<WorkspaceMemory>();
  const PlanData& p = plan.data();
  data_->plan = plan.data_;
  data_->threads = std::move(threads);
  data_->context.seed = seed;
  data_->parameters = parameters;
  data_->parameter_data.resize(static_cast<std::size_t>(p.parameter_count));
  bind_parameters<T>(*data_);
  data_->carried.resize(p.table.carried().size());
}

template <class T>
Workspace<T>::~Workspace() = default;
template <class T>
Workspace<T>::Workspace(Workspace&&) noexcept = default;
template <class T>
Workspace<T>& Workspace<T>::operator=(Workspace&&) noexcept = default;

template <class T>
TensorView<const T> Workspace<T>::value(Var output) const {
  const OperandPlan& port = output_port(data(), output, Type::real);
  return {static_cast<const T*>(address(data(), port)), data().context.bind(*port.shape)};
}

template <class T>
TensorView<const std::int32_t> Workspace<T>::ids(Var output) const {
  const OperandPlan& port = output_port(data(), output, Type::id);
  return {static_cast<const std::int32_t*>(address(data(), port)), data().context.bind(*port.shape)};
}

template <class T>
TensorView<const T> Workspace<T>::carried(std::string_view name) const {
  const CarriedState& state = find_carried(data(), name);
  return {reinterpret_cast<const T*>(state.bytes.get()), state.shape};
}

template <class T>
void Workspace<T>::set_carried(std::string_view name, TensorView<const T> value) {
  CarriedState& state = find_carried(data(), name);
  const InputSlot& slot = data().plan->table.carried()[static_cast<std::size_t>(&state - data().carried.data())];
  const Index rows = slot.shape.batched() && value.shape().rank() > 0 ? value.shape().dim(0) : 1;
  if (value.shape() != slot.shape.bind(rows))
    throw InputError(fmt::format("carried {}: was given {}", slot.text(), value.shape().text()));
  CarriedState next = CarriedState::zero(slot, rows, element_of<T>());
  std::copy_n(value.data(), value.size(), reinterpret_cast<T*>(next.bytes.get()));
  next.committed = true;
  state = std::move(next);  // last: `value` may be the old state
  data().pending = false;
}

template <class T>
void Workspace<T>::commit() {
  if (!data().pending) return;
  if (!data().has_values()) throw InputError("commit: another that shares this workspace's memory has run since");
  for (const auto& [slot, port] : data().plan->carries) {
    CarriedState& state = data().carried[slot];
    std::memcpy(state.bytes.get(), address(data(), data().plan->ports[port]), state.size(element_of<T>()));
    state.committed = true;
  }
  ++data().context.run;
  data().pending = false;
}

template <class T>
void Workspace<T>::reset() {
  for (CarriedState& state : data().carried) state = CarriedState();
  data().pending = false;
}

template <class T>
WorkspaceData& Workspace<T>::data() const {
  if (!data_) throw InputError("a Workspace was used whose contents were moved away");
  return *data_;
}

template <class T>
std::string Workspace<T>::explain_non_finite(const Tape& tape, std::span<const Binding> bindings) const {
  return reel::explain_non_finite<T>(data(), &tape, bindings);
}

template <class T>
Index Workspace<T>::rows() const {
  return data().rows;
}
template <class T>
std::uint64_t Workspace<T>::runs() const {
  return data().context.run;
}
template <class T>
void Workspace<T>::set_runs(std::uint64_t runs) {
  data().context.run = runs;
}

template <class T>
const std::shared_ptr<WorkspaceMemory>& Workspace<T>::memory() const {
  return data().memory;
}

template <class T>
std::size_t Workspace<T>::bytes() const {
  std::size_t total = data().memory->bytes();
  for (const CarriedState& state : data().carried) total += state.size(element_of<T>());
  return total;
}

template class Workspace<float>;
template class Workspace<double>;

}  // namespace reel
