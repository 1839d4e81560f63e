#include <reel/data/sequence_batch.h>

#include <algorithm>
#include <numeric>

#include <fmt/format.h>

#include <reel/graph/error.h>

namespace reel {
namespace {

Index longest(std::span<const std::vector<std::int32_t>> sequences) {
  std::size_t most = 0;
  for (const auto& s : sequences) most = std::max(most, s.size());
  return static_cast<Index>(most);
}

// 0 .. n - 1, the longest first; of equal ones in their order.
template <class Length>
std::vector<Index> falling_order(std::size_t n, Length length) {
  std::vector<Index> order(n);
  std::iota(order.begin(), order.end(), Index{0});
  std::ranges::stable_sort(order, std::greater<>(), [&](Index i) { return length(static_cast<std::size_t>(i)); });
  return order;
}

}  // namespace

SequenceBatch sequence_batch(std::span<const std::vector<std::int32_t>> sequences, Index steps, std::int32_t padding) {
  const auto order = falling_order(sequences.size(), [&](std::size_t i) { return sequences[i].size(); });
  return sequence_batch_in_order(sequences, order, steps, padding);
}

SequenceBatch sequence_batch_in_order(std::span<const std::vector<std::int32_t>> sequences, std::span<const Index> order,
                                      Index steps, std::int32_t padding) {
  if (order.size() != sequences.size())
    throw InputError(fmt::format("sequence_batch: {} sequences in an order of {}", sequences.size(), order.size()));
  std::vector<bool> taken(order.size());
  for (Index i : order) {
    if (i < 0 || i >= static_cast<Index>(order.size()))
      throw InputError(fmt::format("sequence_batch: the order names sequence {} of {}", i, order.size()));
    if (taken[static_cast<std::size_t>(i)]) throw InputError(fmt::format("sequence_batch: the order names sequence {} twice", i));
    taken[static_cast<std::size_t>(i)] = true;
  }
  if (steps < 0) throw InputError(fmt::format("sequence_batch: {} steps", steps));
  const Index T = steps == 0 ? longest(sequences) : steps, rows = static_cast<Index>(sequences.size());
  SequenceBatch batch{Tensor<std::int32_t>(Shape{T, rows}),
                      Tensor<float>(Shape{T, rows}),
                      Tensor<std::int32_t>(Shape{T}),
                      {order.begin(), order.end()}};
  std::fill(batch.ids.begin(), batch.ids.end(), padding);
  bool falling = true;
  std::size_t previous = static_cast<std::size_t>(T);
  for (Index r = 0; r < rows; ++r) {
    const auto& sequence = sequences[static_cast<std::size_t>(order[static_cast<std::size_t>(r)])];
    if (static_cast<Index>(sequence.size()) > T)
      throw InputError(fmt::format("sequence_batch: sequence {} has {} words, more than {} steps",
                                   order[static_cast<std::size_t>(r)], sequence.size(), T));
    falling &= sequence.size() <= previous;
    previous = sequence.size();
    for (std::size_t t = 0; t < sequence.size(); ++t) {
      const Index at = static_cast<Index>(t) * rows + r;
      batch.ids[at] = sequence[t];
      batch.mask[at] = 1;
      ++batch.counts[static_cast<Index>(t)];
    }
  }
  if (!falling) batch.counts = Tensor<std::int32_t>(Shape{0});
  return batch;
}

VectorBatch vector_batch(std::span<const Tensor<float>> sequences, Index steps) {
  if (sequences.empty()) throw InputError("vector_batch: there are no sequences");
  const auto length_of = [&](std::size_t i) { return sequences[i].shape().dim(0); };
  for (std::size_t i = 0; i < sequences.size(); ++i)
    if (sequences[i].shape().rank() == 0 || sequences[i].shape().with_dim(0, 0) != sequences[0].shape().with_dim(0, 0))
      throw InputError(
          fmt::format("vector_batch: sequence {} is {}; the first is {}, of which only the first dimension may differ", i,
                      sequences[i].shape().text(), sequences[0].shape().text()));
  VectorBatch batch;
  batch.order = falling_order(sequences.size(), length_of);
  for (Index i : batch.order) batch.lengths.push_back(length_of(static_cast<std::size_t>(i)));
  if (steps < 0) throw InputError(fmt::format("vector_batch: {} steps", steps));
  const Index T = steps == 0 ? batch.lengths.front() : steps, rows = static_cast<Index>(sequences.size());
  if (batch.lengths.front() > T)
    throw InputError(
        fmt::format("vector_batch: sequence {} has {} steps, more than {}", batch.order.front(), batch.lengths.front(), T));
  const Shape one = sequences[0].shape().without(0);
  batch.x = Tensor<float>(one.with_leading(rows).with_leading(T));
  batch.mask = Tensor<float>(Shape{T, rows});
  batch.counts = Tensor<std::int32_t>(Shape{T});
  for (Index r = 0; r < rows; ++r) {
    const Tensor<float>& sequence = sequences[static_cast<std::size_t>(batch.order[static_cast<std::size_t>(r)])];
    for (Index t = 0; t < sequence.shape().dim(0); ++t) {
      std::ranges::copy(sequence.row(t), batch.x.row(t).row(r).begin());
      batch.mask(t, r) = 1;
      ++batch.counts[t];
    }
  }
  return batch;
}

std::vector<Tensor<float>> sequences_of(const VectorBatch& batch, TensorView<const float> y) {
  const auto rows = static_cast<Index>(batch.order.size());
  if (y.shape().rank() < 2 || y.shape().dim(0) != batch.counts.size() || y.shape().dim(1) != rows)
    throw InputError(
        fmt::format("sequences_of: {} of a batch of {} steps and {} rows", y.shape().text(), batch.counts.size(), rows));
  const Shape one = y.shape().without(0).without(0);
  std::vector<Tensor<float>> all(batch.order.size());
  for (Index r = 0; r < rows; ++r) {
    Tensor<float>& sequence = all[static_cast<std::size_t>(batch.order[static_cast<std::size_t>(r)])];
    sequence = Tensor<float>(one.with_leading(batch.lengths[static_cast<std::size_t>(r)]));
    for (Index t = 0; t < sequence.shape().dim(0); ++t) std::ranges::copy(y.row(t).row(r), sequence.row(t).begin());
  }
  return all;
}

Tensor<float> rows_in_order(const VectorBatch& batch, TensorView<const float> y) {
  const auto rows = static_cast<Index>(batch.order.size());
  if (y.shape().rank() < 1 || y.shape().dim(0) != rows)
    throw InputError(fmt::format("rows_in_order: {} of a batch of {} rows", y.shape().text(), rows));
  Tensor<float> ordered(y.shape());
  for (Index r = 0; r < rows; ++r) std::ranges::copy(y.row(r), ordered.row(batch.order[static_cast<std::size_t>(r)]).begin());
  return ordered;
}

SeriesWindows series_windows(const Tensor<float>& series, Index length, Index stride, Index ahead) {
  if (length < 1 || stride < 1 || ahead < 1)
    throw InputError(
        fmt::format("series_windows: length {}, stride {} and {} steps ahead must be 1 or more", length, stride, ahead));
  const Index L = series.shape().rank() == 0 ? 0 : series.shape().dim(0);
  if (checked_sum(length, ahead) > L)
    throw InputError(fmt::format("series_windows: windows of {} steps, and {} ahead of them, do not fit into {}", length, ahead,
                                 series.shape().text()));
  const Index count = (L - length - ahead) / stride + 1;
  const Shape shape = series.shape().without(0).with_leading(count).with_leading(length);
  SeriesWindows windows{Tensor<float>(shape), Tensor<float>(shape)};
  for (Index t = 0; t < length; ++t)
    for (Index i = 0; i < count; ++i) {
      std::ranges::copy(series.row(i * stride + t), windows.x.row(t).row(i).begin());
      std::ranges::copy(series.row(i * stride + t + ahead), windows.y.row(t).row(i).begin());
    }
  return windows;
}

}  // namespace reel
