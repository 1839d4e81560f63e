#include <reel/plan/stream/stream.h>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <reel/graph/error.h>
#include <reel/plan/stream/arrays.h>
#include <reel/plan/stream/model.h>

namespace reel {

std::size_t streams::state_slot(const PlanData& plan, std::string_view name) {
  const int slot = plan.table.carried(name);
  if (slot >= 0) return static_cast<std::size_t>(slot);
  std::vector<std::string> states;
  for (const InputSlot& state : plan.table.carried()) states.push_back(state.text());
  throw InputError(fmt::format("the model carries no state \"{}\"; it carries {}", name,
                               states.empty() ? "none" : fmt::format("{}", fmt::join(states, ", "))));
}

void streams::check_state(const InputSlot& state, const Shape& value) {
  if (value != state.shape.bind(1)) throw InputError(fmt::format("state {}: was given {}", state.text(), value.text()));
}

template <class T>
Stream<T>::Stream(std::shared_ptr<streams::Model> model)
    : model_(std::move(model)),
      reader_(std::make_unique<streams::Reader>(model_->weights)),
      step_(std::make_unique<streams::BoundStep<T>>(model_->plan, 1)) {
  step_->bind(reader_->weights());
}
template <class T>
Stream<T>::Stream(const StreamModel<T>& model) : Stream(model.model_) {}
template <class T>
Stream<T>::Stream(const Stream& other) : Stream((other.checked(), other.model_)) {
  copy_state(other);
}
template <class T>
Stream<T>& Stream<T>::operator=(const Stream& other) {
  return *this = Stream(other);
}
template <class T>
Stream<T>::Stream(Stream&&) noexcept = default;
template <class T>
Stream<T>& Stream<T>::operator=(Stream&&) noexcept = default;
template <class T>
Stream<T>::~Stream() = default;

template <class T>
bool Stream<T>::step(std::span<const StreamInput<T>> x, std::span<const StreamOutput<T>> y) noexcept {
  return step_ && streams::run_step<T>(*step_, *reader_, x, y, 1);
}

template <class T>
TensorView<const T> Stream<T>::state(std::string_view name) const {
  const streams::BoundStep<T>& step = checked();
  const std::size_t slot = streams::state_slot(step.plan(), name);
  return {reinterpret_cast<const T*>(step.state(slot)), step.plan().table.carried()[slot].shape.bind(1)};
}

template <class T>
void Stream<T>::set_state(std::string_view name, TensorView<const T> value) {
  streams::BoundStep<T>& step = checked();
  const std::size_t slot = streams::state_slot(step.plan(), name);
  streams::check_state(step.plan().table.carried()[slot], value.shape());
  std::memmove(step.state(slot), value.data(), step.state_bytes(slot, 1));
}

template <class T>
void Stream<T>::reset() noexcept {
  if (!step_) return;
  for (std::size_t slot = 0; slot < step_->states(); ++slot) std::memset(step_->state(slot), 0, step_->state_bytes(slot, 1));
}

template <class T>
void Stream<T>::copy_state(const Stream& other) {
  streams::BoundStep<T>&to = checked(), &from = other.checked();
  if (&to.plan() != &from.plan()) throw InputError("copy_state: the streams are of different models");
  for (std::size_t slot = 0; slot < to.states(); ++slot) std::memmove(to.state(slot), from.state(slot), to.state_bytes(slot, 1));
}

template <class T>
std::size_t Stream<T>::bytes() const {
  return checked().bytes();
}

template <class T>
streams::BoundStep<T>& Stream<T>::checked() const {
  if (!step_) throw InputError("a Stream was used whose contents were moved away");
  return *step_;
}

template class Stream<float>;
template class Stream<double>;

}  // namespace reel
