#include <reel/plan/stream/weights.h>

#include <algorithm>

#include <reel/plan/denormals.h>
#include <reel/plan/parameter_check.h>

namespace reel::streams {
namespace {

// What is made of parameters alone: the plan's cached phases, one kernel after the other.
template <class T>
class Packer {
 public:
  Packer(const PlanData& plan, const ParameterValues<T>* values, Weights& weights)
      : plan_(plan),
        values_(values),
        weights_(weights),
        scratch_(aligned_bytes(static_cast<std::size_t>(plan.kernel_scratch))),
        ports_(plan.most_ports) {}

  void run() {
    const FlushDenormals flush;
    for (const PhasePlan& phase : plan_.phases)
      if (phase.kind == PhaseKind::cached)
        for (std::uint32_t k = phase.first_kernel; k < phase.end_kernel; ++k) run_kernel(plan_.kernels[k]);
  }

 private:
  void run_kernel(const KernelPlan& kernel) {
    for (std::uint32_t i = 0; i < kernel.inputs + kernel.results; ++i) {
      const OperandPlan& p = plan_.ports[kernel.first_port + i];
      ports_[i] = {base(p) + p.fixed, p.stride, p.shape, p.type, p.splat};
    }
    const auto all = std::span<const KernelOperand>(ports_);
    for (Index task = 0; task < kernel.tasks; ++task) {
      const KernelCall call{.run = {},
                            .task = task,
                            .tasks = kernel.tasks,
                            .x = all.first(kernel.inputs),
                            .y = all[kernel.inputs],
                            .results = all.subspan(kernel.inputs, kernel.results),
                            .scratch = scratch_.get()};
      kernel.run<T>(call);
    }
  }
  std::byte* base(const OperandPlan& p) const {
    if (p.source == Source::parameter)
      return reinterpret_cast<std::byte*>(const_cast<T*>(values_->at(static_cast<Index>(p.slot)).data()));
    return p.source == Source::constant ? plan_.constants[p.slot].get() : weights_.cached.get();
  }

  const PlanData& plan_;
  const ParameterValues<T>* values_;
  Weights& weights_;
  AlignedBytes scratch_;
  std::vector<KernelOperand> ports_;
};

}  // namespace

template <class T>
std::unique_ptr<const Weights> make_weights(const PlanData& plan, const ParameterValues<T>* values) {
  check_parameters(plan, values);
  auto weights = std::make_unique<Weights>();
  weights->cached = aligned_bytes(static_cast<std::size_t>(plan.cached_bytes) + kAlignment);
  weights->bytes = static_cast<std::size_t>(plan.cached_bytes);
  Packer<T>(plan, values, *weights).run();
  weights->parameters.resize(static_cast<std::size_t>(plan.parameter_count));
  const auto keep = [&](const OperandPlan& p) {
    if (p.source != Source::parameter || weights->parameters[p.slot]) return;
    const TensorView<const T> value = values->at(static_cast<Index>(p.slot));
    const std::size_t bytes = static_cast<std::size_t>(value.size()) * sizeof(T);
    weights->parameters[p.slot] = aligned_bytes(bytes + kAlignment);  // that vectors may be read whole (Op::bind)
    weights->bytes += bytes;
    std::copy_n(value.data(), value.size(), reinterpret_cast<T*>(weights->parameters[p.slot].get()));
  };
  for (const PhasePlan& phase : plan.phases) {
    if (phase.kind == PhaseKind::cached) continue;
    for (std::uint32_t k = phase.first_kernel; k < phase.end_kernel; ++k)
      for (std::uint32_t i = 0; i < plan.kernels[k].inputs; ++i) keep(plan.ports[plan.kernels[k].first_port + i]);
  }
  for (std::uint32_t port : plan.root_ports) keep(plan.ports[port]);
  return weights;
}
template std::unique_ptr<const Weights> make_weights<float>(const PlanData&, const ParameterValues<float>*);
template std::unique_ptr<const Weights> make_weights<double>(const PlanData&, const ParameterValues<double>*);

Exchange::Exchange(std::unique_ptr<const Weights> first) : latest_(first.get()) { versions_.push_back(std::move(first)); }

void Exchange::publish(std::unique_ptr<const Weights> weights) {
  const std::lock_guard lock(mutex_);
  versions_.push_back(std::move(weights));
  latest_.store(versions_.back().get(), std::memory_order_seq_cst);
  free_unused();
}

std::size_t Exchange::bytes() const {
  const std::lock_guard lock(mutex_);
  std::size_t total = 0;
  for (const auto& version : versions_) total += version->bytes;
  return total;
}

Exchange::Slot& Exchange::enter() {
  const std::lock_guard lock(mutex_);
  auto it = std::ranges::find_if(slots_, [](const auto& slot) { return !slot->taken; });
  if (it == slots_.end()) it = slots_.insert(it, std::make_unique<Slot>());
  Slot& slot = **it;
  slot.taken = true;
  slot.in_use.store(latest_.load(), std::memory_order_seq_cst);
  return slot;
}

void Exchange::leave(Slot& slot) {
  const std::lock_guard lock(mutex_);
  slot.in_use = slot.announced = nullptr;
  slot.taken = false;
  free_unused();
}

void Exchange::free_unused() {
  std::erase_if(versions_, [&](const auto& version) {
    const Weights* w = version.get();
    return w != latest_.load() &&
           std::ranges::none_of(slots_, [w](const auto& slot) { return slot->in_use == w || slot->announced == w; });
  });
}

Reader::Reader(std::shared_ptr<Exchange> exchange) : exchange_(std::move(exchange)), slot_(exchange_->enter()) {}

}  // namespace reel::streams
