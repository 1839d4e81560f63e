#include <reel/models/cells/elman.h>

#include <reel/ops/arithmetic.h>
#include <reel/ops/joining.h>
#include <reel/ops/matmul.h>

namespace reel {

Elman::Elman(ParameterSet& set, const std::string& name, Index I, Index H, const CellOptions& options)
    : U(set.add(name + ".U", {I, H}, detail::weights_of(options, H))),
      W(set.add(name + ".W", {H, H}, detail::weights_of(options, H))),
      b(set.add(name + ".b", {H}, options.bias)),
      name_(name),
      phi_(options.activation) {}

Var Elman::step(Var x, Var, Var recurrent) const {
  const auto scope = x.tape().scope(name_);
  return phi_(matmul(x, U) + matmul(recurrent, W) + b);
}

std::vector<StatePart> Elman::state_layout() const { return {{"h", {B, W.shape().last()}}}; }

ElmanConcat::ElmanConcat(ParameterSet& set, const std::string& name, Index I, Index H, const CellOptions& options)
    : A(set.add(name + ".A", {I + H, H}, detail::weights_of(options, H))),
      b(set.add(name + ".b", {H}, options.bias)),
      name_(name),
      phi_(options.activation) {}

Var ElmanConcat::step(Var x, Var, Var recurrent) const {
  const auto scope = x.tape().scope(name_);
  return phi_(matmul(concat({x, recurrent}), A) + b);
}

std::vector<StatePart> ElmanConcat::state_layout() const { return {{"h", {B, A.shape().last()}}}; }

}  // namespace reel
