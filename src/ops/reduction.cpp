#include <reel/ops/reduction.h>

#include <fmt/format.h>

#include <reel/graph/error.h>
#include <reel/ops/arithmetic.h>
#include <reel/ops/embedding.h>
#include <reel/ops/reshape.h>
#include <reel/ops/rows.h>
#include <reel/ops/scalar.h>
#include <reel/ops/selection.h>

namespace reel {
namespace {

template <class S>
Index first_largest(const S* x, Index n) {
  Index best = 0;
  for (Index i = 0; i < n; ++i) {
    if (std::isnan(real_part(x[i]))) return i;
    if (real_part(x[i]) > real_part(x[best])) best = i;
  }
  return best;
}

Shape check_reducible(const Arguments& x) {
  x.require_count(1);
  x.require_type(0, Type::real);
  if (x.shape(0).rank() == 0) throw ShapeError(fmt::format("{} has no last dimension", x.describe(0)));
  if (x.shape(0).last() == 0) throw ShapeError(fmt::format("there is no largest among 0 elements: {}", x.describe(0)));
  return x.shape(0);
}

// [.., n] -> [.., 1]
class MaxLast final : public OpOf<MaxLast> {
 public:
  static constexpr std::string_view kName = "max_last";
  Signature infer(const Arguments& x) const override { return {Type::real, check_reducible(x).with_dim(-1, 1)}; }

  std::vector<Var> adjoint(std::span<const Var> x, Var, Var dy) const override {
    return {one_hot(argmax(x[0]), x[0].shape().last()) * dy};
  }

  template <class S>
  void evaluate_as(const Evaluation<S>& e) const {
    const Index n = e.x[0].shape->last();
    for (Index i = 0; i < e.y.size; ++i) e.y.real[i] = e.x[0].real[i * n + first_largest(e.x[0].real + i * n, n)];
  }
  template <class T>
  void run_as(const KernelCall& c) const {
    const Index n = c.x[0].shape->last();
    for (Index r = 0; r < c.rows; ++r)
      for (Index i = 0; i < c.y.shape->row_size(); ++i) {
        const T* x = c.x[0].row<const T>(r) + i * n;
        c.y.row<T>(r)[i] = x[first_largest(x, n)];
      }
  }
};

class Argmax final : public OpOf<Argmax> {
 public:
  static constexpr std::string_view kName = "argmax";
  Signature infer(const Arguments& x) const override { return {Type::id, check_reducible(x).without(-1)}; }

  template <class S>
  void evaluate_as(const Evaluation<S>& e) const {
    const Index n = e.x[0].shape->last();
    for (Index i = 0; i < e.y.size; ++i) e.y.ids[i] = static_cast<std::int32_t>(first_largest(e.x[0].real + i * n, n));
  }
  template <class T>
  void run_as(const KernelCall& c) const {
    const Index n = c.x[0].shape->last();
    for (Index r = 0; r < c.rows; ++r)
      for (Index i = 0; i < c.y.shape->row_size(); ++i)
        c.y.row<std::int32_t>(r)[i] = static_cast<std::int32_t>(first_largest(c.x[0].row<const T>(r) + i * n, n));
  }
};

Var last_dropped(Var reduced, Keep keep, CallSite site) {
  return keep == Keep::dimension ? reduced : reshape(Operand(reduced, site), reduced.shape().without(-1));
}

// n, or 1 where n is 0, so that an empty mean is 0 / 1.
Var at_least_one(Var n, CallSite site) { return select(Operand(n, site), n, 1.0); }

Var on_tape(std::string_view op, const Operand& x) { return x.on(tape_of(op, {&x})); }

}  // namespace

Var sum_last(Operand x, Keep keep) {
  const Var v = on_tape("sum_last", x);
  if (v.shape().rank() == 0)
    throw ShapeError(fmt::format("[sum_last] {} has no last dimension ({})", v.tape().describe(v.id()), x.site().text()));
  return last_dropped(sum_to(x, v.shape().with_dim(-1, 1)), keep, x.site());
}

Var mean_last(Operand x, Keep keep) {
  const Var total = sum_last(x, keep);
  const Var v = on_tape("mean_last", x);
  const Index n = v.shape().last();
  return divide(Operand(total, x.site()), static_cast<double>(n == 0 ? 1 : n));
}

Var sum(Operand x) { return sum_to(x, Shape{}); }

Var mean(Operand x) {
  const Var v = on_tape("mean", x);
  const auto per_row = static_cast<double>(v.shape().row_size());
  if (!v.shape().batched()) return divide(Operand(sum(x), x.site()), per_row == 0 ? 1.0 : per_row);
  const Var count = multiply(Operand(row_count(v.tape(), v.shape().rows(), x.site()), x.site()), per_row);
  return divide(Operand(sum(x), x.site()), at_least_one(count, x.site()));
}

Var batch_mean(Operand x) {
  const Var total = batch_sum(x);
  const RowCount rows = on_tape("batch_mean", x).shape().rows();
  return divide(Operand(total, x.site()), at_least_one(row_count(total.tape(), rows, x.site()), x.site()));
}

Var max_last(Operand x, Keep keep) { return last_dropped(record(MaxLast{}, x), keep, x.site()); }
Var argmax(Operand x) { return record(Argmax{}, x); }

}  // namespace reel
