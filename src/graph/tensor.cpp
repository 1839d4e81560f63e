#include <reel/graph/tensor.h>

#include <limits>

#include <fmt/format.h>
#include <fmt/ranges.h>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace reel {

const char* element_name(Element e) {
  constexpr const char* kNames[] = {"float", "double", "int32", "complex<double>", "bf16"};
  return kNames[static_cast<int>(e)];
}

std::size_t element_bytes(Element e) {
  constexpr std::size_t kBytes[] = {4, 8, 4, 16, 2};
  return kBytes[static_cast<int>(e)];
}

namespace {
constexpr std::size_t kHugePage = std::size_t{1} << 21;
}

AlignedBytes aligned_bytes(std::size_t bytes) {
  const bool large = bytes >= kHugePage;
  const std::size_t alignment = large ? kHugePage : static_cast<std::size_t>(kAlignment);
  // Sizes that no address reaches would wrap around when they are rounded.
  constexpr std::size_t kMost = std::numeric_limits<std::ptrdiff_t>::max() - kHugePage;
  const std::size_t rounded = (std::clamp<std::size_t>(bytes, 1, kMost) + kAlignment - 1) / kAlignment * kAlignment;
  void* const found = bytes > kMost ? nullptr : ::operator new (rounded, std::align_val_t{alignment}, std::nothrow);
  if (!found) throw MemoryError(fmt::format("there is no memory for {} bytes", bytes));
  AlignedBytes memory(static_cast<std::byte*>(found), AlignedDelete{alignment});
#if defined(__linux__)
  // Steps of a long sequence lie far apart; with small pages every one of them misses the TLB. Only advice: it may fail.
  if (large) madvise(memory.get(), rounded / kHugePage * kHugePage, MADV_HUGEPAGE);
#endif
  return memory;
}

namespace detail {

void refuse_index(const Shape& shape, Index i) {
  throw InputError(fmt::format("there is no element {} among the {} of {}", i, shape.row_size(), shape.text()));
}

Index checked_offset(const Shape& shape, std::span<const Index> indices) {
  if (static_cast<int>(indices.size()) != shape.rank())
    throw InputError(fmt::format("{} indices ({}) for an element of {}", indices.size(), fmt::join(indices, ", "), shape.text()));
  Index offset = 0;
  for (int axis = 0; axis < shape.rank(); ++axis) {
    const Index i = indices[static_cast<std::size_t>(axis)];
    if (i < 0 || i >= shape.dims()[static_cast<std::size_t>(axis)])
      throw InputError(fmt::format("there is no element ({}) in {}", fmt::join(indices, ", "), shape.text()));
    offset = offset * shape.dims()[static_cast<std::size_t>(axis)] + i;
  }
  return offset;
}

std::pair<Index, Shape> checked_rows(const Shape& shape, Index begin, Index end) {
  if (shape.rank() == 0 || begin < 0 || end < begin || end > shape.dim(0))
    throw InputError(fmt::format("there are no rows [{}, {}) in {}", begin, end, shape.text()));
  return {begin * shape.trailing_product(0), shape.with_dim(0, end - begin)};
}

std::pair<Index, Shape> checked_row(const Shape& shape, Index row) {
  if (shape.rank() == 0 || row < 0 || row >= shape.dim(0))
    throw InputError(fmt::format("there is no row {} in {}", row, shape.text()));
  return {row * shape.trailing_product(0), shape.without(0)};
}

}  // namespace detail

}  // namespace reel
