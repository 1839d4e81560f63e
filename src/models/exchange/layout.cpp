#include <reel/models/exchange/layout.h>

#include <algorithm>
#include <optional>
#include <set>
#include <type_traits>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <reel/graph/error.h>

namespace reel {
namespace {

// Calls f(element of the parameter, element of the foreign tensor).
template <class F>
void for_each_element(const ForeignBlock& block, F f) {
  std::vector<Index> at(block.dims.size(), 0);
  Index foreign = block.at;
  for (Index own = 0, n = block.parameter.shape().row_size(); own < n; ++own) {
    f(own, foreign);
    for (std::size_t axis = at.size(); axis-- > 0;) {
      foreign += block.strides[axis];
      if (++at[axis] < block.dims[axis]) break;
      foreign -= block.strides[axis] * block.dims[axis];
      at[axis] = 0;
    }
  }
}

Index elements(const ForeignTensor& tensor) {
  Index n = 1;
  for (Index d : tensor.dims) n *= d;
  return n;
}

std::string described(const ForeignTensor& tensor, const std::string& prefix) {
  return fmt::format("{}{} [{}]", prefix, tensor.name, fmt::join(tensor.dims, ", "));
}

// The file's tensors for those of the layout; nullptr for optional ones that are missing, all of them.
std::vector<const StoredTensor*> find_all(const SafetensorsFile& file, const std::string& prefix, const Layout& layout) {
  const bool has_optional = std::ranges::any_of(
      layout, [&](const ForeignTensor& tensor) { return tensor.optional && file.find(prefix + tensor.name); });
  std::vector<const StoredTensor*> found;
  std::vector<std::string> differences;
  for (const ForeignTensor& tensor : layout) {
    const StoredTensor* stored = file.find(prefix + tensor.name);
    if (stored && !tensor.refused.empty())
      throw FileError(fmt::format("{}: {}{}: {}", file.path(), prefix, tensor.name, tensor.refused));
    if (!stored && tensor.refused.empty() && (!tensor.optional || has_optional))
      differences.push_back(fmt::format("{} is missing", described(tensor, prefix)));
    else if (stored && stored->dims != tensor.dims)
      differences.push_back(fmt::format("{} is {} in the file", described(tensor, prefix), stored->text()));
    found.push_back(stored);
  }
  if (!differences.empty())
    throw FileError(fmt::format("{}: does not fit the layer: {}", file.path(), fmt::join(differences, "; ")));
  return found;
}

}  // namespace

template <class T>
void load_layout(const SafetensorsFile& file, const std::string& prefix, const Layout& layout, ParameterValues<T>& values) {
  const std::vector<const StoredTensor*> found = find_all(file, prefix, layout);
  std::vector<std::vector<T>> numbers;
  for (const StoredTensor* stored : found) {
    numbers.emplace_back(static_cast<std::size_t>(stored ? stored->elements() : 0));
    if (stored) file.read<T>(*stored, std::span<T>(numbers.back()));
  }
  for (std::size_t i = 0; i < layout.size(); ++i)
    for (const ForeignBlock& block : layout[i].blocks) {
      const TensorView<T> to = values.edit(block.parameter);
      for_each_element(block, [&](Index own, Index foreign) {
        const T number = found[i] ? numbers[i][static_cast<std::size_t>(foreign)] : T{};
        if (!block.adds)
          to[own] = number;
        else if (number != T{})  // what is written as zeros must come back as it was, -0 too
          to[own] += number;
      });
    }
}
template void load_layout<float>(const SafetensorsFile&, const std::string&, const Layout&, ParameterValues<float>&);
template void load_layout<double>(const SafetensorsFile&, const std::string&, const Layout&, ParameterValues<double>&);

template <class T>
void StoredLayouts::add(const std::string& prefix, const Layout& layout, const ParameterValues<T>& values) {
  for (const ForeignTensor& tensor : layout) {
    if (!tensor.refused.empty()) continue;
    auto& kept = [&]() -> std::vector<T>& {
      if constexpr (std::is_same_v<T, float>)
        return floats_.emplace_back(static_cast<std::size_t>(elements(tensor)));
      else
        return doubles_.emplace_back(static_cast<std::size_t>(elements(tensor)));
    }();
    for (const ForeignBlock& block : tensor.blocks) {
      if (block.adds) continue;
      const TensorView<const T> from = values[block.parameter];
      for_each_element(block, [&](Index own, Index foreign) { kept[static_cast<std::size_t>(foreign)] = from[own]; });
    }
    tensors_.emplace_back(prefix + tensor.name, tensor.dims, std::span<const T>(kept));
  }
}
template void StoredLayouts::add<float>(const std::string&, const Layout&, const ParameterValues<float>&);
template void StoredLayouts::add<double>(const std::string&, const Layout&, const ParameterValues<double>&);

void StoredLayouts::write(const std::string& path, const std::map<std::string, std::string>& metadata) const {
  write_safetensors(path, tensors_, metadata);
}

}  // namespace reel
