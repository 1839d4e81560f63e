#include <reel/ops/pooling.h>

#include <cmath>

#include <fmt/format.h>

#include <reel/graph/error.h>
#include <reel/ops/arithmetic.h>
#include <reel/ops/broadcast.h>
#include <reel/ops/reshape.h>
#include <reel/ops/scalar.h>

namespace reel {
namespace {

// Elements along an axis: `before` groups of n, each element `after` numbers apart.
struct Along {
  Index before, n, after;
  Along(const Shape& s, int axis)
      : before(s.leading_product(s.axis(axis))), n(s.dim(axis)), after(s.trailing_product(s.axis(axis))) {}
};

Shape check_axis(const Arguments& x, int axis) {
  x.require_type(0, Type::real);
  if (x.shape(0).dim(axis) == 0) throw ShapeError(fmt::format("there is no largest among 0 elements: {}", x.describe(0)));
  return x.shape(0).without(axis);
}

// Larger, or the first NaN; without a branch, so that loops over it become vectors.
template <class S>
bool beats(S candidate, S best) {
  return static_cast<int>(!(real_part(candidate) <= real_part(best))) & static_cast<int>(real_part(best) == real_part(best));
}

class MaxOver final : public OpOf<MaxOver> {
 public:
  static constexpr std::string_view kName = "max_over";
  explicit MaxOver(int axis) : axis_(axis) {}
  auto key() const { return std::tuple(axis_); }
  std::string attributes() const override { return fmt::format("axis={}", axis_); }

  Signature infer(const Arguments& x) const override {
    x.require_count(1);
    return {Type::real, check_axis(x, axis_)};
  }
  std::vector<Var> adjoint(std::span<const Var> x, Var, Var dy) const override { return {spread_to_largest(x[0], dy, axis_)}; }

  template <class S>
  void evaluate_as(const Evaluation<S>& e) const {
    const Index size = e.x[0].shape->row_size();
    for (Index r = 0; r < e.rows(*e.y.shape); ++r)
      row(*e.x[0].shape, e.x[0].real + r * size, e.y.real + r * e.y.shape->row_size());
  }
  template <class T>
  void run_as(const KernelCall& c) const {
    for (Index r = 0; r < c.rows; ++r) row(*c.x[0].shape, c.x[0].row<const T>(r), c.y.row<T>(r));
  }

 private:
  template <class S>
  void row(const Shape& shape, const S* x, S* y) const {
    const Along a(shape, axis_);
    for (Index g = 0; g < a.before; ++g, x += a.n * a.after, y += a.after) {
      std::copy_n(x, a.after, y);
      for (Index i = 1; i < a.n; ++i)
        for (Index k = 0; k < a.after; ++k) y[k] = beats(x[i * a.after + k], y[k]) ? x[i * a.after + k] : y[k];
    }
  }
  int axis_;
};

class SpreadToLargest final : public OpOf<SpreadToLargest> {
 public:
  static constexpr std::string_view kName = "spread_to_largest";
  explicit SpreadToLargest(int axis) : axis_(axis) {}
  auto key() const { return std::tuple(axis_); }
  std::string attributes() const override { return fmt::format("axis={}", axis_); }

  Signature infer(const Arguments& x) const override {
    x.require_count(2);
    x.require_all(Type::real);
    if (x.shape(1) != check_axis(x, axis_))
      throw ShapeError(fmt::format("{} is not {} without axis {}", x.describe(1), x.describe(0), axis_));
    return x[0];
  }
  // Linear in dy; piecewise constant in x.
  std::vector<Var> adjoint(std::span<const Var> x, Var, Var dy) const override {
    const Var one = x[0].tape().fill(x[1].shape(), 1.0);
    const Var chosen = dy * spread_to_largest(x[0], one, axis_);
    const int axis = x[0].shape().axis(axis_);
    return {Var(), reshape(sum_to(chosen, chosen.shape().with_dim(axis, 1)), x[1].shape())};
  }

  template <class S>
  void evaluate_as(const Evaluation<S>& e) const {
    const Index size = e.y.shape->row_size(), small = e.x[1].shape->row_size();
    for (Index r = 0; r < e.rows(*e.y.shape); ++r)
      row(*e.y.shape, e.x[0].real + r * size, e.x[1].real + r * small, e.y.real + r * size);
  }
  template <class T>
  void run_as(const KernelCall& c) const {
    for (Index r = 0; r < c.rows; ++r) row(*c.y.shape, c.x[0].row<const T>(r), c.x[1].row<const T>(r), c.y.row<T>(r));
  }

 private:
  template <class S>
  void row(const Shape& shape, const S* x, const S* dy, S* y) const {
    const Along a(shape, axis_);
    for (Index g = 0; g < a.before; ++g, x += a.n * a.after, y += a.n * a.after, dy += a.after) {
      for (Index first = 0; first < a.after; first += kColumns)
        columns(a, std::min(kColumns, a.after - first), x + first, dy + first, y + first);
    }
  }

  // Neighbouring columns; loops so plain that they become vectors.
  template <class S>
  static void columns(const Along& a, Index count, const S* x, const S* dy, S* __restrict y) {
    S largest[kColumns], left[kColumns];  // what is left to give: dy until the first largest was met, then 0
    std::copy_n(x, count, largest);
    std::copy_n(dy, count, left);
    for (Index i = 1; i < a.n; ++i)
      for (Index k = 0; k < count; ++k) largest[k] = beats(x[i * a.after + k], largest[k]) ? x[i * a.after + k] : largest[k];
    for (Index i = 0; i < a.n; ++i)
      for (Index k = 0; k < count; ++k) {
        const bool below = real_part(x[i * a.after + k]) < real_part(largest[k]);
        y[i * a.after + k] = below ? S{} : left[k];
        left[k] = below ? left[k] : S{};
      }
  }

  static constexpr Index kColumns = 64;
  int axis_;
};

// The elements of every window: [.., H', W', size size, C].
Var pooled_windows(const char* op, Operand x, Index size, Index stride) {
  const Var v = x.on(tape_of(op, {&x}));
  const Window window{.height = size, .width = size, .stride = stride == 0 ? size : stride};
  const Var all = unfold(x, window);
  const Index C = v.shape().last();
  return reshape(Operand(all, x.site()), all.shape().with_dim(-1, size * size).with_last(C));
}

}  // namespace

Var max_over(Operand x, int axis) { return record(MaxOver(axis), x); }

Var spread_to_largest(Operand x, Operand dy, int axis) { return record(SpreadToLargest(axis), x, dy); }

Var mean_over(Operand x, int axis) {
  const Var v = x.on(tape_of("mean_over", {&x}));
  const int rank = v.shape().rank();
  if (axis < -rank || axis >= rank)
    throw ShapeError(fmt::format("[mean_over] no axis {} in {} ({})", axis, v.tape().describe(v.id()), x.site().text()));
  const Index n = v.shape().dim(axis);
  const Var total = sum_to(x, v.shape().with_dim(axis, 1));
  const Var sums = reshape(Operand(total, x.site()), v.shape().without(axis));
  return divide(Operand(sums, x.site()), static_cast<double>(n == 0 ? 1 : n));
}

Var max_pool(Operand x, Index size, Index stride) {
  return max_over(Operand(pooled_windows("max_pool", x, size, stride), x.site()), -2);
}

Var mean_pool(Operand x, Index size, Index stride) {
  return mean_over(Operand(pooled_windows("mean_pool", x, size, stride), x.site()), -2);
}

}  // namespace reel
