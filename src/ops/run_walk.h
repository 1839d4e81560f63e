// Walks the rows of several operands at once, step by step, in stretches in which the rows of each are evenly spaced.
#pragma once

#include <algorithm>
#include <span>

#include <reel/graph/op.h>
#include <reel/ops/kernels/rows.h>

namespace reel {

// Over the inputs of a call, of which every step has `operands`, one after the other.
template <class T>
class RunWalk {
 public:
  RunWalk(const KernelCall& c, Index operands) : c_(c), each_(static_cast<std::size_t>(operands)) { enter_step(); }

  // Of all steps.
  static Index total_rows(const KernelCall& c, Index operands) {
    Index total = 0;
    for (std::size_t i = 0; i < c.x.size(); i += static_cast<std::size_t>(operands))
      total += c.x[i].shape->leading() * c.rows_of(c.x[i]);
    return total;
  }

  // The next run of at most so many rows, for every operand of the step; 0 at the end.
  Index next(Index most, kernels::RowRun<const T>* runs) {
    if (step_ == c_.x.size()) return 0;
    const Index count = std::min(most, length_ - done_);
    for (std::size_t o = 0; o < each_; ++o) {
      const KernelOperand& port = c_.x[step_ + o];
      const Index stride = lead_ == 1 ? port.stride : port.shape->last();
      runs[o] = {port.row<const T>(row_) + done_ * stride, stride};
    }
    done_ += count;
    if (done_ == length_) leave_run();
    return count;
  }

 private:
  void enter_step() {
    for (; step_ < c_.x.size(); step_ += each_) {
      lead_ = c_.x[step_].shape->leading();
      rows_ = c_.rows_of(c_.x[step_]);
      if (lead_ * rows_ == 0) continue;
      bool even = lead_ == 1;  // [B, K], or [B, M, K] that lies dense
      if (!even)
        even = std::ranges::all_of(c_.x.subspan(step_, each_),
                                   [&](const KernelOperand& p) { return rows_ == 1 || p.stride == lead_ * p.shape->last(); });
      length_ = even ? lead_ * rows_ : lead_;
      row_ = done_ = 0;
      return;
    }
  }
  void leave_run() {
    done_ = 0;
    row_ += length_ / lead_;
    if (row_ < rows_) return;
    step_ += each_;
    enter_step();
  }

  const KernelCall& c_;
  std::size_t each_;
  std::size_t step_ = 0;  // index of its first operand
  Index lead_ = 1, rows_ = 0;
  Index row_ = 0, length_ = 0, done_ = 0;  // of the run: its first row, its length, how much of it is done
};

}  // namespace reel
