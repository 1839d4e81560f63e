// Vector kernels of sums; their order is that of graph/fixed_sum.h.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>

#include <reel/graph/fixed_sum.h>
#include <reel/graph/op.h>

namespace reel::kernels {

// x_1 + ... + x_n from left to right; nothing for more than kMostTileInputs.
std::optional<Tiles> sum_tiles(int inputs);

template <class T>
struct SumKernels {
  T (*along)(const T* x, Index n);
  // y = x, or y += x where `add`
  void (*add)(const T* x, T* y, Index n, bool add);
};
template <class T>
SumKernels<T> sum_kernels();

// The sum across rows of up to kColumns elements each, which come one after the other.
template <class T>
class AcrossSum {
 public:
  static constexpr Index kColumns = 128;
  explicit AcrossSum(Index columns) : columns_(columns) {}

  void push(const T* row) {
    kernels_.add(row, waiting_[depth_], columns_, filled_ > 0);
    if (++filled_ == kSumStretch) end_stretch();
  }
  void total(T* y) {
    if (filled_ > 0) end_stretch();
    if (depth_ == 0) return std::fill_n(y, columns_, T{}), void();
    for (; depth_ > 1; --depth_) kernels_.add(waiting_[depth_ - 1], waiting_[depth_ - 2], columns_, true);
    std::copy_n(waiting_[0], columns_, y);
  }

 private:
  void end_stretch() {
    filled_ = 0;
    ++depth_;
    for (std::uint64_t n = stretches_++; n & 1; n >>= 1, --depth_)
      kernels_.add(waiting_[depth_ - 1], waiting_[depth_ - 2], columns_, true);
  }

  static constexpr int kMostWaiting = 40;  // of 2^40 stretches
  Index columns_;
  SumKernels<T> kernels_ = sum_kernels<T>();
  int depth_ = 0;
  Index filled_ = 0;  // rows of the stretch at waiting_[depth_]
  std::uint64_t stretches_ = 0;
  alignas(kAlignment) T waiting_[kMostWaiting][kColumns];
};

}  // namespace reel::kernels
