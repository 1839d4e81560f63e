#include <reel/data/own_rows.h>

#include <fmt/format.h>

#include <reel/graph/error.h>

namespace reel {
namespace {

// [before, rows, after..]: the rows that are here.
template <class T>
Tensor<T> dealt(const DealtRows& rows, const Tensor<T>& whole, int axis) {
  if (whole.shape().rank() <= axis)
    throw InputError(fmt::format("own_rows: {} has no axis {} of rows", whole.shape().text(), axis));
  const Index count = whole.shape().dim(axis), here = rows.among(count), steps = axis == 0 ? 1 : whole.shape().dim(0);
  Tensor<T> own(whole.shape().with_dim(axis, here));
  const Index size = count == 0 || steps == 0 ? 0 : whole.size() / (count * steps);
  for (Index t = 0; t < steps; ++t)
    for (Index k = 0; k < here; ++k)
      std::copy_n(whole.data() + (t * count + rows.in_batch(k)) * size, size, own.data() + (t * here + k) * size);
  return own;
}

Tensor<std::int32_t> own_counts(const DealtRows& rows, const Tensor<std::int32_t>& counts) {
  Tensor<std::int32_t> own(counts.shape());
  for (Index t = 0; t < counts.size(); ++t) own[t] = static_cast<std::int32_t>(rows.among(counts[t]));
  return own;
}

std::vector<Index> own_items(const DealtRows& rows, const std::vector<Index>& items) {
  std::vector<Index> own;
  for (Index k = 0; k < rows.among(static_cast<Index>(items.size())); ++k)
    own.push_back(items[static_cast<std::size_t>(rows.in_batch(k))]);
  return own;
}

}  // namespace

template <class T>
Tensor<T> own_rows(const DealtRows& rows, const Tensor<T>& batch) {
  return dealt(rows, batch, 0);
}
template <class T>
Tensor<T> own_rows_of_steps(const DealtRows& rows, const Tensor<T>& sequence) {
  return dealt(rows, sequence, 1);
}

SequenceBatch own_rows(const DealtRows& rows, const SequenceBatch& batch) {
  return {own_rows_of_steps(rows, batch.ids), own_rows_of_steps(rows, batch.mask), own_counts(rows, batch.counts),
          own_items(rows, batch.order)};
}

VectorBatch own_rows(const DealtRows& rows, const VectorBatch& batch) {
  return {own_rows_of_steps(rows, batch.x), own_rows_of_steps(rows, batch.mask), own_counts(rows, batch.counts),
          own_items(rows, batch.order), own_items(rows, batch.lengths)};
}

template Tensor<float> own_rows(const DealtRows&, const Tensor<float>&);
template Tensor<double> own_rows(const DealtRows&, const Tensor<double>&);
template Tensor<std::int32_t> own_rows(const DealtRows&, const Tensor<std::int32_t>&);
template Tensor<float> own_rows_of_steps(const DealtRows&, const Tensor<float>&);
template Tensor<double> own_rows_of_steps(const DealtRows&, const Tensor<double>&);
template Tensor<std::int32_t> own_rows_of_steps(const DealtRows&, const Tensor<std::int32_t>&);

}  // namespace reel
