#include <reel/models/cells.h>

#include <reel/ops/arithmetic.h>
#include <reel/ops/joining.h>
#include <reel/ops/matmul.h>

namespace reel {
namespace {

Initializer weights_of(const CellOptions& options, Index H) {
  return options.weights ? options.weights : init::uniform_by_units(H);
}

std::vector<StatePart> hidden_only(const Shape& weight) { return {{"h", {B, weight.last()}}}; }

}  // namespace

Elman::Elman(ParameterSet& set, const std::string& name, Index I, Index H, const CellOptions& options)
    : U(set.add(name + ".U", {I, H}, weights_of(options, H))),
      W(set.add(name + ".W", {H, H}, weights_of(options, H))),
      b(set.add(name + ".b", {H}, options.bias)),
      name_(name),
      phi_(options.activation) {}

Var Elman::step(Var x, Var h) const {
  const auto scope = x.tape().scope(name_);
  return phi_(matmul(x, U) + matmul(h, W) + b);
}

std::vector<StatePart> Elman::state_layout() const { return hidden_only(W.shape()); }

ElmanConcat::ElmanConcat(ParameterSet& set, const std::string& name, Index I, Index H, const CellOptions& options)
    : A(set.add(name + ".A", {I + H, H}, weights_of(options, H))),
      b(set.add(name + ".b", {H}, options.bias)),
      name_(name),
      phi_(options.activation) {}

Var ElmanConcat::step(Var x, Var h) const {
  const auto scope = x.tape().scope(name_);
  return phi_(matmul(concat({x, h}), A) + b);
}

std::vector<StatePart> ElmanConcat::state_layout() const { return hidden_only(A.shape()); }

Jordan::Jordan(ParameterSet& set, const std::string& name, Index I, Index H, Index O, Activation out, const CellOptions& options)
    : U(set.add(name + ".U", {I, H}, weights_of(options, H))),
      W(set.add(name + ".W", {O, H}, weights_of(options, H))),
      b(set.add(name + ".b", {H}, options.bias)),
      V(set.add(name + ".V", {H, O}, weights_of(options, H))),
      c(set.add(name + ".c", {O}, options.bias)),
      name_(name),
      phi_(options.activation),
      out_(out) {}

Jordan::State Jordan::step(Var x, const State& previous) const {
  const auto scope = x.tape().scope(name_);
  const Var h = phi_(matmul(x, U) + matmul(previous.y, W) + b);
  const Var logits = matmul(h, V) + c;
  return {out_(logits), logits};
}

std::vector<StatePart> Jordan::state_layout() const { return {{"y", {B, V.shape().last()}}}; }

Gru::Gru(ParameterSet& set, const std::string& name, Index I, Index H, const CellOptions& options) : name_(name) {
  const auto gate = [&](const std::string& k, Parameter& U, Parameter& W, Parameter& b) {
    U = set.add(name + ".U_" + k, {I, H}, weights_of(options, H));
    W = set.add(name + ".W_" + k, {H, H}, weights_of(options, H));
    b = set.add(name + ".b_" + k, {H}, options.bias);
  };
  gate("r", U_r, W_r, b_r);
  gate("z", U_z, W_z, b_z);
  gate("n", U_n, W_n, b_n);
}

Var Gru::step(Var x, Var h) const {
  const auto scope = x.tape().scope(name_);
  const Var r = sigmoid(matmul(x, U_r) + matmul(h, W_r) + b_r);
  const Var z = sigmoid(matmul(x, U_z) + matmul(h, W_z) + b_z);
  const Var n = tanh(matmul(x, U_n) + matmul(r * h, W_n) + b_n);
  return z * h + (1.0 - z) * n;
}

std::vector<StatePart> Gru::state_layout() const { return hidden_only(W_r.shape()); }

Lstm::Lstm(ParameterSet& set, const std::string& name, Index I, Index H, const CellOptions& options) : name_(name) {
  const auto gate = [&](const std::string& k, Parameter& U, Parameter& W, Parameter& b) {
    U = set.add(name + ".U_" + k, {I, H}, weights_of(options, H));
    W = set.add(name + ".W_" + k, {H, H}, weights_of(options, H));
    b = set.add(name + ".b_" + k, {H}, options.bias);
  };
  gate("i", U_i, W_i, b_i);
  gate("f", U_f, W_f, b_f);
  gate("o", U_o, W_o, b_o);
  gate("g", U_g, W_g, b_g);
}

Lstm::State Lstm::step(Var x, const State& previous) const {
  const auto scope = x.tape().scope(name_);
  const auto& [h, c] = previous;
  const Var i = sigmoid(matmul(x, U_i) + matmul(h, W_i) + b_i);
  const Var f = sigmoid(matmul(x, U_f) + matmul(h, W_f) + b_f);
  const Var o = sigmoid(matmul(x, U_o) + matmul(h, W_o) + b_o);
  const Var g = tanh(matmul(x, U_g) + matmul(h, W_g) + b_g);
  const Var memory = f * c + i * g;
  return {o * tanh(memory), memory};
}

std::vector<StatePart> Lstm::state_layout() const { return {{"h", {B, W_i.shape().last()}}, {"c", {B, W_i.shape().last()}}}; }

}  // namespace reel
