#include <reel/data/safetensors.h>

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include <reel/data/file_writer.h>
#include <reel/data/safetensors_header.h>
#include <reel/graph/error.h>

namespace reel {
namespace {

constexpr std::size_t kChunk = 8192;  // elements converted at a time

std::size_t count(const TensorToStore& t) {
  return std::visit([](const auto& numbers) { return numbers.size(); }, t.numbers);
}

// In the file's order, with their places.
std::vector<StoredTensor> lay_out(std::span<const TensorToStore> tensors) {
  std::vector<StoredTensor> stored;
  std::size_t at = 0;
  for (const TensorToStore& t : tensors) {
    const std::size_t bytes = count(t) * stored_bytes(t.type);
    StoredTensor& s = stored.emplace_back(StoredTensor{t.name, t.type, t.dims, at, at + bytes});
    Index elements = 1;
    bool fits = std::ranges::all_of(t.dims, [](Index d) { return d >= 0; });
    for (Index d : t.dims) fits = fits && !__builtin_mul_overflow(elements, d, &elements);
    if (!fits || static_cast<std::size_t>(elements) != count(t))
      throw InputError(fmt::format("safetensors: {} {} was given {} numbers", shown_name(t.name), s.text(), count(t)));
    at += bytes;
  }
  return stored;
}

template <class T>
void write_numbers(FileWriter& file, const TensorToStore& t, std::span<const T> numbers) {
  if (t.type == stored_type_of<T>()) return file.write(std::as_bytes(numbers));
  std::array<std::byte, kChunk * 8> buffer;
  for (std::size_t first = 0; first < numbers.size(); first += kChunk) {
    const auto some = numbers.subspan(first, std::min(kChunk, numbers.size() - first));
    const auto bytes = std::span(buffer).first(some.size() * stored_bytes(t.type));
    if (const auto misfit = to_stored<T>(some, t.type, bytes))
      throw InputError(fmt::format("safetensors: element {} of {} is {}, which no {} is", first + misfit->element,
                                   shown_name(t.name), misfit->value, stored_name(t.type)));
    file.write(bytes);
  }
}

}  // namespace

void write_safetensors(const std::string& path, std::vector<TensorToStore> tensors,
                       const std::map<std::string, std::string>& metadata) {
  std::ranges::sort(tensors, [](const TensorToStore& a, const TensorToStore& b) {
    const std::size_t bytes_a = stored_bytes(a.type), bytes_b = stored_bytes(b.type);
    return bytes_a != bytes_b ? bytes_a > bytes_b : a.name < b.name;
  });
  std::vector<std::string_view> names;
  for (const TensorToStore& t : tensors) names.push_back(t.name);
  std::ranges::sort(names);
  if (const auto twice = std::ranges::adjacent_find(names); twice != names.end())
    throw InputError(fmt::format("safetensors: the name {} comes twice", shown_name(*twice)));
  if (std::ranges::binary_search(names, "__metadata__"))
    throw InputError("safetensors: no tensor may be called \"__metadata__\"; the format keeps that name for texts");
  const std::vector<StoredTensor> stored = lay_out(tensors);
  const std::string header = make_safetensors_header(stored, metadata);
  if (header.size() > SafetensorsLimits().header)
    throw InputError(fmt::format("safetensors: the header would have {} bytes; the format's limit is {}", header.size(),
                                 SafetensorsLimits().header));
  FileWriter file(path);
  file.write(header);
  for (const TensorToStore& t : tensors) std::visit([&](const auto& numbers) { write_numbers(file, t, numbers); }, t.numbers);
  file.commit();
}

}  // namespace reel
