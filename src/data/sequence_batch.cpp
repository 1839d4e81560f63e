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

}  // namespace

SequenceBatch sequence_batch(std::span<const std::vector<std::int32_t>> sequences, Index steps, std::int32_t padding) {
  std::vector<Index> order(sequences.size());
  std::iota(order.begin(), order.end(), Index{0});
  std::ranges::stable_sort(order, std::greater<>(), [&](Index i) { return sequences[static_cast<std::size_t>(i)].size(); });
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

}  // namespace reel
