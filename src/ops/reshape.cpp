#include <reel/ops/reshape.h>

#include <algorithm>

#include <fmt/format.h>

#include <reel/graph/error.h>
#include <reel/graph/onnx_form.h>

namespace reel {
namespace {

class Reshape final : public OpOf<Reshape> {
 public:
  static constexpr std::string_view kName = "reshape";
  explicit Reshape(Shape shape) : shape_(shape) {}
  auto key() const { return std::tuple(shape_); }
  std::string attributes() const override { return shape_.text(); }

  Signature infer(const Arguments& x) const override {
    x.require_count(1);
    x.require_type(0, Type::real);
    if (x.shape(0).rows() != shape_.rows() || x.shape(0).row_size() != shape_.row_size())
      throw ShapeError(fmt::format("{} cannot become {}", x.describe(0), shape_.text()));
    return {Type::real, shape_};
  }
  std::vector<Var> adjoint(std::span<const Var> x, Var, Var dy) const override { return {reshape(dy, x[0].shape())}; }
  std::optional<ViewRule> view(const Shape&, const Shape&) const override { return ViewRule{}; }

  void write_onnx(OnnxWriter& w) const override { w.result(w.add("Reshape", {w.input(0), w.dimensions(shape_)})); }

  template <class S>
  void evaluate_as(const Evaluation<S>& e) const {
    std::copy_n(e.x[0].real, e.y.size, e.y.real);
  }

 private:
  Shape shape_;
};

}  // namespace

Var reshape(Operand x, Shape shape) {
  Tape& tape = tape_of(Reshape::kName, {&x});
  const Var v = x.on(tape);
  return v.shape() == shape ? v : tape.append(Reshape(shape), {v}, x.site());
}

}  // namespace reel
