// The arrays of a step, untyped. Internal to src/plan/stream.
#pragma once

#include <cstring>
#include <type_traits>

#include <reel/plan/stream/bound_step.h>
#include <reel/plan/stream/stream.h>

namespace reel::streams {

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

// One step of so many rows, with the latest weights; false, and nothing has changed, when an array does not fit or a kernel
// throws.
template <class T>
bool run_step(BoundStep<T>& step, Reader& reader, std::span<const StreamInput<T>> x, std::span<const StreamOutput<T>> y,
              Index rows) noexcept {
  if (x.size() != step.inputs() || y.size() != step.outputs()) return false;
  for (std::size_t i = 0; i < x.size(); ++i)
    if (!step.takes(i, type_of(x[i]), bytes_of(x[i]), rows)) return false;
  for (std::size_t i = 0; i < y.size(); ++i)
    if (!step.gives(i, type_of(y[i]), bytes_of(y[i]), rows)) return false;
  if (rows == 0) return true;
  for (std::size_t i = 0; i < x.size(); ++i) std::memcpy(step.input(i), data_of(x[i]), bytes_of(x[i]));
  if (reader.update()) step.bind(reader.weights());
  try {
    step.run(rows);
  } catch (...) {
    return false;
  }
  for (std::size_t i = 0; i < y.size(); ++i) std::memcpy(data_of(y[i]), step.output(i), bytes_of(y[i]));
  step.commit();
  return true;
}

// InputError for a state that the plan does not carry.
std::size_t state_slot(const PlanData& plan, std::string_view name);
// InputError for a value that is not of one row of the state.
void check_state(const InputSlot& state, const Shape& value);

}  // namespace reel::streams
