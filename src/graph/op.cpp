#include <reel/graph/op.h>

#include <fmt/format.h>

#include <reel/graph/error.h>
#include <reel/graph/tape.h>

namespace reel {

void Arguments::require_count(int n) const {
  if (size() != n) throw ShapeError(fmt::format("takes {} inputs, was given {}", n, size()));
}

void Arguments::require_type(int i, Type type) const {
  if (signatures_[i].type == type) return;
  throw ShapeError(
      fmt::format("expects {} as input {}, was given {}", type == Type::id ? "ids" : "real numbers", i, describe(i)));
}

void Arguments::require_all(Type type) const {
  for (int i = 0; i < size(); ++i) require_type(i, type);
}

std::vector<Var> Op::adjoint(std::span<const Var> x, Var, Var) const { return std::vector<Var>(x.size()); }

double Op::flop(std::span<const Signature>, const Signature& y, const RunContext& run) const {
  return static_cast<double>(y.elements(run));
}

Var Op::lower(std::span<const Var>, Var, Element) const { return {}; }

void Op::run(const KernelCall&, float) const { throw Error(fmt::format("[{}] has no kernel for float", name())); }
void Op::run(const KernelCall&, double) const { throw Error(fmt::format("[{}] has no kernel for double", name())); }

}  // namespace reel
