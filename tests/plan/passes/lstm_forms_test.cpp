// An LSTM in the four ways that people write it: its plan does the same work.
#include <reel/models/cells/lstm.h>
#include <reel/models/cells/recurrent_cell.h>
#include <reel/models/parameter_set.h>
#include <reel/models/unroll.h>
#include <reel/ops/activation.h>
#include <reel/ops/arithmetic.h>
#include <reel/ops/elementary.h>
#include <reel/ops/joining.h>
#include <reel/ops/matmul.h>
#include <reel/ops/reduction.h>

#include "network.h"

using namespace reel;
using namespace reel::test;

namespace {

// [x, h'] A + b with four gates side by side.
struct ConcatLstm {
  using State = Lstm::State;
  Index H;
  Parameter A, b;
  ConcatLstm(ParameterSet& set, const std::string& name, Index I, Index units)
      : H(units), A(set.add(name + ".A", {I + H, 4 * H})), b(set.add(name + ".b", {4 * H})) {}
  std::vector<StatePart> state_layout() const { return {{"h", {B, H}}, {"c", {B, H}}}; }
  State step(Var x, const State& s) const { return gates(matmul(concat({x, s.h}), A) + b, s); }
  State gates(Var z, const State& s) const {
    const auto gate = [&](Index k) { return slice(z, -1, k * H, (k + 1) * H); };
    const Var c = sigmoid(gate(0)) * s.c + sigmoid(gate(1)) * tanh(gate(2));
    return {sigmoid(gate(3)) * tanh(c), c};
  }
};

// x U + h' W + b with four gates side by side.
struct JointLstm : ConcatLstm {
  Parameter U, W;
  JointLstm(ParameterSet& set, const std::string& name, Index I, Index units)
      : ConcatLstm(set, name, I, units), U(set.add(name + ".U", {I, 4 * units})), W(set.add(name + ".W", {units, 4 * units})) {}
  State step(Var x, const State& s) const { return gates(matmul(x, U) + matmul(s.h, W) + b, s); }
};

// [x, h'] A_k + b_k, gate by gate.
struct ConcatPerGateLstm {
  using State = Lstm::State;
  Index H;
  std::vector<Parameter> A, b;
  ConcatPerGateLstm(ParameterSet& set, const std::string& name, Index I, Index units) : H(units) {
    for (int k = 0; k < 4; ++k) {
      A.push_back(set.add(fmt::format("{}.A{}", name, k), {I + H, H}));
      b.push_back(set.add(fmt::format("{}.b{}", name, k), {H}));
    }
  }
  std::vector<StatePart> state_layout() const { return {{"h", {B, H}}, {"c", {B, H}}}; }
  State step(Var x, const State& s) const {
    const Var both = concat({x, s.h});
    const auto gate = [&](std::size_t k) { return matmul(both, A[k]) + b[k]; };
    const Var c = sigmoid(gate(0)) * s.c + sigmoid(gate(1)) * tanh(gate(2));
    return {sigmoid(gate(3)) * tanh(c), c};
  }
};

// The parameters that the loss depends on.
template <class Cell>
std::vector<Parameter> used(const ParameterSet& set, const Cell&) {
  return {set.all().begin(), set.all().end()};
}
std::vector<Parameter> used(const ParameterSet&, const JointLstm& cell) { return {cell.U, cell.W, cell.b}; }

struct Work {
  int products, weight_gradients, concats;
  bool operator==(const Work&) const = default;
};

template <class Cell>
struct Trained {
  static constexpr Index T = 6, I = 16, H = 8;
  ParameterSet set;
  Cell cell{set, "cell", I, H};
  Tape tape;
  std::vector<Var> outputs;
  Trained() {
    const auto run = unroll(cell, tape.input("x", T, {B, I}), zero_state(tape, cell));
    const Var loss = sum(square(run.outputs.back())) + sum(run.outputs[2]);
    for (const Parameter& p : used(set, cell)) outputs.push_back(tape.parameter(p));
    outputs = gradients(loss, outputs);
    outputs.push_back(loss);
  }

  Work work() const {
    const auto plan = compile<float>(tape, outputs, {.verify = true});
    const Program& p = plan.program();
    int concats = 0;
    for (NodeId id = 0; id < p.tape->size(); ++id)
      concats += p.tape->node(id).op->name() == "concat" && p.tape->node(id).shape.batched();
    return {count_ops(*p.tape, "packed_matmul"), count_ops(*p.tape, "weight_gradient"), concats};
  }

  void check_values() const {
    const auto values = set.template initial<double>(3);
    check_plan(tape, outputs, Data().add("x", random_tensor({T, 5, I}, 1)), &values, &set);
  }
};

}  // namespace

TEST_CASE("lstm forms: products and weight gradients are as many in every form of the equations") {
  const Work library = Trained<Lstm>().work();
  CHECK(library.weight_gradients == 1);
  CHECK(library.concats == 0);
  CHECK(Trained<ConcatLstm>().work() == library);
  CHECK(Trained<JointLstm>().work() == library);
  CHECK(Trained<ConcatPerGateLstm>().work() == library);
}

TEST_CASE("lstm forms: every form computes what the interpreter computes") {
  Trained<Lstm>().check_values();
  Trained<ConcatLstm>().check_values();
  Trained<JointLstm>().check_values();
  Trained<ConcatPerGateLstm>().check_values();
}
