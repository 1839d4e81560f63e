// Elementwise<Self, kArity>: what all elementwise ops share. Self supplies, side by side:
//   static constexpr std::string_view kName;
//   template <class S> static S value(S x, ...);          the formula, for the oracle
//   Tiles tile_kernels() const;                            the vector kernel
//   static std::vector<Var> rule(x.., Var y, Var dy);      the adjoint, in public ops
//   static CppElement cpp();                               its form in C++; may be left out
//   static constexpr std::string_view kOnnx;               its operator in ONNX, or else
//   static std::string onnx(OnnxWriter& w, const std::vector<std::string>& x);  its form there; may be left out
// Shapes of inputs and result are equal; record_elementwise() broadcasts beforehand.
#pragma once

#include <fmt/format.h>

#include <reel/graph/cpp_form.h>
#include <reel/graph/error.h>
#include <reel/graph/onnx_form.h>
#include <reel/ops/broadcast.h>
#include <reel/ops/operand.h>

namespace reel {

template <class Self, int kArity>
class Elementwise : public OpOf<Self> {
 public:
  Signature infer(const Arguments& x) const override {
    x.require_count(kArity);
    x.require_all(Type::real);
    x.require_same_shapes();
    return x[0];
  }

  std::optional<Tiles> tiles(int) const override { return static_cast<const Self&>(*this).tile_kernels(); }

  std::optional<CppElement> cpp_element(int inputs) const override {
    if constexpr (requires { Self::cpp(); })
      return Self::cpp();
    else
      return OpOf<Self>::cpp_element(inputs);
  }

  void write_onnx(OnnxWriter& writer) const override {
    if constexpr (requires { Self::kOnnx; })
      writer.result(writer.add(Self::kOnnx, writer.elements()));
    else if constexpr (requires(const std::vector<std::string>& x) { Self::onnx(writer, x); })
      writer.result(Self::onnx(writer, writer.elements()));
    else
      OpOf<Self>::write_onnx(writer);
  }

  std::vector<Var> adjoint(std::span<const Var> x, Var y, Var dy) const override {
    return spread(std::make_integer_sequence<int, kArity>(), [&](auto... i) { return Self::rule(x[i]..., y, dy); });
  }

  template <class S>
  void evaluate_as(const Evaluation<S>& e) const {
    for (Index n = 0; n < e.y.size; ++n)
      e.y.real[n] = spread(std::make_integer_sequence<int, kArity>(), [&](auto... i) { return Self::value(e.x[i].real[n]...); });
  }

 private:
  template <int... I, class F>
  static auto spread(std::integer_sequence<int, I...>, F f) {
    return f(I...);
  }
};

// Broadcasts both to their common shape, then records.
template <class O>
Var record_elementwise(const Operand& a, const Operand& b) {
  Tape& tape = tape_of(O::kName, {&a, &b});
  Var x[] = {a.on(tape), b.on(tape)};
  broadcast_together(O::kName, x, tape.site(a.site()));
  return tape.append(O{}, x, a.site());
}

}  // namespace reel
