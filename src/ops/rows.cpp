#include <reel/ops/rows.h>

#include <fmt/format.h>

#include <reel/graph/error.h>
#include <reel/ops/batch_sum.h>
#include <reel/ops/broadcast.h>
#include <reel/ops/rowwise.h>

namespace reel {
namespace {

std::string rows_text(RowCount n) { return Shape(n, {}).text(); }

class FirstRows final : public OpOf<FirstRows> {
 public:
  static constexpr std::string_view kName = "first_rows";
  explicit FirstRows(RowCount n) : n_(n) {}
  auto key() const { return std::tuple(n_.code()); }
  std::string attributes() const override { return rows_text(n_); }

  Signature infer(const Arguments& x) const override {
    x.require_count(1);
    if (!x.shape(0).batched()) throw ShapeError(fmt::format("{} has no rows", x.describe(0)));
    if (!n_.is_counted()) throw ShapeError(fmt::format("a count of rows is needed, not {}", rows_text(n_)));
    return {x[0].type, x.shape(0).with_rows(n_)};
  }
  std::vector<Var> adjoint(std::span<const Var> x, Var, Var dy) const override { return {extend_rows(dy, x[0].shape().rows())}; }
  std::optional<ViewRule> view(const Shape&, const Shape&) const override { return ViewRule{}; }

  template <class S>
  void evaluate_as(const Evaluation<S>& e) const {
    if (e.y.ids)
      std::copy_n(e.x[0].ids, e.y.size, e.y.ids);
    else
      std::copy_n(e.x[0].real, e.y.size, e.y.real);
  }

 private:
  RowCount n_;
};

class UpdateRows final : public RowOp<UpdateRows> {
 public:
  static constexpr std::string_view kName = "update_rows";

  Signature infer(const Arguments& x) const override {
    x.require_count(2);
    x.require_all(Type::real);
    const Shape &base = x.shape(0), &top = x.shape(1);
    if (!base.batched() || !top.rows().is_counted() || base.row() != top.row())
      throw ShapeError(fmt::format("{} does not lie on the first rows of {}", x.describe(1), x.describe(0)));
    return x[0];
  }
  std::vector<Var> adjoint(std::span<const Var> x, Var, Var dy) const override {
    const RowCount n = x[1].shape().rows();
    return {update_rows(dy, dy.tape().zeros(x[1].shape())), first_rows(dy, n)};
  }

  template <class Row>
  void row(const Row& r) const {
    std::copy_n(r.x(r.index() < r.rows_of(1) ? 1 : 0), r.y_shape().row_size(), r.y());
  }
};

}  // namespace

Var first_rows(Operand x, RowCount n) {
  Tape& tape = tape_of(FirstRows::kName, {&x});
  const Var v = x.on(tape);
  if (v.shape().rows() == n && n.batched()) return v;
  const Var y = tape.append(FirstRows(n), {v}, x.site());
  tape.require_at_most(n, v.shape().rows());
  return y;
}

Var update_rows(Operand base, Operand top) {
  Tape& tape = tape_of(UpdateRows::kName, {&base, &top});
  const Var below = base.on(tape), above = top.on(tape);
  if (below.shape() == above.shape() && above.shape().batched()) return above;
  const Var y = tape.append(UpdateRows{}, {below, above}, base.site());
  tape.require_at_most(above.shape().rows(), below.shape().rows());
  return y;
}

Var extend_rows(Operand x, RowCount m) {
  const auto here = at("extend_rows", x);
  Tape& tape = tape_of("extend_rows", {&x});
  const Var v = x.on(tape);
  return update_rows(tape.zeros(v.shape().with_rows(m)), v);
}

Var row_count(Tape& tape, RowCount n, CallSite site) {
  if (!n.is_counted()) return n.batched() ? tape.batch_size(site) : tape.constant(1.0, site);
  const auto here = tape.at(site);
  return batch_sum(tape.fill(Shape(n, {}), 1.0));
}

}  // namespace reel
