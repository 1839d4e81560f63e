#include <reel/graph/op.h>

#include <fmt/format.h>

#include <reel/graph/cpp_form.h>
#include <reel/graph/error.h>
#include <reel/graph/tape.h>

namespace reel {

void Arguments::require_count(int n) const {
  if (size() != n) throw ShapeError(fmt::format("takes {} inputs, was given {}", n, size()));
}

void Arguments::require_some() const {
  if (size() == 0) throw ShapeError("takes at least one input");
}

void Arguments::require_same_shapes() const {
  for (int i = 1; i < size(); ++i)
    if (shape(i) != shape(0)) throw ShapeError(fmt::format("shapes differ: {} and {}", describe(0), describe(i)));
}

void Arguments::require_last(int i) const {
  if (shape(i).rank() == 0) throw ShapeError(fmt::format("{} has no last dimension", describe(i)));
}

void Arguments::require_type(int i, Type type) const {
  if (signatures_[i].type == type) return;
  throw ShapeError(
      fmt::format("expects {} as input {}, was given {}", type == Type::id ? "ids" : "real numbers", i, describe(i)));
}

void Arguments::require_all(Type type) const {
  for (int i = 0; i < size(); ++i) require_type(i, type);
}

std::vector<Var> no_gradients(std::size_t n) { return std::vector<Var>(n); }

std::vector<Var> Op::adjoint(std::span<const Var>, Var y, Var) const {
  throw InputError(fmt::format("gradients: [{}] states no adjoint rule, so no gradient can flow through it ({})", name(),
                               y.tape().place(y.id())));
}

double Op::flop(std::span<const Signature>, const Signature& y, const RunContext& run) const {
  return static_cast<double>(y.elements(run));
}

Var Op::lower(std::span<const Var>, Var, Element) const { return {}; }

std::optional<CppElement> Op::cpp_element(int) const { return std::nullopt; }

void Op::write_cpp(CppWriter& writer) const {
  CppInstruction one{cpp_element_of(*this, writer.inputs()), {}};
  for (int i = 0; i < writer.inputs(); ++i) one.x.push_back(i);
  const int result = 0;
  write_loop(writer, {&one, 1}, {&result, 1});
}

void Op::write_onnx(OnnxWriter&) const { throw InputError(fmt::format("[{}] has no form in ONNX", name())); }

std::string Op::text() const {
  const std::string a = attributes();
  return a.empty() ? std::string(name()) : fmt::format("{}({})", name(), a);
}

void Op::run(const KernelCall&, float) const { throw Error(fmt::format("[{}] has no kernel for float", name())); }
void Op::run(const KernelCall&, double) const { throw Error(fmt::format("[{}] has no kernel for double", name())); }

}  // namespace reel
