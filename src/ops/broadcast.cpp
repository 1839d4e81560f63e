#include <reel/ops/broadcast.h>

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include <reel/graph/cpp_form.h>
#include <reel/graph/error.h>
#include <reel/graph/kernels/sum.h>
#include <reel/graph/onnx_form.h>
#include <reel/ops/batch_sum.h>
#include <reel/ops/kernels/cpp_math.h>
#include <reel/ops/rowwise.h>

namespace reel {
namespace {

// The runs of neighbouring elements of `big`, in row-major order, that repeat one element of `small` or copy neighbours there.
class RepeatWalk {
 public:
  RepeatWalk(const Shape& big, const Shape& small) {
    Index stride = 1;
    int back = 1;
    // The last axes that are all kept, or all repeated, are one run.
    for (; back <= big.rank(); ++back) {
      const Index extent = big.dim(-back), here = extent_of(small, back);
      const bool repeats = here != extent;
      if (extent != 1 && length_ != 1 && repeats != repeats_) break;
      if (extent != 1) repeats_ = repeats;
      length_ *= extent;
      stride *= here;
    }
    for (; back <= big.rank(); ++back) {
      const Index here = extent_of(small, back);
      outer_.push_back({big.dim(-back), here == 1 ? 0 : stride});
      stride *= here;
    }
  }

  // f(first of big, first of small, count, whether it is one element that repeats)
  template <class F>
  void each_run(Index size, F f) const {
    std::array<Index, Shape::kMaxRank> at{};
    Index small = 0;
    for (Index i = 0; i < size; i += length_) {
      f(i, small, length_, repeats_);
      for (std::size_t axis = 0; axis < outer_.size(); ++axis) {
        small += outer_[axis].stride;
        if (++at[axis] < outer_[axis].extent) break;
        small -= outer_[axis].stride * at[axis];
        at[axis] = 0;
      }
    }
  }

 private:
  static Index extent_of(const Shape& s, int back) { return back <= s.rank() ? s.dim(-back) : 1; }
  struct Axis {
    Index extent, stride;
  };
  Index length_ = 1;
  bool repeats_ = false;
  std::vector<Axis> outer_;  // the last first
};

bool repeats_to(const Shape& small, const Shape& big) {
  if (small.rank() > big.rank() || (small.batched() && small.rows() != big.rows())) return false;
  for (int back = 1; back <= small.rank(); ++back)
    if (small.dim(-back) != big.dim(-back) && small.dim(-back) != 1) return false;
  return true;
}

class Broadcast final : public RowOp<Broadcast> {
 public:
  static constexpr std::string_view kName = "broadcast";
  explicit Broadcast(Shape shape) : shape_(shape) {}
  auto key() const { return std::tuple(shape_); }
  std::string attributes() const override { return shape_.text(); }

  Signature infer(const Arguments& x) const override {
    x.require_count(1);
    x.require_type(0, Type::real);
    if (!repeats_to(x.shape(0), shape_)) throw ShapeError(fmt::format("{} does not repeat to {}", x.describe(0), shape_.text()));
    return {Type::real, shape_};
  }

  std::vector<Var> adjoint(std::span<const Var> x, Var, Var dy) const override { return {sum_to(dy, x[0].shape())}; }

  std::optional<ViewRule> view(const Shape& x, const Shape& y) const override {
    const bool shared = y.batched() && !x.batched();
    if (x.row_size() == y.row_size()) return ViewRule{.repeats_row = shared};
    if (x.row_size() == 1) return ViewRule{.repeats_row = shared, .splat = true};
    return std::nullopt;
  }

  void write_onnx(OnnxWriter& w) const override { w.repeated_result(w.input(0)); }
  void write_cpp(CppWriter& w) const override {
    const Shape& small = w.x(0).shape;
    std::string to = "0", from = "0";
    Index to_stride = 1, from_stride = 1;
    for (int back = 1; back <= shape_.rank(); ++back) {
      to += fmt::format(" + i{} * {}", back, to_stride);
      to_stride *= shape_.dim(-back);
      if (back > small.rank()) continue;
      if (small.dim(-back) > 1) from += fmt::format(" + i{} * {}", back, from_stride);
      from_stride *= small.dim(-back);
    }
    for (int back = shape_.rank(); back > 0; --back)
      w.line(fmt::format("for (int i{0} = 0; i{0} < {1}; ++i{0})", back, shape_.dim(-back)));
    w.line(fmt::format("  {}[{}] = {};", w.y(), to, cpp_element_at(w.pointer(0), from)));
  }

  template <class Row>
  void row(const Row& r) const {
    const auto* x = r.x(0);
    auto* y = r.y();
    RepeatWalk(shape_, r.x_shape(0)).each_run(shape_.row_size(), [&](Index big, Index small, Index count, bool repeats) {
      if (repeats)
        std::fill_n(y + big, count, x[small]);
      else
        std::copy_n(x + small, count, y + big);
    });
  }

 private:
  Shape shape_;
};

// How a shape sums to one that repeats to it: alternating stretches of axes that stay and axes that are summed.
struct SumAxes {
  struct Stretch {
    bool summed;
    Index size;
    int first, end;  // axes of x
  };
  std::vector<Stretch> stretches;  // of the axes that are not 1

  SumAxes(const Shape& x, const Shape& y) {
    for (int axis = 0; axis < x.rank(); ++axis) {
      const int back = x.rank() - axis;
      const Index extent = x.dim(axis);
      if (extent == 1) continue;
      const bool summed = back > y.rank() || y.dim(-back) == 1;
      if (stretches.empty() || stretches.back().summed != summed) stretches.push_back({summed, 1, axis, axis});
      stretches.back().size *= extent;
      stretches.back().end = axis + 1;
    }
  }
};

const CppFunction kSumTo{R"(// x [outer, n, inner] -> [outer, inner]
template <int kOuter, int N, int kInner>
REEL_INLINE void sum_to(const float* x, float* y) {
  for (int g = 0; g < kOuter; ++g, x += N * kInner, y += kInner) {
    if constexpr (kInner == 1) {
      *y = sum_of<N>(x);
    } else {
      for (int i = 0; i < kInner; ++i) y[i] = 0;
      for (int k = 0; k < N; ++k)
        for (int i = 0; i < kInner; ++i) y[i] += x[k * kInner + i];
    }
  }
}
)",
                         {&kernels::kCppSum}};

// x seen as [outer, n, inner] -> [outer, inner].
class SumTo final : public OpOf<SumTo> {
 public:
  static constexpr std::string_view kName = "sum_to";
  explicit SumTo(Shape shape) : shape_(shape) {}
  auto key() const { return std::tuple(shape_); }
  std::string attributes() const override { return shape_.text(); }

  Signature infer(const Arguments& x) const override {
    x.require_count(1);
    x.require_type(0, Type::real);
    if (x.shape(0).rows() != shape_.rows() || !repeats_to(shape_, x.shape(0)))
      throw ShapeError(fmt::format("{} is not a repetition of {}", x.describe(0), shape_.text()));
    return {Type::real, shape_};
  }

  std::vector<Var> adjoint(std::span<const Var> x, Var, Var dy) const override { return {broadcast(dy, x[0].shape())}; }

  void write_onnx(OnnxWriter& w) const override {
    const Shape& x = w.x(0).shape;
    std::vector<std::int64_t> axes;
    for (int axis = 0; axis < x.rank(); ++axis) {
      const int back = x.rank() - axis;
      if (back > shape_.rank() || shape_.dim(-back) != x.dim(axis)) axes.push_back(w.axis(x, axis));
    }
    const std::string sum = axes.empty() ? w.input(0) : w.add("ReduceSum", {w.input(0), w.wholes(axes)}, {{"keepdims", 1}});
    w.result(x.rank() == shape_.rank() ? sum : w.add("Reshape", {sum, w.dimensions(shape_)}));
  }
  void write_cpp(CppWriter& w) const override {
    const View v(w.x(0).shape, shape_);
    w.use(kSumTo);
    w.line(fmt::format("sum_to<{}, {}, {}>({}, {});", v.outer, v.n, v.inner, w.pointer(0), w.y()));
  }

  template <class S>
  void evaluate_as(const Evaluation<S>& e) const {
    const View v(*e.x[0].shape, shape_);
    const S* x = e.x[0].real;
    S* y = e.y.real;
    for (Index g = 0; g < e.rows(*e.y.shape) * v.outer; ++g, x += v.n * v.inner)
      for (Index i = 0; i < v.inner; ++i, ++y) {
        const auto at = [&](Index k) { return x[k * v.inner + i]; };
        *y = v.inner == 1 ? sum_along<S>(v.n, at) : sum_across<S>(v.n, at);
      }
  }

  template <class T>
  void run_as(const KernelCall& c) const {
    const View v(*c.x[0].shape, shape_);
    const auto along = kernels::sum_kernels<T>().along;
    for (Index r = 0; r < c.rows; ++r) {
      const T* x = c.x[0].row<const T>(r);
      T* y = c.y.row<T>(r);
      for (Index g = 0; g < v.outer; ++g, x += v.n * v.inner, y += v.inner) {
        if (v.inner == 1)
          *y = along(x, v.n);
        else
          sum_columns(v, x, y);
      }
    }
  }

 private:
  struct View {
    Index outer = 1, n = 1, inner = 1;
    View(const Shape& x, const Shape& y) {
      for (const SumAxes::Stretch& s : SumAxes(x, y).stretches) {
        if (s.summed)
          n = s.size;
        else
          (n == 1 ? outer : inner) *= s.size;
      }
    }
  };

  template <class T>
  static void sum_columns(const View& v, const T* x, T* y) {
    if (v.n > 0 && v.n <= kSumStretch) {
      const auto add = kernels::sum_kernels<T>().add;
      for (Index k = 0; k < v.n; ++k) add(x + k * v.inner, y, v.inner, k > 0);
      return;
    }
    constexpr Index kColumns = kernels::AcrossSum<T>::kColumns;
    for (Index first = 0; first < v.inner; first += kColumns) {
      kernels::AcrossSum<T> sum(std::min(kColumns, v.inner - first));
      for (Index k = 0; k < v.n; ++k) sum.push(x + k * v.inner + first);
      sum.total(y + first);
    }
  }

  Shape shape_;
};

std::string list_shapes(std::span<const Var> x) {
  std::string text;
  for (const Var& v : x) text += (text.empty() ? "" : " and ") + v.tape().describe(v.id());
  return text;
}

// The shape that all of x repeat to.
Shape common_shape(std::string_view op, std::span<const Var> x, CallSite site) {
  std::array<Index, Shape::kMaxRank> dims;
  dims.fill(1);
  int rank = 0, batched_rank = -1;  // of those with B
  RowCount rows;
  for (const Var& v : x) {
    rank = std::max(rank, v.shape().rank());
    if (v.shape().batched()) batched_rank = std::max(batched_rank, v.shape().rank());
    if (!rows.batched()) rows = v.shape().rows();
    if (v.shape().batched() && v.shape().rows() != rows)
      throw ShapeError(fmt::format("[{}] counts of rows differ: {} ({})", op, list_shapes(x), site.text()));
    for (int back = 1; back <= v.shape().rank(); ++back) {
      Index& d = dims[Shape::kMaxRank - back];
      const Index extent = v.shape().dim(-back);
      if (d != extent && d != 1 && extent != 1)
        throw ShapeError(fmt::format("[{}] shapes do not broadcast: {} ({})", op, list_shapes(x), site.text()));
      if (d == 1) d = extent;
    }
  }
  if (batched_rank > 0 && rank > batched_rank)
    throw ShapeError(
        fmt::format("[{}] {}: what has B would gain dimensions of what has none; matmul() is the product with a matrix, and "
                    "reshape() gives dimensions of size 1 where that is meant ({})",
                    op, list_shapes(x), site.text()));
  try {
    return Shape(rows, std::span(dims).last(rank));
  } catch (const ShapeError& e) {
    throw ShapeError(fmt::format("[{}] {}: {} ({})", op, e.what(), list_shapes(x), site.text()));
  }
}

// One SumTo for each stretch of axes that are summed, the last first.
Var sum_stretches(Var x, const Shape& shape, CallSite site) {
  if (!repeats_to(shape, x.shape())) return x.tape().append(SumTo(shape), {x}, site);  // which says why not
  const auto stretches = SumAxes(x.shape(), shape).stretches;
  Index left = std::ranges::count_if(stretches, &SumAxes::Stretch::summed);
  for (std::size_t i = stretches.size(); i-- > 0 && left > 1;) {
    if (!stretches[i].summed) continue;
    Shape next = x.shape();
    for (int axis = stretches[i].first; axis < stretches[i].end; ++axis) next = next.with_dim(axis, 1);
    x = x.tape().append(SumTo(next), {x}, site);
    --left;
  }
  return x.tape().append(SumTo(shape), {x}, site);
}

}  // namespace

Var broadcast(Operand x, Shape shape) {
  Tape& tape = tape_of(Broadcast::kName, {&x});
  const Var v = x.on(tape);
  return v.shape() == shape ? v : tape.append(Broadcast(shape), {v}, x.site());
}

Var sum_to(Operand x, Shape shape) {
  Tape& tape = tape_of(SumTo::kName, {&x});
  Var v = x.on(tape);
  const bool over_batch = v.shape().batched() && !shape.batched();
  const Shape per_row = over_batch ? shape.with_rows(v.shape().rows()) : shape;
  if (v.shape() != per_row) v = sum_stretches(v, per_row, x.site());
  return over_batch ? batch_sum(Operand(v, x.site())) : v;
}

void broadcast_together(std::string_view op, std::span<Var> x, CallSite site) {
  const bool equal = std::all_of(x.begin(), x.end(), [&](const Var& v) { return v && v.shape() == x[0].shape(); });
  if (equal) return;
  for (const Var& v : x)
    if (!v || v.tape() != x[0].tape())
      throw InputError(fmt::format("[{}] operands are empty or on different tapes ({})", op, site.text()));
  for (const Var& v : x)
    if (v.type() != Type::real)
      throw ShapeError(fmt::format("[{}] expects real numbers, was given {} ({})", op, v.tape().describe(v.id()), site.text()));
  const Shape shape = common_shape(op, x, site);
  for (Var& v : x) v = broadcast(Operand(v, site), shape);
}

}  // namespace reel
