#include <reel/train/distributed/gather_rows.h>

#include <algorithm>
#include <array>
#include <numeric>

#include <fmt/format.h>

#include <reel/graph/error.h>

namespace reel {

template <class T>
Tensor<T> gather_rows(Group& group, const DealtRows& rows, const Tensor<T>& own) {
  struct Extent {
    Index rows, row_size;
    int rank;
    std::array<Index, Shape::kMaxRank> dims;
  };
  const Index count = own.size() == 0 ? 0 : own.shape().dim(0);
  Extent extent{count, count == 0 ? 0 : own.size() / count, own.shape().rank(), {}};
  std::ranges::copy(own.shape().dims(), extent.dims.begin());
  const std::vector<Extent> all = group.gather(extent);
  const Index total = std::accumulate(all.begin(), all.end(), Index{0}, [](Index sum, const Extent& e) { return sum + e.rows; });
  const Extent& first = all[0];  // has rows where anybody has
  const auto of_rank = [&](Index rank) { return DealtRows{rows.shards, rank * rows.own, rows.own}; };
  std::vector<Tensor<T>> parts;
  std::vector<std::span<std::byte>> bytes;
  for (Index rank = 0; rank < group.size(); ++rank) {
    const Extent& e = all[static_cast<std::size_t>(rank)];
    if (e.rows != of_rank(rank).among(total) || (e.rows > 0 && e.row_size != first.row_size))
      throw InputError(
          fmt::format("rank {} has {} rows of a batch of {}, not {}", rank, e.rows, total, of_rank(rank).among(total)));
    parts.emplace_back(Shape{e.rows, first.row_size});
  }
  std::ranges::copy_n(own.data(), own.size(), parts[static_cast<std::size_t>(group.rank())].data());
  for (Tensor<T>& part : parts)
    bytes.push_back(std::as_writable_bytes(std::span(part.data(), static_cast<std::size_t>(part.size()))));
  group.gather_parts(bytes);
  Shape shape{total};
  for (int axis = 1; axis < first.rank; ++axis) shape = shape.with_last(first.dims[static_cast<std::size_t>(axis)]);
  Tensor<T> whole(shape);
  for (Index rank = 0; rank < group.size(); ++rank) {
    const Tensor<T>& part = parts[static_cast<std::size_t>(rank)];
    for (Index k = 0; k < all[static_cast<std::size_t>(rank)].rows; ++k)
      std::copy_n(part.data() + k * first.row_size, first.row_size, whole.data() + of_rank(rank).in_batch(k) * first.row_size);
  }
  return whole;
}

template Tensor<float> gather_rows(Group&, const DealtRows&, const Tensor<float>&);
template Tensor<double> gather_rows(Group&, const DealtRows&, const Tensor<double>&);

}  // namespace reel
