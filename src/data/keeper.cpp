#include <reel/data/keeper.h>

#include <algorithm>
#include <cstring>

#include <fmt/format.h>

#include <reel/data/safetensors_header.h>
#include <reel/graph/error.h>

namespace reel {

void Keeper::refuse(std::string_view name, const std::string& what) const {
  const std::string where = file_ ? file_->path() : "keeper";
  throw FileError(fmt::format("{}: {}: {}", where, shown_name(full(name)), what));
}

const StoredTensor& Keeper::stored(std::string_view name, StoredType type) {
  const StoredTensor* tensor = file_->find(full(name));
  if (!tensor) refuse(name, "is not in the file; it was kept by another program, or with other settings");
  if (tensor->type != type) refuse(name, fmt::format("is {} in the file; {} was expected", tensor->text(), stored_name(type)));
  restored_.insert(tensor->name);
  return *tensor;
}

template <class T>
void Keeper::numbers(std::string_view name, std::vector<Index>& dims, std::vector<T>& list) {
  if (file_) {
    const StoredTensor& tensor = stored(name, stored_type_of<T>());
    if (tensor.dims.size() != dims.size())
      refuse(name, fmt::format("is {} in the file; {} dimensions were expected", tensor.text(), dims.size()));
    std::vector<T> found(static_cast<std::size_t>(tensor.elements()));
    file_->read<T>(tensor, found);
    list = std::move(found);
    dims = tensor.dims;
    return;
  }
  const auto bytes = std::as_bytes(std::span(list));
  const auto& copy = copies_.emplace_back(bytes.begin(), bytes.end());
  kept_.emplace_back(full(name), dims, std::span(reinterpret_cast<const T*>(copy.data()), list.size()));
}
template void Keeper::numbers<double>(std::string_view, std::vector<Index>&, std::vector<double>&);
template void Keeper::numbers<float>(std::string_view, std::vector<Index>&, std::vector<float>&);
template void Keeper::numbers<std::int64_t>(std::string_view, std::vector<Index>&, std::vector<std::int64_t>&);
template void Keeper::numbers<std::int32_t>(std::string_view, std::vector<Index>&, std::vector<std::int32_t>&);

void Keeper::integer(std::string_view name, std::int64_t& value) {
  std::vector<Index> dims;
  std::vector<std::int64_t> one{value};
  numbers(name, dims, one);
  value = one[0];
}

void Keeper::operator()(std::string_view name, double& value) {
  std::vector<Index> dims;
  std::vector<double> one{value};
  numbers(name, dims, one);
  value = one[0];
}

void Keeper::operator()(std::string_view name, std::string& text) {
  if (file_) {
    const auto bytes = file_->bytes(stored(name, StoredType::u8));
    text.assign(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    return;
  }
  const auto bytes = std::as_bytes(std::span(text.data(), text.size()));
  const auto& copy = copies_.emplace_back(bytes.begin(), bytes.end());
  kept_.emplace_back(full(name), std::vector<Index>{static_cast<Index>(copy.size())},
                     std::span(reinterpret_cast<const std::uint8_t*>(copy.data()), copy.size()));
}

void Keeper::operator()(std::string_view name, RandomStream& random) {
  const auto position = random.position();
  std::vector<std::int64_t> list(position.begin(), position.end());
  std::vector<Index> dims{static_cast<Index>(list.size())};
  numbers(name, dims, list);
  RandomStream::Position found{};
  const bool whole = list.size() == found.size();
  if (whole) std::ranges::transform(list, found.begin(), [](std::int64_t x) { return static_cast<std::uint64_t>(x); });
  if (!whole || !RandomStream::valid(found)) refuse(name, "is no position of a random stream");
  random.set_position(found);
}

template <class T>
void Keeper::operator()(std::string_view name, Tensor<T>& tensor) {
  std::vector<Index> dims(tensor.shape().dims().begin(), tensor.shape().dims().end());
  if (file_) {
    stored(name, stored_type_of<T>());
    tensor = file_->read<T>(full(name));
    return;
  }
  std::vector<T> copy(tensor.begin(), tensor.end());
  numbers(name, dims, copy);
}
template void Keeper::operator()<float>(std::string_view, Tensor<float>&);
template void Keeper::operator()<double>(std::string_view, Tensor<double>&);
template void Keeper::operator()<std::int32_t>(std::string_view, Tensor<std::int32_t>&);

template <class T>
void Keeper::refer(std::string_view name, TensorView<const T> numbers) {
  kept_.emplace_back(full(name), numbers);
}
template void Keeper::refer<float>(std::string_view, TensorView<const float>);
template void Keeper::refer<double>(std::string_view, TensorView<const double>);

template <class T>
void Keeper::restore(std::string_view name, TensorView<T> to) {
  const StoredTensor& tensor = stored(name, stored_type_of<T>());
  if (!std::ranges::equal(tensor.dims, to.shape().dims()))
    refuse(name, fmt::format("is {} in the file, but {} here", tensor.text(), to.shape().text()));
  file_->read<T>(tensor, std::span<T>(to.data(), static_cast<std::size_t>(to.size())));
}
template void Keeper::restore<float>(std::string_view, TensorView<float>);
template void Keeper::restore<double>(std::string_view, TensorView<double>);

void Keeper::same(std::string_view name, std::string_view text) {
  std::string found(text);
  (*this)(name, found);
  if (found != text) refuse(name, fmt::format("it is {} there, but {} here", shown_name(found), shown_name(text)));
}

void Keeper::require_all_restored() const {
  if (!file_) return;
  for (const StoredTensor& tensor : file_->tensors())
    if (!restored_.contains(tensor.name))
      refuse(tensor.name, "is in the file, but nothing here asks for it; it was kept by another program, or with other settings");
}

void Keeper::write(const std::string& path, const std::map<std::string, std::string>& metadata) const {
  write_safetensors(path, kept_, metadata);
}

}  // namespace reel
