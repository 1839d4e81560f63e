#include <reel/graph/tensor.h>

namespace reel {

const char* element_name(Element e) {
  constexpr const char* kNames[] = {"float", "double", "int32", "complex<double>"};
  return kNames[static_cast<int>(e)];
}

std::size_t element_bytes(Element e) {
  constexpr std::size_t kBytes[] = {4, 8, 4, 16};
  return kBytes[static_cast<int>(e)];
}

AlignedBytes aligned_bytes(std::size_t bytes) {
  const std::size_t rounded = (std::max<std::size_t>(bytes, 1) + kAlignment - 1) / kAlignment * kAlignment;
  return AlignedBytes(static_cast<std::byte*>(::operator new (rounded, std::align_val_t{kAlignment})));
}

}  // namespace reel
