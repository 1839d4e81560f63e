// Shapes: a list of dimensions, of which the first may be the symbolic batch dimension B, or a count of its first rows.
//
// B stands for the number of independent rows and is bound when a plan runs, so that one tape serves every batch size. A
// RowCount n stands for the first n <= B of those rows (Tape::row_counts): values with another count are of another shape.
// Letters used throughout: B batch rows, T time steps, I input units, H hidden units, V vocabulary size.
// Always holds: sizes are >= 0 and the number of elements per row fits an Index; otherwise ShapeError.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <span>
#include <string>

namespace reel {

using Index = std::int64_t;

// How many rows a value has: one that all share (no batch dimension), B, or a count of B's first rows, bound at run by its
// number on the tape. It is a number and no more: a count belongs to the tape that gave it, and on another tape it stands for
// the count of that number there.
class RowCount {
 public:
  constexpr RowCount() = default;  // no batch dimension
  static constexpr RowCount batch() { return RowCount(1); }
  static constexpr RowCount counted(std::uint32_t number) { return RowCount(number + 2); }

  constexpr bool batched() const { return code_ != 0; }
  constexpr bool is_counted() const { return code_ > 1; }
  constexpr std::uint32_t number() const { return code_ - 2; }  // REQUIRES: is_counted()
  constexpr std::uint32_t code() const { return code_; }        // tells counts apart
  bool operator==(const RowCount&) const = default;

 private:
  constexpr explicit RowCount(std::uint32_t code) : code_(code) {}
  std::uint32_t code_ = 0;
};
inline constexpr RowCount B = RowCount::batch();

// One extent as written by a user: a number, B, or a count of rows.
struct Dimension {
  Index size;
  RowCount rows;
  constexpr Dimension(Index n) : size(n) {}                    // NOLINT: implicit by design
  constexpr Dimension(RowCount rows) : size(0), rows(rows) {}  // NOLINT: implicit by design
};

class Shape {
 public:
  static constexpr int kMaxRank = 8;         // dimensions of a shape without B
  static constexpr int kMaxBatchedRank = 6;  // dimensions besides B, so that [T, B, ...] can be bound

  Shape() = default;  // a scalar
  Shape(std::initializer_list<Dimension> dimensions);
  Shape(RowCount rows, std::span<const Index> row_dimensions);

  RowCount rows() const { return rows_; }
  bool batched() const { return rows_.batched(); }  // has B, or a count of its rows
  int rank() const { return rank_; }                // without B
  Index dim(int axis) const;                        // axis counts without B; negative counts from the end
  int axis(int axis) const;                         // the same axis, made non-negative; ShapeError when there is none
  Index row_size() const { return row_size_; }      // elements per row (all elements when there is no B)
  Index last() const { return rank_ ? dims_[rank_ - 1] : 1; }
  Index leading() const { return rank_ ? leading_product(rank_ - 1) : 1; }  // row_size / last
  std::span<const Index> dims() const { return {dims_.data(), static_cast<std::size_t>(rank_)}; }

  Index leading_product(int axis) const;   // product of the dimensions before `axis`
  Index trailing_product(int axis) const;  // product of the dimensions after `axis`
  Index elements(Index rows) const;        // rows * row_size for a shape with rows; ShapeError on overflow

  Shape row() const { return with_rows({}); }  // without B
  Shape with_rows(RowCount rows) const { return Shape(rows, dims()); }
  Shape with_dim(int axis, Index size) const;
  Shape without(int axis) const;
  Shape with_last(Index size) const;     // appends one dimension
  Shape with_leading(Index size) const;  // one new dimension first (after B, if any)
  Shape bind(Index rows) const;          // B as an ordinary leading dimension

  bool operator==(const Shape&) const = default;
  std::string text() const;  // "[B, 64]"; "[n3, 64]" for the count of number 3

 private:
  void finish();

  std::array<Index, kMaxRank> dims_{};
  Index row_size_ = 1;
  RowCount rows_;
  std::uint8_t rank_ = 0;
};

// a * b and a + b for sizes; ShapeError when the result does not fit.
Index checked_product(Index a, Index b);
Index checked_sum(Index a, Index b);
// n / unit, rounded up, and the multiple of the unit that is. REQUIRES: n >= 0, unit > 0.
constexpr Index ceil_div(Index n, Index unit) { return (n + unit - 1) / unit; }
constexpr Index round_up(Index n, Index unit) { return ceil_div(n, unit) * unit; }

}  // namespace reel

namespace std {

// So that an op may have a shape in its key.
template <>
struct hash<reel::Shape> {
  std::size_t operator()(const reel::Shape& shape) const noexcept;
};

}  // namespace std
