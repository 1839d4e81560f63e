#include <reel/models/generation/decoder.h>

#include <fmt/format.h>

#include <reel/graph/error.h>
#include <reel/ops/arithmetic.h>
#include <reel/ops/joining.h>
#include <reel/ops/matmul.h>
#include <reel/ops/transpose.h>

namespace reel {

TiedHead::TiedHead(ParameterSet& set, const std::string& name, const Embedding& words)
    : table(words.table), b(set.add(name + ".b", {words.table.shape().dim(0)}, init::zeros())) {}

Var TiedHead::operator()(Operand h) const {
  const auto here = at("tied_head", h);
  return matmul(h, transpose(tape_of("tied_head", {&h}).parameter(table))) + b;
}

Decoder::Decoder(Embedding words, AnyCell cell, Head head)
    : words_(std::move(words)), cell_(std::move(cell)), head_(std::move(head)) {
  if (!head_) throw InputError("Decoder: there is no head that makes logits");
}

Decoder::Step Decoder::step(Var word, const AnyCell::State& state) const {
  Step next;
  next.state = cell_.step(words_(word), state);
  next.logits = head_(cell_.output(next.state));
  return next;
}

Sequence Decoder::logits(const Sequence& words, const AnyCell::State& initial) const {
  const Sequence x = map_steps(words, [this](Var word) { return words_(word); });
  return map_steps(unroll(cell_, x, initial).outputs, [this](Var h) { return head_(h); });
}

std::vector<Var*> FirstInput::State::parts() {
  std::vector<Var*> all = cell.parts();
  all.push_back(&first);
  return all;
}

FirstInput::State FirstInput::step(Var x, const State& previous) const {
  return {cell_.step(concat({x, previous.first}), previous.cell), x.tape().zeros(previous.first.shape())};
}

std::vector<StatePart> FirstInput::state_layout() const {
  std::vector<StatePart> parts = cell_.state_layout();
  parts.push_back({"first", {B, D_}});
  return parts;
}

FirstInput::State FirstInput::make_state(std::span<const Var> parts) const {
  if (parts.empty()) throw InputError("FirstInput: a state has at least the part \"first\"");
  return {cell_.make_state(parts.first(parts.size() - 1)), parts.back()};
}

FirstInput::State FirstInput::begin(Var v) const {
  if (v.shape() != Shape{B, D_})
    throw ShapeError(fmt::format("FirstInput: what the first step sees must be [B, {}], not {}", D_, v.tape().describe(v.id())));
  return {zero_state(v.tape(), cell_), v};
}

}  // namespace reel
