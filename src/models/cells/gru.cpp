#include <reel/models/cells/gru.h>

#include <reel/ops/arithmetic.h>
#include <reel/ops/matmul.h>

namespace reel {

Gru::Gru(ParameterSet& set, const std::string& name, Index I, Index H, const CellOptions& options) : name_(name) {
  detail::add_gate(set, name, "r", I, H, options, U_r, W_r, b_r);
  detail::add_gate(set, name, "z", I, H, options, U_z, W_z, b_z);
  detail::add_gate(set, name, "n", I, H, options, U_n, W_n, b_n);
}

Var Gru::step(Var x, Var h, Var recurrent) const {
  const auto scope = x.tape().scope(name_);
  const Var r = sigmoid(matmul(x, U_r) + matmul(recurrent, W_r) + b_r);
  const Var z = sigmoid(matmul(x, U_z) + matmul(recurrent, W_z) + b_z);
  const Var n = tanh(matmul(x, U_n) + matmul(r * recurrent, W_n) + b_n);
  return z * h + (1.0 - z) * n;
}

std::vector<StatePart> Gru::state_layout() const { return {{"h", {B, W_r.shape().last()}}}; }

GruResetAfter::GruResetAfter(ParameterSet& set, const std::string& name, Index I, Index H, const CellOptions& options)
    : name_(name) {
  detail::add_gate(set, name, "r", I, H, options, U_r, W_r, b_r);
  detail::add_gate(set, name, "z", I, H, options, U_z, W_z, b_z);
  detail::add_gate(set, name, "n", I, H, options, U_n, W_n, b_n);
  c_n = set.add(name + ".c_n", {H}, options.bias);
}

Var GruResetAfter::step(Var x, Var h, Var recurrent) const {
  const auto scope = x.tape().scope(name_);
  const Var r = sigmoid(matmul(x, U_r) + matmul(recurrent, W_r) + b_r);
  const Var z = sigmoid(matmul(x, U_z) + matmul(recurrent, W_z) + b_z);
  const Var n = tanh(matmul(x, U_n) + b_n + r * (matmul(recurrent, W_n) + c_n));
  return z * h + (1.0 - z) * n;
}

std::vector<StatePart> GruResetAfter::state_layout() const { return {{"h", {B, W_r.shape().last()}}}; }

}  // namespace reel
