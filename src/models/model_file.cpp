#include <reel/models/model_file.h>

#include <algorithm>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <reel/data/versioned_record.h>
#include <reel/graph/error.h>

namespace reel {
namespace {

constexpr VersionedRecord kDescription{.key = "reel.model", .what = "a model file with a description", .version = 1};
constexpr std::size_t kMostNamed = 20;  // differences that a message lists

class Differences {
 public:
  template <class... A>
  void add(fmt::format_string<A...> text, A&&... a) {
    if (count_++ < kMostNamed) list_.push_back(fmt::format(text, std::forward<A>(a)...));
  }
  void refuse_any(const std::string& path) const {
    if (count_ == 0) return;
    const std::string more = count_ > kMostNamed ? fmt::format("; and {} more", count_ - kMostNamed) : "";
    throw FileError(fmt::format("{}: does not fit the model: {}{}", path, fmt::join(list_, "; "), more));
  }

 private:
  std::vector<std::string> list_;
  std::size_t count_ = 0;
};

// Throws as reading it would.
template <class T>
void check_numbers(const SafetensorsFile& file, const StoredTensor& tensor) {
  // Each number of these has a value in T.
  if (tensor.type == stored_type_of<T>() || tensor.type == StoredType::f32 || tensor.type == StoredType::f16 ||
      tensor.type == StoredType::bf16)
    return;
  std::vector<T> all(static_cast<std::size_t>(tensor.elements()));
  file.read<T>(tensor, all);
}

struct Found {
  Parameter parameter;
  const StoredTensor* tensor;
};

}  // namespace

template <class T>
void save_model(const std::string& path, const ParameterSet& set, const ParameterValues<T>& values, const Record& description,
                const SaveOptions& options) {
  std::vector<TensorToStore> tensors = options.more;
  for (const Parameter& p : set.all())
    tensors.emplace_back(options.prefix + p.name(), values[p], options.type.value_or(stored_type_of<T>()));
  std::map<std::string, std::string> metadata = options.metadata;
  if (!metadata.emplace(kDescription.key, kDescription.json(description)).second)
    throw InputError(fmt::format("save_model: the metadata {} is the description's own", kDescription.key));
  write_safetensors(path, std::move(tensors), metadata);
}
template void save_model<float>(const std::string&, const ParameterSet&, const ParameterValues<float>&, const Record&,
                                const SaveOptions&);
template void save_model<double>(const std::string&, const ParameterSet&, const ParameterValues<double>&, const Record&,
                                 const SaveOptions&);

Record model_description(const SafetensorsFile& file) { return kDescription.read(file); }

template <class T>
std::vector<std::string> load_model(const SafetensorsFile& file, const ParameterSet& set, ParameterValues<T>& values,
                                    const LoadOptions& options) {
  Differences differences;
  std::vector<Found> found;
  std::vector<std::string> missing;
  std::set<std::string, std::less<>> known;
  for (const Parameter& p : set.all()) {
    known.insert(p.name());
    const StoredTensor* tensor = file.find(options.prefix + p.name());
    if (!tensor) {
      missing.push_back(p.name());
      if (options.match == Match::all) differences.add("{} {} is not in the file", p.name(), p.shape().text());
    } else if (!std::ranges::equal(tensor->dims, p.shape().dims())) {
      differences.add("{} is {} in the model, but {} in the file", p.name(), p.shape().text(), tensor->text());
    } else {
      found.push_back({p, tensor});
    }
  }
  if (options.match == Match::all)
    for (const StoredTensor& tensor : file.tensors())
      if (tensor.name.starts_with(options.prefix) && !tensor.name.starts_with("example.") &&
          !known.contains(tensor.name.substr(options.prefix.size())))
        differences.add("{} {} is not in the model", tensor.name, tensor.text());
  differences.refuse_any(file.path());
  if (found.empty() && set.size() > 0)
    throw FileError(fmt::format("{}: has none of the model's {} parameters", file.path(), set.size()));
  for (const Found& f : found) check_numbers<T>(file, *f.tensor);
  for (const Found& f : found) {
    const TensorView<T> to = values.edit(f.parameter);
    file.read<T>(*f.tensor, std::span<T>(to.data(), static_cast<std::size_t>(to.size())));
  }
  return missing;
}
template std::vector<std::string> load_model<float>(const SafetensorsFile&, const ParameterSet&, ParameterValues<float>&,
                                                    const LoadOptions&);
template std::vector<std::string> load_model<double>(const SafetensorsFile&, const ParameterSet&, ParameterValues<double>&,
                                                     const LoadOptions&);

}  // namespace reel
