#include <reel/graph/tensor.h>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace reel {

const char* element_name(Element e) {
  constexpr const char* kNames[] = {"float", "double", "int32", "complex<double>"};
  return kNames[static_cast<int>(e)];
}

std::size_t element_bytes(Element e) {
  constexpr std::size_t kBytes[] = {4, 8, 4, 16};
  return kBytes[static_cast<int>(e)];
}

namespace {
constexpr std::size_t kHugePage = std::size_t{1} << 21;
}

AlignedBytes aligned_bytes(std::size_t bytes) {
  const bool large = bytes >= kHugePage;
  const std::size_t alignment = large ? kHugePage : static_cast<std::size_t>(kAlignment);
  const std::size_t rounded = (std::max<std::size_t>(bytes, 1) + kAlignment - 1) / kAlignment * kAlignment;
  AlignedBytes memory(static_cast<std::byte*>(::operator new (rounded, std::align_val_t{alignment})), AlignedDelete{alignment});
#if defined(__linux__)
  // Steps of a long sequence lie far apart; with small pages every one of them misses the TLB. Only advice: it may fail.
  if (large) madvise(memory.get(), rounded / kHugePage * kHugePage, MADV_HUGEPAGE);
#endif
  return memory;
}

}  // namespace reel
