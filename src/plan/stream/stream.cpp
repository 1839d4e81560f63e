#include <reel/plan/stream/stream.h>

#include <algorithm>
#include <cstring>

#include <fmt/format.h>

#include <reel/graph/error.h>
#include <reel/plan/stream/bound_step.h>
#include <reel/plan/stream/model.h>

namespace reel {
namespace {

std::size_t state_slot(const PlanData& plan, std::string_view name) {
  const int slot = plan.table.carried(name);
  if (slot < 0) throw InputError(fmt::format("the model carries no state \"{}\"", name));
  return static_cast<std::size_t>(slot);
}

// Of a StreamInput or StreamOutput.
template <class Array>
Type type_of(const Array& a) {
  return a.index() == 0 ? Type::real : Type::id;
}
template <class Array>
std::size_t bytes_of(const Array& a) {
  return a.index() == 0 ? std::get_if<0>(&a)->size_bytes() : std::get_if<1>(&a)->size_bytes();
}
template <class Array>
auto* data_of(const Array& a) {
  using Bytes =
      std::conditional_t<std::is_const_v<std::remove_pointer_t<decltype(std::get_if<0>(&a)->data())>>, const void, void>;
  return a.index() == 0 ? static_cast<Bytes*>(std::get_if<0>(&a)->data()) : static_cast<Bytes*>(std::get_if<1>(&a)->data());
}

}  // namespace

template <class T>
Stream<T>::Stream(const StreamModel<T>& model)
    : model_(model.model_),
      reader_(std::make_unique<streams::Reader>(model_->weights)),
      step_(std::make_unique<streams::BoundStep<T>>(model_->plan, 1)) {
  step_->bind(reader_->weights());
}
template <class T>
Stream<T>::Stream(const Stream& other)
    : model_((other.checked(), other.model_)),
      reader_(std::make_unique<streams::Reader>(model_->weights)),
      step_(std::make_unique<streams::BoundStep<T>>(model_->plan, 1)) {
  step_->bind(reader_->weights());
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
  if (!step_) return false;
  streams::BoundStep<T>& step = *step_;
  if (x.size() != step.inputs() || y.size() != step.outputs()) return false;
  for (std::size_t i = 0; i < x.size(); ++i)
    if (!step.takes(i, type_of(x[i]), bytes_of(x[i]), 1)) return false;
  for (std::size_t i = 0; i < y.size(); ++i)
    if (!step.gives(i, type_of(y[i]), bytes_of(y[i]), 1)) return false;
  for (std::size_t i = 0; i < x.size(); ++i) std::memcpy(step.input(i), data_of(x[i]), bytes_of(x[i]));
  if (reader_->update()) step.bind(reader_->weights());
  try {
    step.run(1);
  } catch (...) {
    return false;
  }
  for (std::size_t i = 0; i < y.size(); ++i) std::memcpy(data_of(y[i]), step.output(i), bytes_of(y[i]));
  step.commit();
  return true;
}

template <class T>
TensorView<const T> Stream<T>::state(std::string_view name) const {
  const streams::BoundStep<T>& step = checked();
  const std::size_t slot = state_slot(step.plan(), name);
  return {reinterpret_cast<const T*>(step.state(slot)), step.plan().table.carried()[slot].shape.bind(1)};
}

template <class T>
void Stream<T>::set_state(std::string_view name, TensorView<const T> value) {
  streams::BoundStep<T>& step = checked();
  const std::size_t slot = state_slot(step.plan(), name);
  const InputSlot& state = step.plan().table.carried()[slot];
  if (value.shape() != state.shape.bind(1))
    throw InputError(fmt::format("state {}: was given {}", state.text(), value.shape().text()));
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
