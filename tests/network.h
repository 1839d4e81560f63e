// What tests of several folders share: a small recurrent network with all its gradients, and what a program computes.
#pragma once

#include <cstring>

#include <reel/graph/verify.h>
#include <reel/models/layers.h>
#include <reel/models/parameter_set.h>
#include <reel/models/unroll.h>
#include <reel/ops/arithmetic.h>
#include <reel/ops/loss.h>
#include <reel/plan/passes/dead_code.h>

#include "support.h"

namespace reel::test {

// T steps of a cell and a linear head over them; outputs are the loss, the last step's logits, and the gradient of every
// parameter. The sizes leave tails in every kernel.
template <class Cell>
struct Network {
  static constexpr Index I = 3, H = 10, V = 5;
  ParameterSet set;
  Cell cell{set, "cell", I, H};
  Linear head{set, "head", H, V};
  Tape tape;
  Sequence x, y;
  Var loss, logits;
  std::vector<Var> outputs;

  explicit Network(Index T, bool carried = false) : x(tape.input("x", T, {B, I})), y(tape.ids("y", T, {B})) {
    const auto run = unroll(cell, x, carried ? carried_state(tape, cell, "state") : zero_state(tape, cell));
    const Sequence all = map_steps(run.outputs, head);
    logits = all.back();
    loss = cross_entropy(all, y);
    outputs = gradients(loss, set.all());
    outputs.insert(outputs.begin(), {loss, logits});
  }
};

// One batch for a Network.
template <class T>
struct Batch {
  Tensor<T> x;
  Tensor<std::int32_t> y;

  template <class Cell>
  Batch(const Network<Cell>& network, Index rows, std::uint64_t seed)
      : x(cast<T>(random_tensor({steps(network), rows, Network<Cell>::I}, seed))),
        y(random_ids({steps(network), rows}, seed + 1, Network<Cell>::V)) {}
  std::array<Binding, 2> bindings() const { return {Binding{"x", x}, Binding{"y", y}}; }

 private:
  template <class Cell>
  static Index steps(const Network<Cell>& network) {
    return static_cast<Index>(network.x.size());
  }
};

template <class T>
std::string bits_of(TensorView<const T> x) {
  return {reinterpret_cast<const char*>(x.data()), static_cast<std::size_t>(x.size()) * sizeof(T)};
}

template <class T>
std::vector<std::string> bits_of(const Workspace<T>& workspace, std::span<const Var> outputs) {
  std::vector<std::string> bits;
  for (const Var& v : outputs) bits.push_back(v.type() == Type::id ? bits_of(workspace.ids(v)) : bits_of(workspace.value(v)));
  return bits;
}

// The part of a tape that these Vars need, as passes take it.
inline Program program_of(const Tape& tape, const std::vector<Var>& roots) {
  std::vector<NodeId> ids;
  for (const Var& v : roots) ids.push_back(v.id());
  return passes::live_part(tape, ids);
}

// A program after a pass, verified, without what nothing needs any more.
inline Program run_pass(Program (*pass)(const Program&, Element), const Program& program, Element element = Element::f64) {
  const Program after = passes::dead_code(pass(program, element), element);
  verify(*after.tape);
  return after;
}

// The default passes without those of this name.
inline std::vector<Pass> passes_without(std::string_view name) {
  std::vector<Pass> passes = default_passes();
  std::erase_if(passes, [&](const Pass& pass) { return pass.name == name; });
  return passes;
}

// The outputs of one run, as bytes.
template <class T>
std::vector<std::string> bits_of_run(const Plan<T>& plan, std::span<const Var> outputs, std::span<const Binding> bindings,
                                     int threads = 1, const ParameterValues<T>* parameters = nullptr) {
  Workspace<T> workspace(plan, parameters, ThreadPool(threads));
  plan.run(workspace, bindings);
  return bits_of(workspace, outputs);
}

// The values of a program's roots, one after another, by the interpreter.
inline std::vector<double> root_values(const Program& program, std::span<const Binding> bindings,
                                       const ParameterValues<double>* parameters = nullptr) {
  const auto run = interpret<double>(*program.tape, bindings, parameters);
  std::vector<double> values;
  for (NodeId root : program.roots) {
    if (program.tape->node(root).type == Type::id)
      for (std::int32_t id : run.ids(program.tape->var(root))) values.push_back(id);
    else
      for (double x : run.value(root)) values.push_back(x);
  }
  return values;
}

inline void check_same_values(const Program& a, const Program& b, std::span<const Binding> bindings, double tolerance = 0,
                              const ParameterValues<double>* parameters = nullptr) {
  const auto before = root_values(a, bindings, parameters), after = root_values(b, bindings, parameters);
  REQUIRE(before.size() == after.size());
  REQUIRE(!before.empty());
  for (std::size_t i = 0; i < before.size(); ++i) {
    INFO("number ", i);
    CHECK(std::abs(before[i] - after[i]) <= tolerance);
  }
}

inline int count_ops(const Tape& tape, std::string_view name) {
  int count = 0;
  for (NodeId id = 0; id < tape.size(); ++id) count += tape.node(id).op->name() == name;
  return count;
}

}  // namespace reel::test
