// Safetensors, the public format of files of named tensors (Hugging Face, github.com/huggingface/safetensors): a length, a header
// in JSON with each tensor's type, shape and place, then the numbers. Read strictly: what is not as the format has it is refused.
//
//   SafetensorsFile file("model.safetensors");
//   Tensor<float> w = file.read<float>("layer.weight");
//
//   write_safetensors("numbers.safetensors", {{"w", w.view()}}, {{"source", "measured"}});
//
// Errors are FileErrors that name the path, the tensor, what was found and what was expected.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <reel/data/stored_type.h>
#include <reel/graph/tensor.h>

namespace reel {

struct StoredTensor {
  std::string name;
  StoredType type = StoredType::f32;
  std::vector<Index> dims;
  std::size_t begin = 0, end = 0;  // its bytes, counted from the end of the header

  Index elements() const;
  std::string text() const;  // "F32 [4, 3]"
};

struct SafetensorsLimits {
  std::size_t header = 100'000'000;  // bytes, as in the reference implementation
};

// Always holds: the tensors' bytes tile all that follows the header, without holes or overlaps, and each tensor has as many as
// its type and shape have. Nothing but the header is read before it is asked for: the file is mapped, and must not be cut short
// as long as this lives (write_safetensors replaces a file as a whole). Threads: safe to share.
class SafetensorsFile {
 public:
  // FileError for a file that is missing, no regular file, or not of this format.
  explicit SafetensorsFile(const std::string& path, const SafetensorsLimits& limits = {});
  // Of bytes in memory, which outlive it; `name` stands for the path in messages.
  SafetensorsFile(std::span<const std::byte> bytes, std::string name, const SafetensorsLimits& limits = {});
  ~SafetensorsFile();
  SafetensorsFile(SafetensorsFile&&) noexcept;
  SafetensorsFile& operator=(SafetensorsFile&&) noexcept;

  const std::string& path() const { return path_; }
  std::size_t bytes() const { return all_.size(); }
  std::span<const StoredTensor> tensors() const { return tensors_; }  // in the order of their names
  const std::map<std::string, std::string>& metadata() const { return metadata_; }

  const StoredTensor* find(std::string_view name) const;  // nullptr where there is none
  const StoredTensor& at(std::string_view name) const;    // FileError, with a name that is near, where there is none

  // The numbers as they lie in the file, at any address.
  std::span<const std::byte> bytes(const StoredTensor& tensor) const;
  // As T (double, float, std::int64_t, std::int32_t, std::uint8_t), by value: reals are rounded to reals. FileError where a
  // number has no such value (stored_type.h); InputError for another count of elements than the tensor has.
  template <class T>
  void read(const StoredTensor& tensor, std::span<T> to) const;
  // The same in its shape: T is double, float or std::int32_t. FileError for more dimensions than a Shape has.
  template <class T>
  Tensor<T> read(std::string_view name) const;

 private:
  class Mapping;
  void parse(const SafetensorsLimits& limits);

  std::string path_;
  std::unique_ptr<Mapping> mapping_;
  std::span<const std::byte> all_;
  std::size_t data_ = 0;  // where the header ends
  std::vector<StoredTensor> tensors_;
  std::map<std::string, std::string> metadata_;
};

// A tensor that a file is to hold; the numbers outlive it. They are stored in their own type, or converted by value.
struct TensorToStore {
  using Numbers = std::variant<std::span<const double>, std::span<const float>, std::span<const std::int64_t>,
                               std::span<const std::int32_t>, std::span<const std::uint8_t>>;
  template <class T>
  TensorToStore(std::string name, TensorView<T> view, StoredType type = stored_type_of<std::remove_const_t<T>>())
      : name(std::move(name)),
        type(type),
        dims(view.shape().dims().begin(), view.shape().dims().end()),
        numbers(std::span<const std::remove_const_t<T>>(view.data(), static_cast<std::size_t>(view.size()))) {}
  template <class T>
  TensorToStore(std::string name, std::vector<Index> dims, std::span<const T> numbers, StoredType type = stored_type_of<T>())
      : name(std::move(name)), type(type), dims(std::move(dims)), numbers(numbers) {}

  std::string name;
  StoredType type;
  std::vector<Index> dims;
  Numbers numbers;
};

// Writes them whole or not at all (data/file_writer.h): the larger types first, so that all are aligned, and by name; the same
// bytes for the same content. InputError, with nothing written, for names that come twice, are no UTF-8 or "__metadata__", for
// dimensions that do not fit the count of numbers, and for numbers that have no value in the type that is asked for.
void write_safetensors(const std::string& path, std::vector<TensorToStore> tensors,
                       const std::map<std::string, std::string>& metadata = {});

}  // namespace reel
