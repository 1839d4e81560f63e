// Bases for ops each of whose result's rows depends on the same row of the inputs.
//
// RowOp<Self>, for ops that move data: one function serves the oracle and plans. Self supplies, besides what OpOf asks for:
//   template <class Row> void row(const Row& r) const;
// which reads the inputs' rows r.x(i) (r.ids(i) of ids), of shapes r.x_shape(i), and writes r.y() (r.y_ids()), of shape
// r.y_shape(). Row::Number is what reals are made of. An input without B is the same for every row; a result without B is one
// row.
//
// LastAxisOp<Self>, for ops along the last dimension, shape in = shape out: Self supplies the naive formula
//   template <class S> static void naive(const S* x, S* y, Index n);
// and, where there is a faster one than that, a kernel of the same arguments:
//   template <class T> static auto kernel() -> void (*)(const T*, T*, Index);
#pragma once

#include <reel/graph/op.h>

namespace reel {

// A row of a naive evaluation.
template <class S>
class OracleRow {
 public:
  using Number = S;
  OracleRow(const Evaluation<S>& e, Index r) : e_(e), r_(r) {}
  int inputs() const { return static_cast<int>(e_.x.size()); }
  const S* x(int i) const { return operand(i).real + offset(operand(i)); }
  const std::int32_t* ids(int i) const { return operand(i).ids + offset(operand(i)); }
  const Shape& x_shape(int i) const { return *operand(i).shape; }
  S* y() const { return e_.y.real + offset(e_.y); }
  std::int32_t* y_ids() const { return e_.y.ids + offset(e_.y); }
  const Shape& y_shape() const { return *e_.y.shape; }
  Index index() const { return r_; }  // of the batch
  Index rows_of(int i) const { return e_.run.rows_of(x_shape(i)); }
  const RunContext& run() const { return e_.run; }

 private:
  const OracleOperand<S>& operand(int i) const { return e_.x[static_cast<std::size_t>(i)]; }
  Index offset(const OracleOperand<S>& o) const { return o.shape->batched() ? r_ * o.shape->row_size() : 0; }
  const Evaluation<S>& e_;
  Index r_;
};

// A row of a plan's kernel.
template <class T>
class KernelRow {
 public:
  using Number = T;
  KernelRow(const KernelCall& c, Index r) : c_(c), r_(r) {}
  int inputs() const { return static_cast<int>(c_.x.size()); }
  const T* x(int i) const { return operand(i).template row<const T>(row_of(operand(i))); }
  const std::int32_t* ids(int i) const { return operand(i).template row<const std::int32_t>(row_of(operand(i))); }
  const Shape& x_shape(int i) const { return *operand(i).shape; }
  T* y() const { return c_.y.row<T>(r_); }
  std::int32_t* y_ids() const { return c_.y.row<std::int32_t>(r_); }
  const Shape& y_shape() const { return *c_.y.shape; }
  Index index() const { return c_.first_row + r_; }
  Index rows_of(int i) const { return c_.run.rows_of(x_shape(i)); }
  const RunContext& run() const { return c_.run; }

 private:
  const KernelOperand& operand(int i) const { return c_.x[static_cast<std::size_t>(i)]; }
  Index row_of(const KernelOperand& o) const { return o.shape->batched() ? r_ : 0; }
  const KernelCall& c_;
  Index r_;
};

template <class Self>
class RowOp : public OpOf<Self> {
 public:
  template <class S>
  void evaluate_as(const Evaluation<S>& e) const {
    for (Index r = 0; r < e.rows(*e.y.shape); ++r) static_cast<const Self&>(*this).row(OracleRow<S>(e, r));
  }
  template <class T>
  void run_as(const KernelCall& c) const {
    for (Index r = 0; r < c.rows; ++r) static_cast<const Self&>(*this).row(KernelRow<T>(c, r));
  }
};

template <class Self>
class LastAxisOp : public OpOf<Self> {
 public:
  Signature infer(const Arguments& x) const override {
    x.require_count(1);
    x.require_type(0, Type::real);
    x.require_last(0);
    return x[0];
  }

  template <class S>
  void evaluate_as(const Evaluation<S>& e) const {
    const Index n = e.y.shape->last();
    for (Index i = 0; i < e.y.size; i += n) Self::naive(e.x[0].real + i, e.y.real + i, n);
  }
  template <class T>
  void run_as(const KernelCall& c) const {
    const Index n = c.y.shape->last();
    const auto along = [] {
      if constexpr (requires { Self::template kernel<T>(); })
        return Self::template kernel<T>();
      else
        return &Self::template naive<T>;
    }();
    for (Index r = 0; r < c.rows; ++r)
      for (Index i = 0; i < c.y.shape->row_size(); i += n) along(c.x[0].row<const T>(r) + i, c.y.row<T>(r) + i, n);
  }
};

}  // namespace reel
