#include <reel/ops/reduction.h>

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include <reel/graph/cpp_form.h>
#include <reel/graph/error.h>
#include <reel/graph/onnx_form.h>
#include <reel/ops/arithmetic.h>
#include <reel/ops/batch_sum.h>
#include <reel/ops/kernels/cpp_math.h>
#include <reel/ops/kernels/row_extremes.h>
#include <reel/ops/reshape.h>
#include <reel/ops/rows.h>
#include <reel/ops/rowwise.h>
#include <reel/ops/scalar.h>
#include <reel/ops/selection.h>

namespace reel {
namespace {

// Elements along an axis: `before` groups of n, each element `after` numbers apart.
struct Along {
  Index before, n, after;
  Along(const Shape& s, int axis)
      : before(s.leading_product(s.axis(axis))), n(s.dim(axis)), after(s.trailing_product(s.axis(axis))) {}
};

// The shape of a maximum over `axis`.
Shape reduced(const Arguments& x, int axis) {
  x.require_type(0, Type::real);
  if (x.shape(0).dim(axis) == 0) throw ShapeError(fmt::format("there is no largest among 0 elements: {}", x.describe(0)));
  return x.shape(0).without(axis);
}

// Larger, or the first NaN; without a branch, so that loops over it become vectors.
template <class S>
bool beats(S candidate, S best) {
  return static_cast<int>(!(real_part(candidate) <= real_part(best))) & static_cast<int>(real_part(best) == real_part(best));
}

class Max final : public RowOp<Max> {
 public:
  static constexpr std::string_view kName = "max";
  explicit Max(int axis) : axis_(axis) {}
  auto key() const { return std::tuple(axis_); }
  std::string attributes() const override { return fmt::format("axis={}", axis_); }

  Signature infer(const Arguments& x) const override {
    x.require_count(1);
    return {Type::real, reduced(x, axis_)};
  }
  std::vector<Var> adjoint(std::span<const Var> x, Var, Var dy) const override { return {spread_to_largest(x[0], dy, axis_)}; }

  void write_onnx(OnnxWriter& w) const override {
    w.result(w.add("ReduceMax", {w.input(0)}, {{"axes", std::vector{w.axis(w.x(0).shape, axis_)}}, {"keepdims", 0}}));
  }
  void write_cpp(CppWriter& w) const override {
    const Along a(w.x(0).shape, axis_);
    w.use(kernels::kCppMax);
    w.line(fmt::format("for (int g = 0; g < {}; ++g)", a.before));
    w.line(fmt::format("  for (int k = 0; k < {0}; ++k) {1}[g * {0} + k] = largest_of<{2}, {0}>({3} + g * {4} + k);", a.after,
                       w.y(), a.n, w.pointer(0), a.n * a.after));
  }

  template <class Row>
  void row(const Row& r) const {
    const Along a(r.x_shape(0), axis_);
    const auto* x = r.x(0);
    auto* y = r.y();
    for (Index g = 0; g < a.before; ++g, x += a.n * a.after, y += a.after) {
      std::copy_n(x, a.after, y);
      for (Index i = 1; i < a.n; ++i)
        for (Index k = 0; k < a.after; ++k) y[k] = beats(x[i * a.after + k], y[k]) ? x[i * a.after + k] : y[k];
    }
  }

  template <class T>
  void run_as(const KernelCall& c) const {
    const Along a(*c.x[0].shape, axis_);
    const auto kernels = kernels::row_extremes<T>();
    for (Index r = 0; r < c.rows; ++r) {
      const T* x = c.x[0].row<const T>(r);
      T* y = c.y.row<T>(r);
      for (Index g = 0; g < a.before; ++g, x += a.n * a.after, y += a.after) {
        if (a.after == 1) {
          *y = kernels.max(x, a.n);
          continue;
        }
        std::copy_n(x, a.after, y);
        for (Index i = 1; i < a.n; ++i) kernels.max_into(x + i * a.after, y, a.after);
      }
    }
  }

 private:
  int axis_;
};

class SpreadToLargest final : public RowOp<SpreadToLargest> {
 public:
  static constexpr std::string_view kName = "spread_to_largest";
  explicit SpreadToLargest(int axis) : axis_(axis) {}
  auto key() const { return std::tuple(axis_); }
  std::string attributes() const override { return fmt::format("axis={}", axis_); }

  Signature infer(const Arguments& x) const override {
    x.require_count(2);
    x.require_all(Type::real);
    if (x.shape(1) != reduced(x, axis_))
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

  template <class Row>
  void row(const Row& r) const {
    const Along a(r.y_shape(), axis_);
    const auto *x = r.x(0), *dy = r.x(1);
    auto* y = r.y();
    for (Index g = 0; g < a.before; ++g, x += a.n * a.after, y += a.n * a.after, dy += a.after)
      for (Index first = 0; first < a.after; first += kColumns)
        columns(a, std::min(kColumns, a.after - first), x + first, dy + first, y + first);
  }

  template <class T>
  void run_as(const KernelCall& c) const {
    const Along a(*c.y.shape, axis_);
    if (a.after > 1) return RowOp::run_as<T>(c);
    const auto argmax = kernels::row_extremes<T>().argmax;
    for (Index r = 0; r < c.rows; ++r) {
      const T *x = c.x[0].row<const T>(r), *dy = c.x[1].row<const T>(r);
      T* y = c.y.row<T>(r);
      std::fill_n(y, a.before * a.n, T{});
      for (Index g = 0; g < a.before; ++g) y[g * a.n + argmax(x + g * a.n, a.n)] = dy[g];
    }
  }

 private:
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

const CppFunction kFirstLargest{R"(template <int N>
REEL_INLINE std::int32_t first_largest(const float* x) {
  std::int32_t best = 0;
  for (std::int32_t i = 1; i < N; ++i)
    if (!(x[i] <= x[best]) && x[best] == x[best]) best = i;
  return best;
}
)"};

class Argmax final : public RowOp<Argmax> {
 public:
  static constexpr std::string_view kName = "argmax";
  Signature infer(const Arguments& x) const override {
    x.require_count(1);
    x.require_last(0);
    return {Type::id, reduced(x, -1)};
  }
  std::vector<Var> adjoint(std::span<const Var> x, Var, Var) const override { return no_gradients(x.size()); }

  void write_onnx(OnnxWriter& w) const override {
    w.result(w.add("ArgMax", {w.input(0)}, {{"axis", w.axis(w.x(0).shape, -1)}, {"keepdims", 0}}));
  }
  void write_cpp(CppWriter& w) const override {
    const Index n = w.x(0).shape.last();
    w.use(kFirstLargest);
    w.line(fmt::format("for (int g = 0; g < {}; ++g) {}[g] = first_largest<{}>({} + g * {});", w.y_shape().row_size(), w.y(), n,
                       w.pointer(0), n));
  }

  template <class Row>
  void row(const Row& r) const {
    const Index n = r.x_shape(0).last();
    for (Index i = 0; i < r.y_shape().row_size(); ++i) r.y_ids()[i] = static_cast<std::int32_t>(first_largest(r.x(0) + i * n, n));
  }

  template <class T>
  void run_as(const KernelCall& c) const {
    const Index n = c.x[0].shape->last();
    const auto argmax = kernels::row_extremes<T>().argmax;
    for (Index r = 0; r < c.rows; ++r)
      for (Index i = 0; i < c.y.shape->row_size(); ++i)
        c.y.row<std::int32_t>(r)[i] = static_cast<std::int32_t>(argmax(c.x[0].row<const T>(r) + i * n, n));
  }

 private:
  template <class S>
  static Index first_largest(const S* x, Index n) {
    Index best = 0;
    for (Index i = 0; i < n; ++i) {
      if (std::isnan(real_part(x[i]))) return i;
      if (real_part(x[i]) > real_part(x[best])) best = i;
    }
    return best;
  }
};

// x as a node, when it has such an axis.
Var with_axis(std::string_view op, const Operand& x, int axis) {
  const Var v = x.on(tape_of(op, {&x}));
  const int rank = v.shape().rank();
  if (axis < -rank || axis >= rank)
    throw ShapeError(
        fmt::format("[{}] no axis {} in {} ({})", op, axis, v.tape().describe(v.id()), v.tape().site(x.site()).text()));
  return v;
}

// n, or 1 where n is 0, so that an empty mean is 0 / 1.
Var at_least_one(Var n) { return select(n, n, 1.0); }
double at_least_one(Index n) { return n == 0 ? 1.0 : static_cast<double>(n); }

}  // namespace

Var sum(Operand x, int axis, Keep keep) {
  const auto here = at("sum", x);
  const Var v = with_axis("sum", x, axis);
  const Var total = sum_to(v, v.shape().with_dim(axis, 1));
  return keep == Keep::dimension ? total : reshape(total, v.shape().without(axis));
}

Var mean(Operand x, int axis, Keep keep) {
  const auto here = at("mean", x);
  const Var v = with_axis("mean", x, axis);
  return sum(v, axis, keep) / at_least_one(v.shape().dim(axis));
}

Var max(Operand x, int axis, Keep keep) {
  const auto here = at("max", x);
  const Var v = with_axis("max", x, axis);
  const Var largest = record(Max(v.shape().axis(axis)), v);
  return keep == Keep::dimension ? reshape(largest, v.shape().with_dim(axis, 1)) : largest;
}

Var argmax(Operand x) { return record(Argmax{}, x); }

Var spread_to_largest(Operand x, Operand dy, int axis) { return record(SpreadToLargest(axis), x, dy); }

Var sum(Operand x) { return sum_to(x, Shape{}); }

Var mean(Operand x) {
  const auto here = at("mean", x);
  const Var v = x.on(tape_of("mean", {&x}));
  if (!v.shape().batched()) return sum(v) / at_least_one(v.shape().row_size());
  const Var count = row_count(v.tape(), v.shape().rows()) * static_cast<double>(v.shape().row_size());
  const Var total = sum(v);
  return total / at_least_one(count);
}

Var batch_mean(Operand x) {
  const auto here = at("batch_mean", x);
  const Var total = batch_sum(x);
  const RowCount rows = x.on(total.tape()).shape().rows();
  return total / at_least_one(row_count(total.tape(), rows));
}

}  // namespace reel
