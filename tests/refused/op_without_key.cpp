// An op with an attribute that its key leaves out: two of them would be one.
// refused: an op with attributes must give them in key()
#include <reel/ops/operand.h>
#include <reel/ops/rowwise.h>

struct Shift final : reel::RowOp<Shift> {
  static constexpr std::string_view kName = "shift";
  explicit Shift(double by) : by_(by) {}
  reel::Signature infer(const reel::Arguments& x) const override { return x[0]; }
  template <class Row>
  void row(const Row& r) const {
    for (reel::Index i = 0; i < r.y_shape().row_size(); ++i) r.y()[i] = r.x(0)[i] + typename Row::Number(by_);
  }
  double by_;
};

reel::Var shift(reel::Var x) { return x.tape().append(Shift(2), {x}); }
