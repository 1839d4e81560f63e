#include <reel/ops/joining.h>

#include <algorithm>

#include <fmt/format.h>

#include <reel/graph/cpp_form.h>
#include <reel/graph/error.h>
#include <reel/graph/onnx_form.h>
#include <reel/ops/reshape.h>
#include <reel/ops/rowwise.h>

namespace reel {
namespace {

// Copies runs of `length` elements from x to y, `count` times, each advancing its own stride.
template <class S>
void copy_runs(const S* x, Index x_stride, S* y, Index y_stride, Index length, Index count) {
  for (Index i = 0; i < count; ++i) std::copy_n(x + i * x_stride, length, y + i * y_stride);
}

class Concat final : public RowOp<Concat> {
 public:
  static constexpr std::string_view kName = "concat";
  explicit Concat(int axis) : axis_(axis) {}
  auto key() const { return std::tuple(axis_); }
  std::string attributes() const override { return fmt::format("axis={}", axis_); }

  Signature infer(const Arguments& x) const override {
    x.require_some();
    x.require_all(Type::real);
    const int axis = x.shape(0).axis(axis_);
    Index total = x.shape(0).dim(axis);
    for (int i = 1; i < x.size(); ++i) {
      const Shape& s = x.shape(i);
      if (s.rank() != x.shape(0).rank()) throw ShapeError(fmt::format("ranks differ: {} and {}", x.describe(0), x.describe(i)));
      if (s.with_dim(axis, x.shape(0).dim(axis)) != x.shape(0))
        throw ShapeError(fmt::format("shapes differ beside axis {}: {} and {}", axis_, x.describe(0), x.describe(i)));
      total = checked_sum(total, s.dim(axis));
    }
    return {Type::real, x.shape(0).with_dim(axis, total)};
  }

  std::vector<Var> adjoint(std::span<const Var> x, Var, Var dy) const override {
    std::vector<Var> dx;
    Index begin = 0;
    for (const Var& v : x) {
      const Index end = begin + v.shape().dim(axis_);
      dx.push_back(slice(dy, axis_, begin, end));
      begin = end;
    }
    return dx;
  }
  int axis(const Shape& y) const { return y.axis(axis_); }

  void write_onnx(OnnxWriter& w) const override {
    std::vector<std::string> x;
    for (int i = 0; i < w.inputs(); ++i) x.push_back(w.input(i));
    w.result(w.add("Concat", x, {{"axis", w.axis(w.y_shape(), axis_)}}));
  }
  void write_cpp(CppWriter& w) const override {
    const Shape& y = w.y_shape();
    const Index stride = size_of(y), count = y.leading_product(y.axis(axis_));
    for (Index i = 0, at = 0; i < w.inputs(); ++i) {
      const Index length = size_of(w.x(static_cast<int>(i)).shape);
      w.copy(w.pointer(static_cast<int>(i)), length, cpp_offset(w.y(), at), stride, length, count);
      at += length;
    }
  }

  template <class Row>
  void row(const Row& r) const {
    auto* y = r.y();
    const Index stride = size_of(r.y_shape()), count = r.y_shape().leading_product(r.y_shape().axis(axis_));
    for (int i = 0; i < r.inputs(); ++i) {
      const Index length = size_of(r.x_shape(i));
      copy_runs(r.x(i), length, y, stride, length, count);
      y += length;
    }
  }

 private:
  // Of what lies together: along the axis and those after it.
  Index size_of(const Shape& s) const { return s.dim(axis_) * s.trailing_product(s.axis(axis_)); }
  int axis_;
};

class Slice final : public RowOp<Slice> {
 public:
  static constexpr std::string_view kName = "slice";
  Slice(int axis, Index begin, Index end) : axis_(axis), begin_(begin), end_(end) {}
  auto key() const { return std::tuple(axis_, begin_, end_); }
  std::string attributes() const override { return fmt::format("axis={} {}:{}", axis_, begin_, end_); }

  Signature infer(const Arguments& x) const override {
    x.require_count(1);
    x.require_type(0, Type::real);
    const Index extent = x.shape(0).dim(axis_);
    if (begin_ < 0 || end_ < begin_ || end_ > extent)
      throw ShapeError(
          fmt::format("[{}, {}) is outside [0, {}) along axis {} of {}", begin_, end_, extent, axis_, x.describe(0)));
    return {Type::real, x.shape(0).with_dim(axis_, end_ - begin_)};
  }

  std::vector<Var> adjoint(std::span<const Var> x, Var, Var dy) const override {
    return {pad(dy, axis_, begin_, x[0].shape().dim(axis_) - end_)};
  }

  AxisRange range(const Shape& x) const { return {x.axis(axis_), begin_, end_}; }

  std::optional<ViewRule> view(const Shape& x, const Shape&) const override {
    const int axis = x.axis(axis_);
    if (x.leading_product(axis) != 1) return std::nullopt;
    return ViewRule{.offset = begin_ * x.trailing_product(axis)};
  }

  void write_onnx(OnnxWriter& w) const override {
    const std::string axes = w.wholes({w.axis(w.x(0).shape, axis_)});
    w.result(w.add("Slice", {w.input(0), w.wholes({begin_}), w.wholes({end_}), axes}));
  }
  void write_cpp(CppWriter& w) const override {
    const Shape& from = w.x(0).shape;
    const int axis = from.axis(axis_);
    const Index trailing = from.trailing_product(axis), length = (end_ - begin_) * trailing;
    w.copy(cpp_offset(w.pointer(0), begin_ * trailing), from.dim(axis) * trailing, w.y(), length, length,
           from.leading_product(axis));
  }

  template <class Row>
  void row(const Row& r) const {
    const Shape& from = r.x_shape(0);
    const int axis = from.axis(axis_);
    const Index trailing = from.trailing_product(axis), length = (end_ - begin_) * trailing;
    copy_runs(r.x(0) + begin_ * trailing, from.dim(axis) * trailing, r.y(), length, length, from.leading_product(axis));
  }

 private:
  int axis_;
  Index begin_, end_;
};

class Pad final : public RowOp<Pad> {
 public:
  static constexpr std::string_view kName = "pad";
  Pad(int axis, Index before, Index after) : axis_(axis), before_(before), after_(after) {}
  auto key() const { return std::tuple(axis_, before_, after_); }
  std::string attributes() const override { return fmt::format("axis={} {}+{}", axis_, before_, after_); }

  Signature infer(const Arguments& x) const override {
    x.require_count(1);
    x.require_type(0, Type::real);
    if (before_ < 0 || after_ < 0) throw ShapeError(fmt::format("negative padding {}, {} of {}", before_, after_, x.describe(0)));
    const Index total = checked_sum(checked_sum(before_, x.shape(0).dim(axis_)), after_);
    return {Type::real, x.shape(0).with_dim(axis_, total)};
  }
  std::vector<Var> adjoint(std::span<const Var> x, Var, Var dy) const override {
    return {slice(dy, axis_, before_, before_ + x[0].shape().dim(axis_))};
  }
  AxisRange range(const Shape& x) const { return {x.axis(axis_), before_, before_ + x.dim(axis_)}; }

  void write_onnx(OnnxWriter& w) const override {
    const auto axis = static_cast<std::size_t>(w.axis(w.y_shape(), axis_)),
               rank = static_cast<std::size_t>(w.y_shape().rank() + (w.y_shape().batched() ? 1 : 0));
    std::vector<std::int64_t> pads(2 * rank);
    pads[axis] = before_, pads[rank + axis] = after_;
    w.result(w.add("Pad", {w.input(0), w.wholes(pads)}));
  }
  void write_cpp(CppWriter& w) const override {
    const Shape& to = w.y_shape();
    const int axis = to.axis(axis_);
    const Index trailing = to.trailing_product(axis), length = w.x(0).shape.dim(axis) * trailing;
    w.line(fmt::format("for (int i = 0; i < {}; ++i) {}[i] = 0;", to.row_size(), w.y()));
    w.copy(w.pointer(0), length, cpp_offset(w.y(), before_ * trailing), to.dim(axis) * trailing, length,
           to.leading_product(axis));
  }

  template <class Row>
  void row(const Row& r) const {
    const Shape& to = r.y_shape();
    const int axis = to.axis(axis_);
    const Index trailing = to.trailing_product(axis), length = r.x_shape(0).dim(axis) * trailing;
    std::fill_n(r.y(), to.row_size(), typename Row::Number{});
    copy_runs(r.x(0), length, r.y() + before_ * trailing, to.dim(axis) * trailing, length, to.leading_product(axis));
  }

 private:
  int axis_;
  Index before_, after_;
};

}  // namespace

Var concat(std::span<const Var> x, int axis, CallSite site) {
  if (x.empty()) throw InputError(fmt::format("[concat] takes at least one Var ({})", site.text()));
  for (const Var& v : x)
    if (!v) throw InputError(fmt::format("[concat] an empty Var was used ({})", site.text()));
  return x.size() == 1 ? x[0] : x[0].tape().append(Concat(axis), x, site);
}

Var concat(std::initializer_list<Operand> x, int axis) {
  if (x.size() == 0) throw InputError("[concat] takes at least one operand");
  Tape* tape = nullptr;
  for (const Operand& o : x)
    if (!tape) tape = o.tape();
  if (!tape) tape_of("concat", {x.begin()});
  std::vector<Var> v;
  for (const Operand& o : x) v.push_back(o.on(*tape));
  return concat(v, axis, x.begin()->site());
}

Var slice(Operand x, int axis, Index begin, Index end) { return record(Slice(axis, begin, end), x); }
Var pad(Operand x, int axis, Index before, Index after) { return record(Pad(axis, before, after), x); }

std::optional<AxisRange> slice_range(const Tape& tape, NodeId id) {
  const Slice* op = Slice::from(*tape.node(id).op);
  return op ? std::optional(op->range(tape.node(tape.inputs(id)[0]).shape)) : std::nullopt;
}
std::optional<AxisRange> pad_range(const Tape& tape, NodeId id) {
  const Pad* op = Pad::from(*tape.node(id).op);
  return op ? std::optional(op->range(tape.node(tape.inputs(id)[0]).shape)) : std::nullopt;
}
std::optional<int> concat_axis(const Tape& tape, NodeId id) {
  const Concat* op = Concat::from(*tape.node(id).op);
  return op ? std::optional(op->axis(tape.node(id).shape)) : std::nullopt;
}

Var stack(std::span<const Var> x, CallSite site) {
  std::vector<Var> steps;
  for (const Var& v : x) {
    if (!v) throw InputError(fmt::format("[stack] an empty Var was used ({})", site.text()));
    steps.push_back(reshape(Operand(v, site), v.shape().with_leading(1)));
  }
  return concat(steps, 0, site);
}

}  // namespace reel
