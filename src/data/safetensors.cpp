#include <reel/data/safetensors.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <reel/data/safetensors_header.h>
#include <reel/graph/error.h>

namespace reel {

// A file as memory that is read when it is touched.
class SafetensorsFile::Mapping {
 public:
  explicit Mapping(const std::string& path) {
    const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor < 0) throw FileError(fmt::format("{}: {}", path, std::strerror(errno)));
    struct stat status;
    const bool regular = ::fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode);
    void* at = nullptr;
    if (regular && status.st_size > 0) {
      size_ = static_cast<std::size_t>(status.st_size);
      at = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, descriptor, 0);
    }
    const int reason = errno;
    ::close(descriptor);
    if (!regular) throw FileError(fmt::format("{}: is {}", path, S_ISDIR(status.st_mode) ? "a directory" : "no regular file"));
    if (at == MAP_FAILED) throw FileError(fmt::format("{}: cannot be mapped: {}", path, std::strerror(reason)));
    at_ = static_cast<const std::byte*>(at);
  }
  ~Mapping() {
    if (at_) ::munmap(const_cast<std::byte*>(at_), size_);
  }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  std::span<const std::byte> bytes() const { return {at_, size_}; }

 private:
  const std::byte* at_ = nullptr;
  std::size_t size_ = 0;
};

Index StoredTensor::elements() const {
  Index n = 1;
  for (Index d : dims) n *= d;
  return n;
}
std::string StoredTensor::text() const {
  const auto shown = std::span(dims).first(std::min<std::size_t>(dims.size(), 16));
  return fmt::format("{} [{}{}]", stored_name(type), fmt::join(shown, ", "), shown.size() < dims.size() ? ", ..." : "");
}

SafetensorsFile::SafetensorsFile(const std::string& path, const SafetensorsLimits& limits)
    : path_(path), mapping_(std::make_unique<Mapping>(path)), all_(mapping_->bytes()) {
  parse(limits);
}
SafetensorsFile::SafetensorsFile(std::span<const std::byte> bytes, std::string name, const SafetensorsLimits& limits)
    : path_(std::move(name)), all_(bytes) {
  parse(limits);
}
SafetensorsFile::~SafetensorsFile() = default;
SafetensorsFile::SafetensorsFile(SafetensorsFile&&) noexcept = default;
SafetensorsFile& SafetensorsFile::operator=(SafetensorsFile&&) noexcept = default;

void SafetensorsFile::parse(const SafetensorsLimits& limits) {
  SafetensorsHeader header = parse_safetensors_header(all_, path_, limits);
  data_ = header.end;
  tensors_ = std::move(header.tensors);
  metadata_ = std::move(header.metadata);
}

const StoredTensor* SafetensorsFile::find(std::string_view name) const {
  const auto at = std::ranges::lower_bound(tensors_, name, {}, &StoredTensor::name);
  return at != tensors_.end() && at->name == name ? &*at : nullptr;
}

const StoredTensor& SafetensorsFile::at(std::string_view name) const {
  if (const StoredTensor* tensor = find(name)) return *tensor;
  const auto near = std::ranges::lower_bound(tensors_, name, {}, &StoredTensor::name);
  const std::string hint = tensors_.empty() ? "it holds none"
                                            : fmt::format("the nearest by name is {}",
                                                          shown_name((near == tensors_.end() ? tensors_.back() : *near).name));
  throw FileError(fmt::format("{}: there is no tensor {}; {}", path_, shown_name(name), hint));
}

std::span<const std::byte> SafetensorsFile::bytes(const StoredTensor& tensor) const {
  return all_.subspan(data_ + tensor.begin, tensor.end - tensor.begin);
}

template <class T>
void SafetensorsFile::read(const StoredTensor& tensor, std::span<T> to) const {
  if (static_cast<Index>(to.size()) != tensor.elements())
    throw InputError(
        fmt::format("{}: {} {} cannot be read into {} elements", path_, shown_name(tensor.name), tensor.text(), to.size()));
  if (const auto misfit = from_stored<T>(tensor.type, bytes(tensor), to))
    throw FileError(fmt::format("{}: element {} of {} {} is {}, which no {} is", path_, misfit->element, shown_name(tensor.name),
                                tensor.text(), misfit->value, stored_name(stored_type_of<T>())));
}
template void SafetensorsFile::read<double>(const StoredTensor&, std::span<double>) const;
template void SafetensorsFile::read<float>(const StoredTensor&, std::span<float>) const;
template void SafetensorsFile::read<std::int64_t>(const StoredTensor&, std::span<std::int64_t>) const;
template void SafetensorsFile::read<std::int32_t>(const StoredTensor&, std::span<std::int32_t>) const;
template void SafetensorsFile::read<std::uint8_t>(const StoredTensor&, std::span<std::uint8_t>) const;

template <class T>
Tensor<T> SafetensorsFile::read(std::string_view name) const {
  const StoredTensor& stored = at(name);
  if (stored.dims.size() > Shape::kMaxRank)
    throw FileError(
        fmt::format("{}: {} {} has more than {} dimensions", path_, shown_name(stored.name), stored.text(), Shape::kMaxRank));
  Tensor<T> tensor(Shape(RowCount(), stored.dims));
  read<T>(stored, std::span<T>(tensor.data(), static_cast<std::size_t>(tensor.size())));
  return tensor;
}
template Tensor<double> SafetensorsFile::read<double>(std::string_view) const;
template Tensor<float> SafetensorsFile::read<float>(std::string_view) const;
template Tensor<std::int32_t> SafetensorsFile::read<std::int32_t>(std::string_view) const;

}  // namespace reel
