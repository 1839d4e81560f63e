#include <reel/plan/stream/stream_model.h>

#include <fmt/format.h>

#include <reel/graph/error.h>
#include <reel/plan/results.h>
#include <reel/plan/stream/model.h>

namespace reel {
namespace {

// That each row goes its own way, and the same one each time.
void check_step(const PlanData& plan, std::span<const Result> outputs) {
  const Tape& tape = *plan.program.tape;
  for (NodeId id = 0; id < tape.size(); ++id)
    if (tape.node(id).op->traits().draws)
      throw InputError(fmt::format("StreamModel: [{}] draws random numbers ({}); record the step for inference",
                                   tape.node(id).op->name(), tape.place(id)));
  for (const Result& r : outputs)
    if (!r.value.shape().batched())
      throw InputError(fmt::format("StreamModel: the output \"{}\" has no row of its own for each stream; it is {}", r.name,
                                   r.value.shape().text()));
  for (const InputSlot& slot : plan.table.carried())
    if (!slot.shape.batched())
      throw InputError(fmt::format("StreamModel: the carried state {} has no row of its own for each stream", slot.text()));
  for (const InputSlot& slot : plan.table.inputs())
    if (!slot.shape.batched())
      throw InputError(fmt::format("StreamModel: the input {} has no row of its own for each stream", slot.text()));
}

}  // namespace

template <class T>
StreamModel<T>::StreamModel(std::span<const Result> outputs, const ParameterValues<T>* values, const CompileOptions& options) {
  auto model = std::make_shared<streams::Model>();
  model->plan = compile_results<T>("StreamModel", outputs, options).data_;
  check_step(*model->plan, outputs);
  for (const Result& r : outputs) model->output_names.push_back(r.name);
  model->weights = std::make_shared<streams::Exchange>(streams::make_weights(*model->plan, values));
  model_ = std::move(model);
}

template <class T>
std::span<const InputSlot> StreamModel<T>::inputs() const {
  return model_->plan->table.inputs();
}
template <class T>
std::span<const InputSlot> StreamModel<T>::states() const {
  return model_->plan->table.carried();
}
template <class T>
std::size_t StreamModel<T>::outputs() const {
  return model_->output_names.size();
}
template <class T>
const std::string& StreamModel<T>::output_name(std::size_t number) const {
  return model_->output_names.at(number);
}
template <class T>
const Shape& StreamModel<T>::output_shape(std::size_t number) const {
  return *model_->plan->ports[model_->plan->outputs.at(number).port].shape;
}

template <class T>
void StreamModel<T>::publish(const ParameterValues<T>& values) {
  model_->weights->publish(streams::make_weights(*model_->plan, &values));
}

template <class T>
std::size_t StreamModel<T>::weight_bytes() const {
  return model_->weights->bytes();
}

template class StreamModel<float>;
template class StreamModel<double>;

}  // namespace reel
