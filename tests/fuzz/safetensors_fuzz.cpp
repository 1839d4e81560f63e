// Feeds the reader of safetensors files with whatever libFuzzer makes up: it reads or refuses, and never does anything else.
//   cmake --preset fuzz && cmake --build --preset fuzz && build/fuzz/bin/safetensors_fuzz -max_len=4096 build/fuzz/corpus
#include <cstdint>
#include <cstdlib>
#include <vector>

#include <reel/data/safetensors.h>
#include <reel/graph/error.h>

using namespace reel;

namespace {

// The numbers of a tensor as T, or a refusal.
template <class T>
void read(const SafetensorsFile& file, const StoredTensor& tensor) {
  std::vector<T> numbers(static_cast<std::size_t>(tensor.elements()));
  try {
    file.read<T>(tensor, numbers);
  } catch (const FileError&) {
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const SafetensorsFile file(std::as_bytes(std::span(data, size)), "fuzz");
    std::size_t bytes = 0;
    for (const StoredTensor& tensor : file.tensors()) {
      if (&file.at(tensor.name) != &tensor) std::abort();
      if (file.bytes(tensor).size() != static_cast<std::size_t>(tensor.elements()) * stored_bytes(tensor.type)) std::abort();
      bytes += file.bytes(tensor).size();
      read<float>(file, tensor);
      read<double>(file, tensor);
      read<std::int32_t>(file, tensor);
      read<std::int64_t>(file, tensor);
      read<std::uint8_t>(file, tensor);
    }
    if (bytes > size) std::abort();
  } catch (const FileError&) {
  }
  return 0;
}
