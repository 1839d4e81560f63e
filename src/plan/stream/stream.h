// Stream: a model's state, stepped in real time.
//
// step() allocates nothing, takes no lock, makes no system call and waits for no other thread: it is for audio callbacks and
// control loops. Its bits are those of the plan over the whole sequence. Threads: one at a time; streams of one model are
// independent, whatever threads they run in.
#pragma once

#include <memory>
#include <span>
#include <string_view>
#include <variant>

#include <reel/plan/stream/stream_model.h>

namespace reel {

namespace streams {
template <class T>
class BoundStep;
class Reader;
}  // namespace streams

// What a step is given, or gives, for one input or output: real numbers or ids.
template <class T>
using StreamInput = std::variant<std::span<const T>, std::span<const std::int32_t>>;
template <class T>
using StreamOutput = std::variant<std::span<T>, std::span<std::int32_t>>;

template <class T = float>
class Stream {
 public:
  explicit Stream(const StreamModel<T>& model);
  Stream(const Stream& other);  // a branch: the same state, and its own from now on
  Stream(Stream&&) noexcept;
  Stream& operator=(const Stream& other);
  Stream& operator=(Stream&&) noexcept;
  ~Stream();

  // One step: x and y in the order of the model's inputs and outputs, each with as many numbers as its shape with B = 1; y and
  // the state are written last. False, and nothing has changed, when a size or a type is another, and for an id that is out of
  // range. The arrays must not overlap.
  [[nodiscard]] bool step(std::span<const StreamInput<T>> x, std::span<const StreamOutput<T>> y) noexcept;
  // Of a model with one input and one output.
  [[nodiscard]] bool step(std::span<const T> x, std::span<T> y) noexcept {
    const StreamInput<T> in = x;
    const StreamOutput<T> out = y;
    return step({&in, 1}, {&out, 1});
  }

  // The state that the next step begins with. InputError for a name that the model does not carry, and for another shape.
  TensorView<const T> state(std::string_view name) const;  // [1, ...]; valid until the next step
  void set_state(std::string_view name, TensorView<const T> value);
  void reset() noexcept;                 // to zero
  void copy_state(const Stream& other);  // allocates nothing; InputError for a stream of another model

  std::size_t bytes() const;  // memory held, beyond the model's

 private:
  explicit Stream(std::shared_ptr<streams::Model> model);
  streams::BoundStep<T>& checked() const;  // InputError where it was moved away
  std::shared_ptr<streams::Model> model_;
  std::unique_ptr<streams::Reader> reader_;
  std::unique_ptr<streams::BoundStep<T>> step_;
};

}  // namespace reel
