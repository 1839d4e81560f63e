#include <reel/models/cells/jordan.h>

#include <fmt/format.h>

#include <reel/graph/error.h>
#include <reel/ops/arithmetic.h>
#include <reel/ops/matmul.h>

namespace reel {

Jordan::Jordan(ParameterSet& set, const std::string& name, Index I, Index H, Index O, Activation out, const CellOptions& options)
    : U(set.add(name + ".U", {I, H}, options.weights_for(H))),
      W(set.add(name + ".W", {O, H}, options.weights_for(H))),
      b(set.add(name + ".b", {H}, options.bias)),
      V(set.add(name + ".V", {H, O}, options.weights_for(H))),
      c(set.add(name + ".c", {O}, options.bias)),
      name_(name),
      phi_(options.activation),
      out_(out) {}

Jordan::State Jordan::step(Var x, const State&, Var recurrent) const {
  const auto scope = x.tape().scope(name_);
  const Var from_x = matmul(x, U), from_output = matmul(recurrent, W);
  const Var h = phi_(from_x + from_output + b);
  const Var logits = matmul(h, V) + c;
  return {out_(logits), logits};
}

std::vector<StatePart> Jordan::state_layout() const { return {{"y", {B, V.shape().last()}}}; }

DeepJordan::DeepJordan(ParameterSet& set, const std::string& name, Index I, const std::vector<Index>& units, Index O,
                       Activation out, const CellOptions& options)
    : name_(name), phi_(options.activation), out_(out) {
  if (units.empty()) throw InputError(fmt::format("DeepJordan {}: needs at least one layer", name));
  for (std::size_t l = 0; l < units.size(); ++l) {
    const Index below = l == 0 ? I : units[l - 1], here = units[l], above = l + 1 < units.size() ? units[l + 1] : O;
    const std::string layer = fmt::format("{}.{}", name, l + 1);
    layers.push_back({set.add(layer + ".U", {below, here}, options.weights_for(here)),
                      set.add(layer + ".W", {above, here}, options.weights_for(here)),
                      set.add(layer + ".b", {here}, options.bias)});
  }
  V = set.add(name + ".V", {units.back(), O}, options.weights_for(units.back()));
  c = set.add(name + ".c", {O}, options.bias);
}

std::vector<Var*> DeepJordan::State::parts() {
  std::vector<Var*> all;
  for (Var& v : above) all.push_back(&v);
  return all;
}

DeepJordan::State DeepJordan::step(Var x, const State& previous) const {
  if (previous.above.size() != layers.size())
    throw InputError(
        fmt::format("DeepJordan: the state has {} parts, the network {} layers", previous.above.size(), layers.size()));
  const auto scope = x.tape().scope(name_);
  State next;
  Var h = x;
  for (std::size_t l = 0; l < layers.size(); ++l) {
    const auto layer_scope = x.tape().scope(fmt::format("{}", l + 1));
    const Var from_below = matmul(h, layers[l].U), from_above = matmul(previous.above[l], layers[l].W);
    h = phi_(from_below + from_above + layers[l].b);
    if (l > 0) next.above.push_back(h);
  }
  next.logits = matmul(h, V) + c;
  next.above.push_back(out_(next.logits));
  return next;
}

std::vector<StatePart> DeepJordan::state_layout() const {
  std::vector<StatePart> parts;
  for (std::size_t l = 1; l < layers.size(); ++l) parts.push_back({fmt::format("h{}", l + 1), {B, layers[l].b.shape().last()}});
  parts.push_back({"y", {B, c.shape().last()}});
  return parts;
}

DeepJordan::State DeepJordan::make_state(std::span<const Var> parts) const { return {{parts.begin(), parts.end()}, Var()}; }

}  // namespace reel
