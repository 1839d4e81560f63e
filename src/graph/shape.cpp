#include <reel/graph/shape.h>

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <reel/graph/error.h>

namespace reel {

Index checked_product(Index a, Index b) {
  Index product = 0;
  if (__builtin_mul_overflow(a, b, &product)) throw ShapeError(fmt::format("size overflows: {} x {}", a, b));
  return product;
}

Index checked_sum(Index a, Index b) {
  Index sum = 0;
  if (__builtin_add_overflow(a, b, &sum)) throw ShapeError(fmt::format("size overflows: {} + {}", a, b));
  return sum;
}

Shape::Shape(std::initializer_list<Dimension> dimensions) {
  bool first = true;
  for (const Dimension& d : dimensions) {
    if (d.rows.batched()) {
      if (!first) throw ShapeError("B must be the first dimension");
      rows_ = d.rows;
    } else {
      if (rank_ == kMaxRank) throw ShapeError(fmt::format("more than {} dimensions", kMaxRank));
      dims_[rank_++] = d.size;
    }
    first = false;
  }
  finish();
}

Shape::Shape(RowCount rows, std::span<const Index> row_dimensions) : rows_(rows) {
  if (row_dimensions.size() > kMaxRank) throw ShapeError(fmt::format("more than {} dimensions", kMaxRank));
  rank_ = static_cast<std::uint8_t>(row_dimensions.size());
  std::copy(row_dimensions.begin(), row_dimensions.end(), dims_.begin());
  finish();
}

void Shape::finish() {
  if (batched() && rank_ > kMaxBatchedRank) throw ShapeError(fmt::format("more than {} dimensions besides B", kMaxBatchedRank));
  row_size_ = 1;
  bool empty = false;
  for (Index d : dims()) {
    if (d < 0) throw ShapeError(fmt::format("negative dimension {} in a shape", d));
    if (d == 0) empty = true;
  }
  // Multiply the non-zero extents first, so that {huge, huge, 0} is refused like {huge, huge}.
  for (Index d : dims())
    if (d != 0) row_size_ = checked_product(row_size_, d);
  checked_product(row_size_, 16);  // bytes of a complex<double>
  if (empty) row_size_ = 0;
}

int Shape::axis(int axis) const {
  const int resolved = axis < 0 ? axis + rank_ : axis;
  if (resolved < 0 || resolved >= rank_) throw ShapeError(fmt::format("no axis {} in {}", axis, text()));
  return resolved;
}

Index Shape::dim(int a) const { return dims_[axis(a)]; }

Index Shape::leading_product(int axis) const {
  Index product = 1;
  for (int i = 0; i < axis; ++i) product *= dims_[i];
  return product;
}

Index Shape::trailing_product(int axis) const {
  Index product = 1;
  for (int i = axis + 1; i < rank_; ++i) product *= dims_[i];
  return product;
}

Index Shape::elements(Index rows) const {
  if (!batched()) return row_size_;
  const Index n = checked_product(rows, row_size_);
  checked_product(n, 16);
  return n;
}

Shape Shape::with_dim(int a, Index size) const {
  Shape s = *this;
  s.dims_[axis(a)] = size;
  s.finish();
  return s;
}

Shape Shape::without(int a) const {
  Shape s = *this;
  const int at = axis(a);
  std::copy(s.dims_.begin() + at + 1, s.dims_.begin() + rank_, s.dims_.begin() + at);
  s.dims_[--s.rank_] = 0;
  s.finish();
  return s;
}

Shape Shape::with_last(Index size) const {
  std::array<Index, kMaxRank + 1> d{};
  std::copy(dims().begin(), dims().end(), d.begin());
  d[rank_] = size;
  return Shape(rows_, {d.data(), rank_ + std::size_t{1}});
}

Shape Shape::with_leading(Index size) const {
  std::array<Index, kMaxRank + 1> d{};
  d[0] = size;
  std::copy(dims().begin(), dims().end(), d.begin() + 1);
  return Shape(rows_, {d.data(), rank_ + std::size_t{1}});
}

Shape Shape::bind(Index rows) const { return batched() ? row().with_leading(rows) : *this; }

std::string Shape::text() const {
  if (!batched()) return fmt::format("[{}]", fmt::join(dims(), ", "));
  const std::string rows = rows_.is_counted() ? fmt::format("n{}", rows_.number()) : "B";
  return rank_ ? fmt::format("[{}, {}]", rows, fmt::join(dims(), ", ")) : fmt::format("[{}]", rows);
}

}  // namespace reel

std::size_t std::hash<reel::Shape>::operator()(const reel::Shape& shape) const noexcept {
  std::size_t h = shape.rows().code();
  for (reel::Index d : shape.dims()) h = h * 1000003u ^ std::hash<reel::Index>{}(d);
  return h;
}
