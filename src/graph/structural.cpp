#include <reel/graph/structural.h>

#include <fmt/format.h>

#include <reel/graph/cpp_form.h>
#include <reel/graph/error.h>
#include <reel/graph/kernels/sum.h>
#include <reel/graph/onnx_form.h>

namespace reel {

std::string InputLeaf::attributes() const {
  const char* kind = info_.kind == LeafInfo::Kind::carried ? "carried " : "";
  return info_.step < 0 ? kind + info_.name : fmt::format("{}[{}]", info_.name, info_.step);
}

std::string ConstantLeaf::attributes() const { return one_number() ? fmt::format("{}", (*value_)[0]) : "tensor"; }

Signature Accumulate::infer(const Arguments& x) const {
  x.require_some();
  x.require_all(Type::real);
  x.require_same_shapes();
  return x[0];
}

std::optional<Tiles> Accumulate::tiles(int inputs) const { return kernels::sum_tiles(inputs); }

std::optional<CppElement> Accumulate::cpp_element(int inputs) const {
  std::string text = "({0}";
  for (int i = 1; i < inputs; ++i) text += fmt::format(" + {{{}}}", i);
  return CppElement{text + ")"};
}

void Accumulate::write_onnx(OnnxWriter& writer) const { writer.result(writer.add("Sum", writer.elements())); }

template <class T>
void Accumulate::run_as(const KernelCall& c) const {
  constexpr Index kColumns = kernels::AcrossSum<T>::kColumns;
  const Index n = c.y.shape->row_size();
  for (Index r = 0; r < c.rows; ++r)
    for (Index first = 0; first < n; first += kColumns) {
      kernels::AcrossSum<T> sum(std::min(kColumns, n - first));
      for (const KernelOperand& x : c.x) sum.push(x.row<const T>(r) + first);
      sum.total(c.y.row<T>(r) + first);
    }
}
template void Accumulate::run_as<float>(const KernelCall&) const;
template void Accumulate::run_as<double>(const KernelCall&) const;

std::string Output::attributes() const { return fmt::format("{}", index_); }

Signature Output::infer(const Arguments& x) const {
  x.require_count(1);
  if (x.shape(0).rank() < 1 || index_ >= x.shape(0).dim(0))
    throw ShapeError(fmt::format("{} has no output {}", x.describe(0), index_));
  return {Type::real, x.shape(0).without(0)};
}

Signature StopGradient::infer(const Arguments& x) const {
  x.require_count(1);
  x.require_type(0, Type::real);
  return x[0];
}

Signature Copy::infer(const Arguments& x) const {
  x.require_count(1);
  return x[0];
}

void Copy::write_onnx(OnnxWriter& writer) const { writer.result(writer.input(0)); }
void Copy::write_cpp(CppWriter& writer) const { writer.copy(writer.pointer(0), 0, writer.y(), 0, writer.x(0).size()); }

template <class T>
void Copy::run_as(const KernelCall& c) const {
  const Index n = c.y.shape->row_size();
  for (Index r = 0; r < c.rows; ++r) {
    if (c.y.type == Type::id)
      std::copy_n(c.x[0].row<const std::int32_t>(r), n, c.y.row<std::int32_t>(r));
    else
      std::copy_n(c.x[0].row<const T>(r), n, c.y.row<T>(r));
  }
}
template void Copy::run_as<float>(const KernelCall&) const;
template void Copy::run_as<double>(const KernelCall&) const;

void StopGradient::write_onnx(OnnxWriter& writer) const { writer.result(writer.input(0)); }

void BatchSize::write_onnx(OnnxWriter& writer) const {
  const std::string rows = writer.dimensions(Shape{B});
  writer.result(
      writer.add("Cast", {writer.add("Reshape", {rows, writer.wholes(std::vector<std::int64_t>{})})}, {{"to", kOnnxFloat}}));
}

void BatchSize::write_cpp(CppWriter& writer) const { writer.line(writer.y() + "[0] = 1;"); }

Var accumulate(std::span<const Var> x, CallSite site) {
  if (x.empty()) throw InputError("accumulate: takes at least one Var");
  return x.size() == 1 ? x[0] : x[0].tape().append(Accumulate{}, x, site);
}

Var get_output(Var all, Index index, CallSite site) { return all.tape().append(Output(index), {all}, site); }

Var stop_gradient(Var x, CallSite site) { return x.tape().append(StopGradient{}, {x}, site); }

}  // namespace reel
