#include <reel/ops/unfold.h>

#include <algorithm>

#include <fmt/format.h>

#include <reel/graph/cpp_form.h>
#include <reel/graph/error.h>
#include <reel/graph/onnx_form.h>
#include <reel/ops/reshape.h>
#include <reel/ops/rowwise.h>

namespace reel {
namespace {

auto window_key(const Window& w) { return std::tuple(w.height, w.width, w.stride, w.pad_height, w.pad_width); }

std::string window_text(const Window& w) {
  return fmt::format("{}x{} stride {} pad {}x{}", w.height, w.width, w.stride, w.pad_height, w.pad_width);
}

void check_window(const Window& w) {
  if (w.height < 1 || w.width < 1 || w.stride < 1 || w.pad_height < 0 || w.pad_width < 0)
    throw ShapeError(fmt::format("not a window: {}", window_text(w)));
}

// How many windows fit along one direction.
Index steps(Index extent, Index size, Index stride, Index pad) {
  const Index padded = checked_sum(extent, checked_product(2, pad));
  return padded < size ? 0 : (padded - size) / stride + 1;
}

// An image [H, W, C] and its windows [H', W', height width C], for both directions of copying.
struct Grid {
  Window w;
  Index H, W, C, rows, columns;

  Grid(const Window& window, const Shape& image)
      : w(window),
        H(image.dim(-3)),
        W(image.dim(-2)),
        C(image.dim(-1)),
        rows(steps(H, w.height, w.stride, w.pad_height)),
        columns(steps(W, w.width, w.stride, w.pad_width)) {}

  Index image_size() const { return H * W * C; }
  Index windows_size() const { return rows * columns * w.height * w.width * C; }
  Shape windows_shape(const Shape& image) const {
    return image.with_dim(-3, rows).with_dim(-2, columns).with_dim(-1, checked_product(checked_product(w.height, w.width), C));
  }

  // f(offset in the image, offset in the windows, length) for every stretch of a window's row that lies within the image.
  template <class F>
  void each_stretch(const F& f) const {
    Index at = 0;
    for (Index i = 0; i < rows; ++i)
      for (Index j = 0; j < columns; ++j)
        for (Index a = 0; a < w.height; ++a, at += w.width * C) {
          const Index y = i * w.stride + a - w.pad_height, x = j * w.stride - w.pad_width;
          const Index first = std::max<Index>(0, -x), last = std::min(w.width, W - x);
          if (y >= 0 && y < H && first < last) f((y * W + x + first) * C, at + first * C, (last - first) * C);
        }
  }

  template <class S>
  void gather(const S* image, S* out) const {
    if (w.pad_height + w.pad_width > 0) std::fill_n(out, windows_size(), S{});
    each_stretch([&](Index from, Index to, Index n) { std::copy_n(image + from, n, out + to); });
  }
  template <class S>
  void scatter(const S* in, S* image) const {
    std::fill_n(image, image_size(), S{});
    each_stretch([&](Index to, Index from, Index n) {
      for (Index k = 0; k < n; ++k) image[to + k] += in[from + k];
    });
  }
};

const CppFunction kUnfold{
    R"(template <int H, int W, int C, int kRows, int kColumns, int kHeight, int kWidth, int kStride, int kPadHeight, int kPadWidth>
inline void unfold_of(const float* image, float* windows) {
  for (int i = 0; i < kRows; ++i)
    for (int j = 0; j < kColumns; ++j)
      for (int a = 0; a < kHeight; ++a)
        for (int b = 0; b < kWidth; ++b, windows += C) {
          const int y = i * kStride + a - kPadHeight, x = j * kStride + b - kPadWidth;
          const bool inside = y >= 0 && y < H && x >= 0 && x < W;
          for (int c = 0; c < C; ++c) windows[c] = inside ? image[(y * W + x) * C + c] : 0.0f;
        }
}
)"};

class Unfold final : public RowOp<Unfold> {
 public:
  static constexpr std::string_view kName = "unfold";
  explicit Unfold(Window w) : w_(w) {}
  auto key() const { return window_key(w_); }
  std::string attributes() const override { return window_text(w_); }

  Signature infer(const Arguments& x) const override {
    x.require_count(1);
    x.require_type(0, Type::real);
    check_window(w_);
    if (x.shape(0).rank() < 3) throw ShapeError(fmt::format("needs images [.., H, W, C], not {}", x.describe(0)));
    const Grid grid(w_, x.shape(0));
    if (grid.rows == 0 || grid.columns == 0)
      throw ShapeError(fmt::format("no window of {} fits into {}", window_text(w_), x.describe(0)));
    return {Type::real, grid.windows_shape(x.shape(0))};
  }
  std::vector<Var> adjoint(std::span<const Var> x, Var, Var dy) const override {
    return {fold(dy, w_, x[0].shape().dim(-3), x[0].shape().dim(-2))};
  }
  double flop(std::span<const Signature>, const Signature&, const RunContext&) const override { return 0; }

  // A convolution whose kernels each pick one number of the window.
  void write_onnx(OnnxWriter& w) const override {
    const Grid g(w_, w.x(0).shape);
    const Index size = w_.height * w_.width * g.C;
    std::vector<float> picks(static_cast<std::size_t>(size * size));
    for (Index p = 0; p < w_.height * w_.width; ++p)
      for (Index c = 0; c < g.C; ++c) picks[static_cast<std::size_t>(((p * g.C + c) * g.C + c) * w_.height * w_.width + p)] = 1;
    const std::string images = w.add("Reshape", {w.input(0), w.wholes({-1, g.H, g.W, g.C})});
    const std::string channels_first = w.add("Transpose", {images}, {{"perm", std::vector<std::int64_t>{0, 3, 1, 2}}});
    const std::string windows =
        w.add("Conv", {channels_first, w.numbers(picks, Shape{size, g.C, w_.height, w_.width})},
              {{"pads", std::vector<std::int64_t>{w_.pad_height, w_.pad_width, w_.pad_height, w_.pad_width}},
               {"strides", std::vector<std::int64_t>{w_.stride, w_.stride}}});
    const std::string last = w.add("Transpose", {windows}, {{"perm", std::vector<std::int64_t>{0, 2, 3, 1}}});
    w.result(w.add("Reshape", {last, w.dimensions(w.y_shape())}));
  }
  void write_cpp(CppWriter& w) const override {
    const Grid g(w_, w.x(0).shape);
    w.use(kUnfold);
    w.line(fmt::format("for (int i = 0; i < {}; ++i)", w.x(0).shape.leading_product(w.x(0).shape.rank() - 3)));
    w.line(fmt::format("  unfold_of<{}, {}, {}, {}, {}, {}, {}, {}, {}, {}>({} + i * {}, {} + i * {});", g.H, g.W, g.C, g.rows,
                       g.columns, w_.height, w_.width, w_.stride, w_.pad_height, w_.pad_width, w.pointer(0), g.image_size(),
                       w.y(), g.windows_size()));
  }

  template <class Row>
  void row(const Row& r) const {
    const Grid grid(w_, r.x_shape(0));
    const Index images = r.x_shape(0).leading_product(r.x_shape(0).rank() - 3);
    for (Index i = 0; i < images; ++i) grid.gather(r.x(0) + i * grid.image_size(), r.y() + i * grid.windows_size());
  }

 private:
  Window w_;
};

class Fold final : public RowOp<Fold> {
 public:
  static constexpr std::string_view kName = "fold";
  Fold(Window w, Index H, Index W) : w_(w), H_(H), W_(W) {}
  auto key() const { return std::tuple_cat(window_key(w_), std::tuple(H_, W_)); }
  std::string attributes() const override { return fmt::format("{} to {}x{}", window_text(w_), H_, W_); }

  Signature infer(const Arguments& x) const override {
    x.require_count(1);
    x.require_type(0, Type::real);
    check_window(w_);
    const Index each = checked_product(w_.height, w_.width);
    if (x.shape(0).rank() < 3 || x.shape(0).last() % each)
      throw ShapeError(fmt::format("needs windows of {}, not {}", window_text(w_), x.describe(0)));
    const Shape image = x.shape(0).with_dim(-3, H_).with_dim(-2, W_).with_dim(-1, x.shape(0).last() / each);
    if (Grid(w_, image).windows_shape(image) != x.shape(0))
      throw ShapeError(fmt::format("{} are not the windows of {} of {}", x.describe(0), window_text(w_), image.text()));
    return {Type::real, image};
  }
  std::vector<Var> adjoint(std::span<const Var>, Var, Var dy) const override { return {unfold(dy, w_)}; }

  template <class Row>
  void row(const Row& r) const {
    const Grid grid(w_, r.y_shape());
    const Index images = r.y_shape().leading_product(r.y_shape().rank() - 3);
    for (Index i = 0; i < images; ++i) grid.scatter(r.x(0) + i * grid.windows_size(), r.y() + i * grid.image_size());
  }

 private:
  Window w_;
  Index H_, W_;
};

}  // namespace

Var unfold(Operand x, Window window) { return record(Unfold(window), x); }

Var fold(Operand x, Window window, Index H, Index W) { return record(Fold(window, H, W), x); }

Var unfold_sequence(Operand x, Index width, Index stride, Index padding) {
  const auto here = at("unfold_sequence", x);
  const Var v = x.on(tape_of("unfold_sequence", {&x}));
  if (v.shape().rank() < 2)
    throw ShapeError(fmt::format("[unfold_sequence] needs sequences [.., T, C], not {} ({})", v.tape().describe(v.id()),
                                 v.tape().site(x.site()).text()));
  const Shape& s = v.shape();
  std::vector<Index> dims(s.dims().begin(), s.dims().end());
  dims.insert(dims.end() - 2, 1);
  const Var image = reshape(v, Shape(s.rows(), dims));
  const Var y = unfold(image, {.height = 1, .width = width, .stride = stride, .pad_width = padding});
  return reshape(y, y.shape().without(-3));
}

}  // namespace reel
