// Shapes: a list of dimensions, of which the first may be the symbolic batch dimension B.
//
// B stands for the number of independent rows and is bound when a plan runs, so that one tape serves every batch size.
// Letters used throughout: B batch rows, T time steps, I input units, H hidden units, V vocabulary size.
// Always holds: sizes are >= 0 and the number of elements per row fits an Index; otherwise ShapeError.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>

namespace reel {

using Index = std::int64_t;

struct BatchDimension {};
inline constexpr BatchDimension B{};

// One extent as written by a user: a number or B.
struct Dimension {
  Index size;
  bool batch;
  constexpr Dimension(Index n) : size(n), batch(false) {}        // NOLINT: implicit by design
  constexpr Dimension(BatchDimension) : size(0), batch(true) {}  // NOLINT: implicit by design
};

class Shape {
 public:
  static constexpr int kMaxRank = 8;         // dimensions of a shape without B
  static constexpr int kMaxBatchedRank = 6;  // dimensions besides B, so that [T, B, ...] can be bound

  Shape() = default;  // a scalar
  Shape(std::initializer_list<Dimension> dimensions);
  Shape(bool batched, std::span<const Index> row_dimensions);

  bool batched() const { return batched_; }
  int rank() const { return rank_; }            // without B
  Index dim(int axis) const;                    // axis counts without B; negative counts from the end
  int axis(int axis) const;                     // the same axis, made non-negative; ShapeError when there is none
  Index row_size() const { return row_size_; }  // elements per row (all elements when there is no B)
  Index last() const { return rank_ ? dims_[rank_ - 1] : 1; }
  Index leading() const { return rank_ ? leading_product(rank_ - 1) : 1; }  // row_size / last
  std::span<const Index> dims() const { return {dims_.data(), static_cast<std::size_t>(rank_)}; }

  Index leading_product(int axis) const;   // product of the dimensions before `axis`
  Index trailing_product(int axis) const;  // product of the dimensions after `axis`
  Index elements(Index rows) const;        // rows * row_size with B bound to `rows`; ShapeError on overflow

  Shape row() const { return Shape(false, dims()); }        // without B
  Shape with_batch() const { return Shape(true, dims()); }  // with B
  Shape with_dim(int axis, Index size) const;
  Shape without(int axis) const;
  Shape with_last(Index size) const;     // appends one dimension
  Shape with_leading(Index size) const;  // one new dimension first (after B, if any)
  Shape bind(Index rows) const;          // B as an ordinary leading dimension

  bool operator==(const Shape&) const = default;
  std::string text() const;  // "[B, 64]"

 private:
  void finish();

  std::array<Index, kMaxRank> dims_{};
  Index row_size_ = 1;
  std::uint8_t rank_ = 0;
  bool batched_ = false;
};

// a * b and a + b for sizes; ShapeError when the result does not fit.
Index checked_product(Index a, Index b);
Index checked_sum(Index a, Index b);

}  // namespace reel
