#include <reel/plan/workspace.h>

#include <algorithm>
#include <cstring>

#include <fmt/format.h>

#include <reel/graph/error.h>
#include <reel/plan/workspace_data.h>

namespace reel {
namespace {

CarriedState& find_carried(WorkspaceData& w, std::string_view name) {
  const int slot = w.plan->table.carried(name);
  if (slot < 0) throw InputError(fmt::format("the plan carries no state \"{}\"", name));
  return w.carried[static_cast<std::size_t>(slot)];
}

const OperandPlan& output_port(const WorkspaceData& w, Var output, Type type) {
  const auto it =
      output && output.tape().identity() == w.plan->tape ? w.plan->output_of.find(output.id()) : w.plan->output_of.end();
  if (it == w.plan->output_of.end()) throw InputError("the plan was not compiled for this output");
  if (!w.has_run) throw InputError("there is no value yet: the workspace's last run did not succeed, or there was none");
  if (!w.has_values()) throw InputError("there is no value any more: another that shares this workspace's memory has run since");
  const OperandPlan& port = w.plan->ports[w.plan->outputs[it->second].port];
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
  const PlanData& p = *plan.data_;
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
  const OperandPlan& port = output_port(*data_, output, Type::real);
  return {static_cast<const T*>(address(*data_, port)), data_->context.bind(*port.shape)};
}

template <class T>
TensorView<const std::int32_t> Workspace<T>::ids(Var output) const {
  const OperandPlan& port = output_port(*data_, output, Type::id);
  return {static_cast<const std::int32_t*>(address(*data_, port)), data_->context.bind(*port.shape)};
}

template <class T>
TensorView<const T> Workspace<T>::carried(std::string_view name) const {
  const CarriedState& state = find_carried(*data_, name);
  return {reinterpret_cast<const T*>(state.bytes.get()), state.shape};
}

template <class T>
void Workspace<T>::set_carried(std::string_view name, TensorView<const T> value) {
  CarriedState& state = find_carried(*data_, name);
  const InputSlot& slot = data_->plan->table.carried()[static_cast<std::size_t>(&state - data_->carried.data())];
  const Index rows = slot.shape.batched() && value.shape().rank() > 0 ? value.shape().dim(0) : 1;
  if (value.shape() != slot.shape.bind(rows))
    throw InputError(fmt::format("carried {}: was given {}", slot.text(), value.shape().text()));
  CarriedState next = CarriedState::zero(slot, rows, element_of<T>());
  std::copy_n(value.data(), value.size(), reinterpret_cast<T*>(next.bytes.get()));
  next.committed = true;
  state = std::move(next);  // last: `value` may be the old state
  data_->pending = false;
}

template <class T>
void Workspace<T>::commit() {
  if (!data_->pending) return;
  if (!data_->has_values()) throw InputError("commit: another that shares this workspace's memory has run since");
  for (const auto& [slot, port] : data_->plan->carries) {
    CarriedState& state = data_->carried[slot];
    std::memcpy(state.bytes.get(), address(*data_, data_->plan->ports[port]), state.size(element_of<T>()));
    state.committed = true;
  }
  ++data_->context.run;
  data_->pending = false;
}

template <class T>
void Workspace<T>::reset() {
  for (CarriedState& state : data_->carried) state = CarriedState();
  data_->pending = false;
}

template <class T>
std::uint64_t Workspace<T>::runs() const {
  return data_->context.run;
}
template <class T>
void Workspace<T>::set_runs(std::uint64_t runs) {
  data_->context.run = runs;
}

template <class T>
const std::shared_ptr<WorkspaceMemory>& Workspace<T>::memory() const {
  return data_->memory;
}

template <class T>
std::size_t Workspace<T>::bytes() const {
  std::size_t total = data_->memory->bytes();
  for (const CarriedState& state : data_->carried) total += state.size(element_of<T>());
  return total;
}

template class Workspace<float>;
template class Workspace<double>;

}  // namespace reel
