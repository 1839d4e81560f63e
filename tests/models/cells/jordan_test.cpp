#include <reel/graph/structural.h>
#include <reel/models/cells/jordan.h>
#include <reel/models/cells/recurrent_cell.h>
#include <reel/models/initializers.h>
#include <reel/models/parameter_set.h>
#include <reel/models/unroll.h>
#include <reel/ops/activation.h>
#include <reel/ops/arithmetic.h>
#include <reel/ops/elementary.h>
#include <reel/ops/joining.h>
#include <reel/ops/reduction.h>
#include <reel/ops/softmax.h>

#include "models/cells/cell_table.h"
#include "models/evaluated_twice.h"
#include "models/plain_loops.h"

using namespace reel;
using namespace reel::test;

namespace {

// Three layers of 3, 5 and 4 units below 2 outputs.
struct ThreeLayers {
  Tape tape;
  ParameterSet set;
  DeepJordan cell{set, "cell", 2, {3, 5, 4}, 2, sigmoid, drawn()};
  ParameterValues<double> values = set.initial<double>(2);
  Sequence x = tape.input("x", 5, {2});
  Tensor<double> drawn_x = random_tensor(Shape{5, 2}, 8);
  Data data = Data().add("x", drawn_x);

  DeepJordan::State begin() {
    std::vector<Var> parts;
    for (const StatePart& part : cell.state_layout()) {
      parts.push_back(tape.input("initial." + part.name, part.shape.row()));
      data.add("initial." + part.name, initial(part));
    }
    return cell.make_state(parts);
  }
  static Tensor<double> initial(const StatePart& part) { return random_tensor(part.shape.row(), 9, 0.5); }
};

std::vector<double> zeros(const Var& v) { return std::vector<double>(static_cast<std::size_t>(v.shape().row_size())); }

}  // namespace

TEST_CASE("deep jordan: equals plain loops over the equations") {
  ThreeLayers d;
  const auto run = unroll(d.cell, d.x, d.begin());
  const plain::Numbers p(d.values);
  std::vector<plain::Row> above;  // h^2', h^3', y'
  for (const StatePart& part : d.cell.state_layout()) {
    const Tensor<double> t = ThreeLayers::initial(part);
    above.push_back({{t.begin(), t.end()}});
  }
  std::vector<ExpectedVar> expected;
  for (Index t = 0; t < 5; ++t) {
    std::vector<plain::Row> next;
    plain::Row h = plain::row_of(d.drawn_x, t, 2);
    for (std::size_t l = 0; l < 3; ++l) {
      const DeepJordan::Layer& layer = d.cell.layers[l];
      h = plain::tanh(p.sum(h, layer.U, above[l], layer.W, layer.b));
      if (l > 0) next.push_back(h);
    }
    const plain::Row logits = p.product(h, d.cell.V) + p(d.cell.c);
    next.push_back(plain::sigmoid(logits));
    above = next;
    const DeepJordan::State& state = run.states[static_cast<std::size_t>(t)];
    for (std::size_t l = 0; l < 3; ++l) expected.push_back({fmt::format("part {}", l), state.above[l], above[l].v});
    expected.push_back({"logits", state.logits, logits.v});
    expected.push_back({"y", run.outputs[static_cast<std::size_t>(t)], above[2].v});
  }
  check_twice(d.tape, expected, d.data, &d.values, 1e-14);
}

TEST_CASE("deep jordan: one layer is Jordan's network, its gradients too") {
  Tape tape;
  ParameterSet set;
  const Jordan jordan(set, "jordan", 2, 4, 3, softmax, drawn());
  const DeepJordan deep(set, "deep", 2, {4}, 3, softmax, drawn());
  auto values = set.initial<double>(2);
  const std::vector<std::pair<Parameter, Parameter>> same{{jordan.U, deep.layers[0].U},
                                                          {jordan.W, deep.layers[0].W},
                                                          {jordan.b, deep.layers[0].b},
                                                          {jordan.V, deep.V},
                                                          {jordan.c, deep.c}};
  for (const auto& [from, to] : same) set_values<double>(set, values, to.name(), values[from]);
  const Sequence x = tape.input("x", 6, {B, 2});
  const auto a = unroll(jordan, x, zero_state(tape, jordan));
  const auto b = unroll(deep, x, zero_state(tape, deep));
  const Var loss_a = sum(square(stack(a.outputs))) + sum(a.last.logits),
            loss_b = sum(square(stack(b.outputs))) + sum(b.last.logits);
  std::vector<Var> differences{sum(abs(stack(a.outputs) - stack(b.outputs)))};
  for (const auto& [from, to] : same)
    differences.push_back(sum(abs(gradient(loss_a, tape.parameter(from)) - gradient(loss_b, tape.parameter(to)))));
  check_twice(tape, {{"difference", accumulate(differences), {0}}, {"not all zero", step(sum(abs(loss_a))), {1}}},
              Data().add("x", random_tensor(Shape{6, 3, 2}, 8)), &values, 1e-12);
}

// Without the products from below, a layer has only what was above it one step before.
TEST_CASE("deep jordan: a layer sees the past of the layer above, and not its own") {
  ThreeLayers d;
  for (std::size_t l = 1; l < 3; ++l) std::ranges::fill(d.values.edit(d.cell.layers[l].U), 0.0);
  std::ranges::fill(d.values.edit(d.cell.V), 0.0);
  const DeepJordan::State before = d.begin(), after = d.cell.step(d.x[0], before);
  std::vector<ExpectedVar> expected;
  // Of parts h^2, h^3 and y: W of layer 2 takes h^3', W of layer 3 takes y', and y nothing of the past.
  for (std::size_t part = 0; part < 3; ++part)
    for (std::size_t past = 0; past < 3; ++past) {
      const Var g = gradient(sum(after.above[part]), before.above[past]);
      if (past == part + 1)
        expected.push_back({fmt::format("part {} of the past {}", part, past), step(sum(abs(g))), {1}});
      else
        expected.push_back({fmt::format("part {} not of the past {}", part, past), g, zeros(g)});
    }
  check_twice(d.tape, expected, d.data, &d.values, 0);
}

TEST_CASE("deep jordan: without what comes from above nothing is remembered") {
  ThreeLayers d;
  for (const DeepJordan::Layer& layer : d.cell.layers) std::ranges::fill(d.values.edit(layer.W), 0.0);
  const auto run = unroll(d.cell, d.x, d.begin());
  std::vector<ExpectedVar> expected{{"of its own step", step(sum(abs(gradient(sum(run.outputs[4]), d.x[4])))), {1}}};
  for (std::size_t t = 0; t < 4; ++t) {
    const Var g = gradient(sum(run.outputs[4]) + sum(run.last.above[0]) + sum(run.last.above[1]), d.x[t]);
    expected.push_back({fmt::format("of step {}", t), g, zeros(g)});
  }
  check_twice(d.tape, expected, d.data, &d.values, 0);
}

TEST_CASE("deep jordan: refuses no layer and a state of another network") {
  Tape tape;
  ParameterSet set;
  check_throws<InputError>([&] { DeepJordan(set, "cell", 2, {}, 2, identity); }, {"DeepJordan", "cell", "layer"});
  const DeepJordan two(set, "two", 2, {3, 3}, 2, identity), one(set, "one", 2, {3}, 2, identity);
  const Var x = tape.input("x", {B, 2});
  check_throws<InputError>([&] { two.step(x, zero_state(tape, one)); }, {"1 parts", "2 layers"});
}
