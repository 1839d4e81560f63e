#include <reel/plan/stream/stream_model.h>

#include <reel/plan/results.h>
#include <reel/plan/stream/check.h>
#include <reel/plan/stream/model.h>

namespace reel {
template <class T>
StreamModel<T>::StreamModel(std::span<const Result> outputs, const ParameterValues<T>* values, const CompileOptions& options) {
  auto model = std::make_shared<streams::Model>();
  model->plan = compile_results<T>("StreamModel", outputs, options).data_;
  check_stream("StreamModel", *model->plan, outputs);
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
