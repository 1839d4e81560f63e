// StreamModel: one step of a trained model, compiled, with weights that many streams share and that can be replaced while they
// run.
//
// The tape records one step; what goes from step to step is carried (Tape::carried, carried_state):
//
//   Tape tape;
//   const auto step = unroll(cell, tape.input("x", 1, {B, 1}), carried_state(tape, cell, "state"));
//   StreamModel<float> model({{"y", head(step.outputs.back())}}, &values);
//   Stream<float> stream(model);
//   const bool good = stream.step(x_numbers, y_numbers);
//
// Threads: any; publish() may run while streams do. Copies are the same model.
#pragma once

#include <initializer_list>
#include <memory>
#include <span>
#include <string>

#include <reel/plan/builder.h>
#include <reel/plan/compile.h>

namespace reel {

namespace streams {
struct Model;
}

template <class T>
class Stream;
template <class T>
class StreamBatch;

template <class T = float>
class StreamModel {
 public:
  // Compiles the outputs, and copies what steps need of the values, which need not live on. InputError as compile() and
  // Workspace throw it; for a step that draws random numbers (record it for inference); and for an input, output or state without
  // B.
  StreamModel(std::span<const Result> outputs, const ParameterValues<T>* values, const CompileOptions& options = {});
  StreamModel(std::initializer_list<Result> outputs, const ParameterValues<T>* values, const CompileOptions& options = {})
      : StreamModel(std::span(outputs.begin(), outputs.size()), values, options) {}

  // In the order in which Stream::step takes them. Shapes have B as their first dimension, which is 1 for a Stream.
  std::span<const InputSlot> inputs() const;
  std::span<const InputSlot> states() const;
  std::size_t outputs() const;
  const std::string& output_name(std::size_t number) const;
  const Shape& output_shape(std::size_t number) const;

  // New weights, for all streams: each takes them before its next step. Takes as long as copying and packing them; streams do not
  // wait for it. InputError, and nothing has changed, for values of another set. Safe from any thread.
  void publish(const ParameterValues<T>& values);
  std::size_t weight_bytes() const;  // of all versions that some stream uses still

 private:
  friend class Stream<T>;
  friend class StreamBatch<T>;
  std::shared_ptr<streams::Model> model_;
};

}  // namespace reel
