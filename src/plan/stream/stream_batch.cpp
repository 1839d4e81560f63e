#include <reel/plan/stream/stream_batch.h>

#include <fmt/format.h>

#include <reel/graph/error.h>
#include <reel/plan/stream/arrays.h>
#include <reel/plan/stream/model.h>

namespace reel {
namespace {

Index checked_most(Index most) {
  if (most < 1) throw InputError(fmt::format("StreamBatch: it must have room for 1 stream or more, not {}", most));
  return most;
}

}  // namespace

template <class T>
StreamBatch<T>::StreamBatch(const StreamModel<T>& model, Index most)
    : model_(model.model_),
      reader_(std::make_unique<streams::Reader>(model_->weights)),
      step_(std::make_unique<streams::BoundStep<T>>(model_->plan, checked_most(most))),
      most_(most),
      row_of_(static_cast<std::size_t>(most), -1),
      joined_(static_cast<std::size_t>(most)) {
  step_->bind(reader_->weights());
  rows_.reserve(row_of_.size());
  for (std::size_t place = row_of_.size(); place > 0; --place) free_.push_back(static_cast<std::uint32_t>(place - 1));
}
template <class T>
StreamBatch<T>::StreamBatch(StreamBatch&&) noexcept = default;
template <class T>
StreamBatch<T>& StreamBatch<T>::operator=(StreamBatch&&) noexcept = default;
template <class T>
StreamBatch<T>::~StreamBatch() = default;

template <class T>
auto StreamBatch<T>::join() -> Member {
  if (free_.empty()) throw InputError(fmt::format("StreamBatch: there are {} streams, as many as it has room for", most_));
  const std::uint32_t place = free_.back();
  free_.pop_back();
  row_of_[place] = size();
  for (std::size_t slot = 0; slot < step_->states(); ++slot) std::memset(state_row(slot, size()), 0, step_->state_bytes(slot, 1));
  rows_.push_back(place);
  return {place, ++joined_[place]};
}

template <class T>
void StreamBatch<T>::leave(Member member) {
  const Index left = row(member), last = size() - 1;
  for (std::size_t slot = 0; slot < step_->states() && left != last; ++slot)
    std::memcpy(state_row(slot, left), state_row(slot, last), step_->state_bytes(slot, 1));
  rows_[static_cast<std::size_t>(left)] = rows_.back();
  row_of_[rows_.back()] = left;
  rows_.pop_back();
  row_of_[member.place] = -1;
  free_.push_back(member.place);
}

template <class T>
Index StreamBatch<T>::row(Member member) const {
  if (member.place < row_of_.size() && row_of_[member.place] >= 0 && joined_[member.place] == member.joined)
    return row_of_[member.place];
  throw InputError("StreamBatch: this stream has left, or never joined");
}

template <class T>
bool StreamBatch<T>::step(std::span<const StreamInput<T>> x, std::span<const StreamOutput<T>> y) noexcept {
  return step_ && streams::run_step<T>(*step_, *reader_, x, y, size());
}

template <class T>
TensorView<const T> StreamBatch<T>::state(Member member, std::string_view name) const {
  const Index at = row(member);
  const std::size_t slot = streams::state_slot(*model_->plan, name);
  return {reinterpret_cast<const T*>(state_row(slot, at)), model_->plan->table.carried()[slot].shape.bind(1)};
}

template <class T>
void StreamBatch<T>::set_state(Member member, std::string_view name, TensorView<const T> value) {
  const Index at = row(member);
  const std::size_t slot = streams::state_slot(*model_->plan, name);
  streams::check_state(model_->plan->table.carried()[slot], value.shape());
  std::memmove(state_row(slot, at), value.data(), step_->state_bytes(slot, 1));
}

template <class T>
std::size_t StreamBatch<T>::bytes() const {
  return step_ ? step_->bytes() : 0;
}

template <class T>
std::byte* StreamBatch<T>::state_row(std::size_t slot, Index row) const {
  return step_->state(slot) + step_->state_bytes(slot, row);
}

template class StreamBatch<float>;
template class StreamBatch<double>;

}  // namespace reel
