#include <reel/models/layers.h>

#include <fmt/format.h>

#include <reel/ops/arithmetic.h>
#include <reel/ops/embedding.h>
#include <reel/ops/matmul.h>

namespace reel {

Var identity(Operand x) { return x.on(tape_of("identity", {&x})); }

Linear::Linear(ParameterSet& set, const std::string& name, Index I, Index O, Initializer weights, Initializer bias)
    : W(set.add(name + ".W", {I, O}, std::move(weights))), b(set.add(name + ".b", {O}, std::move(bias))) {}

Var Linear::operator()(Operand x) const {
  const auto here = at("linear", x);
  return matmul(x, W) + b;
}

Embedding::Embedding(ParameterSet& set, const std::string& name, Index V, Index E, Initializer begin)
    : table(set.add(name, {V, E}, std::move(begin))) {}

Var Embedding::operator()(Var ids, CallSite site) const { return embedding(ids, Operand(table, site)); }

Mlp::Mlp(ParameterSet& set, const std::string& name, const std::vector<Index>& sizes, Activation hidden, Activation output,
         Initializer weights)
    : hidden_(hidden), output_(output) {
  if (sizes.size() < 2) throw InputError(fmt::format("Mlp {}: needs at least an input and an output size", name));
  for (std::size_t i = 0; i + 1 < sizes.size(); ++i)
    layers.emplace_back(set, fmt::format("{}.{}", name, i), sizes[i], sizes[i + 1], weights);
}

Var Mlp::operator()(Operand x) const {
  const auto here = at("mlp", x);
  Var y = layers[0](x);
  for (std::size_t i = 1; i < layers.size(); ++i) y = layers[i](hidden_(y));
  return output_(y);
}

}  // namespace reel
