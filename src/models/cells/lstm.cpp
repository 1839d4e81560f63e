#include <reel/models/cells/lstm.h>

#include <reel/ops/arithmetic.h>
#include <reel/ops/matmul.h>

namespace reel {

Lstm::Lstm(ParameterSet& set, const std::string& name, Index I, Index H, const CellOptions& options) : name_(name) {
  detail::add_gate(set, name, "i", I, H, options, U_i, W_i, b_i);
  detail::add_gate(set, name, "f", I, H, options, U_f, W_f, b_f);
  detail::add_gate(set, name, "o", I, H, options, U_o, W_o, b_o);
  detail::add_gate(set, name, "g", I, H, options, U_g, W_g, b_g);
}

Lstm::State Lstm::step(Var x, const State& previous, Var recurrent) const {
  const auto scope = x.tape().scope(name_);
  const Var i = sigmoid(matmul(x, U_i) + matmul(recurrent, W_i) + b_i);
  const Var f = sigmoid(matmul(x, U_f) + matmul(recurrent, W_f) + b_f);
  const Var o = sigmoid(matmul(x, U_o) + matmul(recurrent, W_o) + b_o);
  const Var g = tanh(matmul(x, U_g) + matmul(recurrent, W_g) + b_g);
  const Var c = f * previous.c + i * g;
  return {o * tanh(c), c};
}

std::vector<StatePart> Lstm::state_layout() const { return {{"h", {B, W_i.shape().last()}}, {"c", {B, W_i.shape().last()}}}; }

FirstGenerationLstm::FirstGenerationLstm(ParameterSet& set, const std::string& name, Index I, Index H, const CellOptions& options)
    : name_(name) {
  detail::add_gate(set, name, "i", I, H, options, U_i, W_i, b_i);
  detail::add_gate(set, name, "f", I, H, options, U_f, W_f, b_f);
  detail::add_gate(set, name, "o", I, H, options, U_o, W_o, b_o);
  detail::add_gate(set, name, "n", I, H, options, U_n, W_n, b_n);
}

Var FirstGenerationLstm::step(Var x, Var s, Var recurrent) const {
  const auto scope = x.tape().scope(name_);
  const Var i = sigmoid(matmul(x, U_i) + matmul(recurrent, W_i) + b_i);
  const Var f = sigmoid(matmul(x, U_f) + matmul(recurrent, W_f) + b_f);
  const Var o = sigmoid(matmul(x, U_o) + matmul(recurrent, W_o) + b_o);
  const Var n = tanh(matmul(x, U_n) + matmul(o * recurrent, W_n) + b_n);
  return f * s + i * n;
}

std::vector<StatePart> FirstGenerationLstm::state_layout() const { return {{"s", {B, W_i.shape().last()}}}; }

PeepholeLstm::PeepholeLstm(ParameterSet& set, const std::string& name, Index I, Index H, const CellOptions& options)
    : name_(name) {
  detail::add_gate(set, name, "i", I, H, options, U_i, W_i, b_i);
  detail::add_gate(set, name, "f", I, H, options, U_f, W_f, b_f);
  detail::add_gate(set, name, "o", I, H, options, U_o, W_o, b_o);
  detail::add_gate(set, name, "g", I, H, options, U_g, W_g, b_g);
  p_i = set.add(name + ".p_i", {H}, detail::weights_of(options, H));
  p_f = set.add(name + ".p_f", {H}, detail::weights_of(options, H));
  p_o = set.add(name + ".p_o", {H}, detail::weights_of(options, H));
}

PeepholeLstm::State PeepholeLstm::step(Var x, const State& previous, Var recurrent) const {
  const auto scope = x.tape().scope(name_);
  const Var i = sigmoid(matmul(x, U_i) + matmul(recurrent, W_i) + previous.c * p_i + b_i);
  const Var f = sigmoid(matmul(x, U_f) + matmul(recurrent, W_f) + previous.c * p_f + b_f);
  const Var g = tanh(matmul(x, U_g) + matmul(recurrent, W_g) + b_g);
  const Var c = f * previous.c + i * g;
  const Var o = sigmoid(matmul(x, U_o) + matmul(recurrent, W_o) + c * p_o + b_o);
  return {o * tanh(c), c};
}

std::vector<StatePart> PeepholeLstm::state_layout() const {
  return {{"h", {B, W_i.shape().last()}}, {"c", {B, W_i.shape().last()}}};
}

}  // namespace reel
