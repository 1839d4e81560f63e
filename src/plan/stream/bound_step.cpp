#include <reel/plan/stream/bound_step.h>

#include <algorithm>
#include <cstring>

#include <reel/plan/denormals.h>

namespace reel::streams {
namespace {

std::size_t padded(Index bytes) { return static_cast<std::size_t>(round_up(bytes, static_cast<Index>(kAlignment))); }

}  // namespace

template <class T>
BoundStep<T>::BoundStep(std::shared_ptr<const PlanData> plan, Index most_rows)
    : plan_(std::move(plan)), most_rows_(most_rows), ports_(plan_->ports.size()) {
  place_memory();
  for (std::uint32_t i = 0; i < ports_.size(); ++i) {
    const OperandPlan& p = plan_->ports[i];
    ports_[i] = {nullptr, p.stride, p.shape, p.type, p.splat};
    if (p.source == Source::input)
      input_ports_.push_back({i, p.slot, p.fixed, p.scaled});
    else if (Weights::holds(p))
      weight_ports_.push_back({i, &p});
    else
      ports_[i].data = home(p);
  }
  for (const PhasePlan& phase : plan_->phases)
    if (phase.kind != PhaseKind::cached)
      for (std::uint32_t k = phase.first_kernel; k < phase.end_kernel; ++k) add_call(plan_->kernels[k]);
  for (const RootPlan& root : plan_->outputs) {
    const OperandPlan& p = plan_->ports[root.port];
    outputs_.push_back({static_cast<std::byte*>(ports_[root.port].data),
                        static_cast<std::size_t>(p.shape->row_size() * p.element_bytes), p.type});
  }
  for (const auto& [slot, port] : plan_->carries) next_.push_back({slot, static_cast<std::byte*>(ports_[port].data)});
  set_rows(most_rows);
  bool bound = true;
  for (Call& c : calls_) {
    if (most_rows == 1 && c.call.tasks == 1) c.bound = c.kernel->template bind<T>(c.call);
    bound &= c.bound != nullptr;
  }
  if (bound) return;
  scratch_ = aligned_bytes(static_cast<std::size_t>(plan_->kernel_scratch));
  bytes_ += static_cast<std::size_t>(plan_->kernel_scratch);
  for (Call& c : calls_) c.call.scratch = scratch_.get();
}

// One piece of memory: states, values, and what kernels need besides.
template <class T>
void BoundStep<T>::place_memory() {
  std::size_t size = 0;
  const auto take = [&](std::size_t bytes) {
    const std::size_t at = size;
    size += padded(static_cast<Index>(bytes));
    return at;
  };
  std::vector<std::size_t> states;
  for (const InputSlot& slot : plan_->table.carried())
    states.push_back(take(static_cast<std::size_t>(slot.shape.elements(most_rows_)) * sizeof(T)));
  std::vector<std::size_t> inputs;
  for (const InputSlot& slot : plan_->table.inputs()) {
    const std::size_t element = element_bytes(slot.type == Type::id ? Element::i32 : element_of<T>());
    inputs_.push_back(
        {nullptr, static_cast<std::size_t>(std::max<Index>(slot.steps, 1) * slot.shape.row_size()) * element, slot.type});
    inputs.push_back(take(inputs_.back().size(most_rows_)));
  }
  const std::size_t stored = take(static_cast<std::size_t>(checked_product(plan_->stored_per_row, most_rows_))),
                    unbatched = take(static_cast<std::size_t>(plan_->unbatched_bytes)),
                    block = take(static_cast<std::size_t>(checked_product(plan_->scratch_per_row, most_rows_)));
  size += kAlignment;  // that vectors may be read whole (Op::bind)
  memory_ = aligned_bytes(size);
  bytes_ = size;
  std::memset(memory_.get(), 0, size);
  stored_ = memory_.get() + stored;
  unbatched_ = memory_.get() + unbatched;
  block_ = memory_.get() + block;
  for (std::size_t i = 0; i < inputs.size(); ++i) inputs_[i].data = memory_.get() + inputs[i];
  for (std::size_t i = 0; i < states.size(); ++i)
    states_.push_back({memory_.get() + states[i],
                       static_cast<std::size_t>(plan_->table.carried()[i].shape.row_size()) * sizeof(T), Type::real});
}

template <class T>
std::byte* BoundStep<T>::home(const OperandPlan& p) const {
  std::byte* base = p.source == Source::stored      ? stored_
                    : p.source == Source::unbatched ? unbatched_
                    : p.source == Source::scratch   ? block_
                    : p.source == Source::carried   ? states_[p.slot].data
                                                    : plan_->constants[p.slot].get();
  return base + p.fixed + p.scaled * most_rows_;
}

template <class T>
void BoundStep<T>::add_call(const KernelPlan& kernel) {
  const auto x = std::span<const KernelOperand>(ports_).subspan(kernel.first_port, kernel.inputs);
  const auto results = std::span<const KernelOperand>(ports_).subspan(kernel.first_port + kernel.inputs, kernel.results);
  const bool batched = results[0].shape->batched(),
             reduces = !batched && std::ranges::any_of(x, [](const KernelOperand&p) { return p.shape->batched(); });
  for (Index task = 0; task < kernel.tasks; ++task)
    calls_.push_back({&kernel,
                      KernelCall{.run = {}, .task = task, .tasks = kernel.tasks, .x = x, .y = results[0], .results = results},
                      batched || reduces, nullptr});
}

template <class T>
void BoundStep<T>::bind(const Weights& weights) noexcept {
  for (const WeightPort& w : weight_ports_) ports_[w.port].data = const_cast<std::byte*>(weights.base(*w.plan) + w.plan->fixed);
}

template <class T>
void BoundStep<T>::set_rows(Index rows) noexcept {
  rows_ = rows;
  for (const InputPort& p : input_ports_) ports_[p.port].data = inputs_[p.slot].data + p.fixed + p.scaled * rows;
  for (Call& c : calls_) {
    c.call.run.rows = rows;
    c.call.rows = c.batched ? rows : 1;
  }
}

template <class T>
void BoundStep<T>::run(Index rows) {
  if (rows != rows_) set_rows(rows);
  const FlushDenormals flush;
  for (const Call& c : calls_) {
    if (c.bound)
      c.bound->run();
    else
      c.kernel->template run<T>(c.call);
  }
}

template <class T>
void BoundStep<T>::commit() noexcept {
  for (const Next& next : next_) std::memcpy(states_[next.state].data, next.data, states_[next.state].size(rows_));
}

template <class T>
std::size_t BoundStep<T>::bytes() const {
  std::size_t total = bytes_ + ports_.capacity() * sizeof(KernelOperand) + calls_.capacity() * sizeof(Call);
  for (const Call& c : calls_) total += c.bound ? c.bound->bytes() : 0;
  return total;
}

template class BoundStep<float>;
template class BoundStep<double>;

}  // namespace reel::streams
