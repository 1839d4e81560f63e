// What the plans of the cells do per step: products of the inputs before the recurrence, gates side by side, one weight gradient
// for the gradients of all weights that share their operands; and with counts of rows, no more than the sequences have steps.
#include <map>

#include <reel/graph/mode.h>
#include <reel/graph/structural.h>
#include <reel/models/bidirectional.h>
#include <reel/models/cells/any_cell.h>
#include <reel/models/cells/elman.h>
#include <reel/models/cells/gru.h>
#include <reel/models/cells/jordan.h>
#include <reel/models/cells/lstm.h>
#include <reel/models/cells/with_dropout.h>
#include <reel/models/lengths.h>
#include <reel/models/parameter_set.h>
#include <reel/models/unroll.h>
#include <reel/ops/activation.h>
#include <reel/ops/arithmetic.h>
#include <reel/ops/elementary.h>
#include <reel/ops/joining.h>
#include <reel/ops/reduction.h>
#include <reel/ops/rows.h>
#include <reel/plan/profile.h>

#include "models/cells/cell_table.h"
#include "network.h"

using namespace reel;
using namespace reel::test;

namespace {

constexpr Index T = 12, I = 16, H = 24;

// A cell of I inputs, its loss over all steps, and the gradients of its parameters and inputs.
struct Trained {
  Tape tape;
  ParameterSet set;
  std::vector<RowCount> counts;
  std::vector<Var> outputs;

  using Make = std::function<AnyCell(ParameterSet&)>;
  Trained(const Make& make, bool packed) {
    const AnyCell cell = make(set);
    const Sequence x = tape.input("x", T, {B, I});
    if (packed) counts = tape.row_counts("n", T);
    const auto run = unroll(cell, x, zero_state(tape, cell), packed ? Lengths::packed(counts) : Lengths());
    std::vector<Var> terms;
    for (const Var& y : run.outputs) terms.push_back(sum(square(y)));
    const Var loss = accumulate(terms);
    outputs = gradients(loss, x);
    for (const Var& g : gradients(loss, set.all())) outputs.push_back(g);
    outputs.push_back(loss);
  }
  Plan<float> plan() const { return compile<float>(tape, outputs, {.verify = true}); }
};

// "8 steps 1 terms 3 groups" and the like, with how many kernels are so.
std::map<std::string, int> products_of(const Plan<float>& plan) {
  std::map<std::string, int> all;
  const Tape& tape = *plan.program().tape;
  for (NodeId id = 0; id < tape.size(); ++id) {
    if (tape.node(id).op->name() != "packed_matmul") continue;
    const std::string layout = tape.node(id).op->attributes();
    ++all[layout.substr(0, layout.find(" N="))];
  }
  return all;
}

template <class Cell>
Trained::Make plain() {
  return [](ParameterSet& set) { return AnyCell(Cell(set, "cell", I, H)); };
}

struct Expectation {
  std::string name;
  Trained::Make make;
  std::map<std::string, int> products;
  int weight_gradients;
};

// Of T = 12 steps: groups of 8 and 4 where steps are gathered; the first step needs no gradient of its state.
std::vector<Expectation> expectations() {
  return {
      {"Elman",
       plain<Elman>(),
       {{"8 steps 1 terms 1 groups", 2}, {"4 steps 1 terms 1 groups", 2}, {"1 steps 1 terms 1 groups", T + T - 1}},
       1},
      // r and z side by side; n needs r first. Backward: through n to r * h', then through all three to h'.
      {"Gru",
       plain<Gru>(),
       {{"8 steps 1 terms 3 groups", 1},
        {"4 steps 1 terms 3 groups", 1},
        {"8 steps 3 terms 1 groups", 1},
        {"4 steps 3 terms 1 groups", 1},
        {"1 steps 1 terms 2 groups", T},
        {"1 steps 1 terms 1 groups", T + T},
        {"1 steps 2 terms 1 groups", T - 1}},
       2},
      {"Lstm",
       plain<Lstm>(),
       {{"8 steps 1 terms 4 groups", 1},
        {"4 steps 1 terms 4 groups", 1},
        {"8 steps 4 terms 1 groups", 1},
        {"4 steps 4 terms 1 groups", 1},
        {"1 steps 1 terms 4 groups", T},
        {"1 steps 4 terms 1 groups", T - 1}},
       1},
      // i, f and o side by side; n needs o first.
      {"FirstGenerationLstm",
       plain<FirstGenerationLstm>(),
       {{"8 steps 1 terms 4 groups", 1},
        {"4 steps 1 terms 4 groups", 1},
        {"8 steps 4 terms 1 groups", 1},
        {"4 steps 4 terms 1 groups", 1},
        {"1 steps 1 terms 3 groups", T},
        {"1 steps 1 terms 1 groups", T + T},
        {"1 steps 3 terms 1 groups", T - 1}},
       2},
      // n's product too may stand beside those of r and z: its reset gate acts on the result.
      {"GruResetAfter",
       plain<GruResetAfter>(),
       {{"8 steps 1 terms 3 groups", 1},
        {"4 steps 1 terms 3 groups", 1},
        {"8 steps 3 terms 1 groups", 1},
        {"4 steps 3 terms 1 groups", 1},
        {"1 steps 1 terms 3 groups", T},
        {"1 steps 3 terms 1 groups", T - 1}},
       3},
      // o waits for the memory that i, f and g make.
      {"PeepholeLstm",
       plain<PeepholeLstm>(),
       {{"8 steps 1 terms 4 groups", 1},
        {"4 steps 1 terms 4 groups", 1},
        {"8 steps 4 terms 1 groups", 1},
        {"4 steps 4 terms 1 groups", 1},
        {"1 steps 1 terms 3 groups", T},
        {"1 steps 1 terms 1 groups", T},
        {"1 steps 4 terms 1 groups", T - 1}},
       1},
      // Two layers and the output. Forward: layer 1 from y', layer 2 from layer 1 and y', then y.
      {"DeepJordan",
       [](ParameterSet& set) {
         return AnyCell(DeepJordan(set, "cell", I, {H, 20}, 18, sigmoid));
       },
       {{"8 steps 1 terms 1 groups", 2},
        {"4 steps 1 terms 1 groups", 2},
        {"1 steps 2 terms 1 groups", T + T - 1},
        {"1 steps 1 terms 1 groups", 4 * T}},
       3},
  };
}

}  // namespace

TEST_CASE("cell products: inputs are hoisted in groups of up to 8 steps, and gates join where the equations allow") {
  for (const Expectation& e : expectations()) {
    CAPTURE(e.name);
    const auto plan = Trained(e.make, false).plan();
    CHECK(products_of(plan) == e.products);
    CHECK(count_ops(*plan.program().tape, "weight_gradient") == e.weight_gradients);
    CHECK(count_ops(*plan.program().tape, "matmul") == 0);
    CHECK(count_ops(*plan.program().tape, "concat") == 0);
  }
}

TEST_CASE("cell products: dropout adds no product, and its masks are no part of the recurrence's products") {
  const Trained bare(plain<Lstm>(), false),
      dropped(
          [](ParameterSet&set) {
            return AnyCell(WithDropout(Lstm(set, "cell", I, H), {.input = .3, .recurrent = .3}, Mode::training));
          },
          false);
  CHECK(products_of(dropped.plan()) == products_of(bare.plan()));
  CHECK(count_ops(*dropped.plan().program().tape, "dropout_mask") == 2);
}

TEST_CASE("cell products: both directions hoist their inputs, and no product mixes them") {
  Tape tape;
  ParameterSet set;
  const Lstm forward(set, "forward", I, H), backward(set, "backward", I, H);
  const auto run = Bidirectional(forward, backward)(tape.input("x", T, {B, I}));
  std::vector<Var> outputs = gradients(sum(square(stack(run.outputs))), set.all());
  const auto products = products_of(compile<float>(tape, outputs, {.verify = true}));
  CHECK(products.at("1 steps 1 terms 4 groups") == 2 * T);
  CHECK(products.at("1 steps 4 terms 1 groups") == 2 * (T - 1));
  int hoisted = 0;
  for (const auto& [layout, count] : products)
    if (layout.starts_with("8 steps") || layout.starts_with("4 steps")) hoisted += count;
  CHECK(hoisted >= 2);
  CHECK(hoisted <= 4);
}

TEST_CASE("cell products: steps of different counts of rows are never one product") {
  for (const Expectation& e : expectations()) {
    CAPTURE(e.name);
    const Trained packed(e.make, true);
    const auto plan = packed.plan();
    const Tape& tape = *plan.program().tape;
    std::map<RowCount, int, decltype([](RowCount a, RowCount b) { return a.code() < b.code(); })> of_step;
    for (NodeId id = 0; id < tape.size(); ++id) {
      if (tape.node(id).op->name() != "packed_matmul") continue;
      const RowCount rows = tape.node(id).shape.rows();
      CHECK(rows.is_counted());
      for (NodeId x : tape.inputs(id))
        if (tape.node(x).shape.batched()) CHECK(tape.node(x).shape.rows() == rows);
      CHECK(tape.node(id).op->attributes().starts_with("1 steps"));
      ++of_step[rows];
    }
    CHECK(of_step.size() == T);
    // The weights' gradients are one sum over the steps all the same.
    CHECK(count_ops(tape, "weight_gradient") == e.weight_gradients);
  }
}

TEST_CASE("cell products: steps of one count are hoisted as those of the whole batch are") {
  const auto layouts = [](bool counted) {
    Tape tape;
    ParameterSet set;
    const Lstm cell(set, "cell", I, H);
    Sequence x = tape.input("x", T, {B, I});
    Var h = tape.input("h", {B, H}), c = tape.input("c", {B, H});
    const RowCount n = tape.row_counts("n", 1)[0];
    if (counted) {
      for (Var& v : x) v = first_rows(v, n);
      h = first_rows(h, n), c = first_rows(c, n);
    }
    const auto run = unroll(cell, x, {h, c});
    return products_of(compile<float>(tape, gradients(sum(run.last.h), set.all()), {.verify = true}));
  };
  CHECK(layouts(true) == layouts(false));
}

namespace {

struct Cost {
  double products = 0, weight_gradients = 0, elementwise = 0;
  std::map<std::string, Index> calls;  // of kernels of each count of rows, "[n3, "
};

Cost cost_of(const Trained& trained, const Plan<float>& plan, const ParameterValues<float>& values,
             const std::vector<std::int32_t>& n, Index rows) {
  Workspace<float> workspace(plan, &values);
  const Data data = Data().add("x", random_tensor({T, rows, I}, 1)).add("n", Tensor<std::int32_t>(Shape{T}, n));
  Cost cost;
  for (std::size_t t = 0; t < T; ++t) cost.calls[Shape(trained.counts[t], {}).text()] = 0;
  for (const KernelProfile& k : profile(plan, workspace, data.bindings<float>(), {.runs = 1}).kernels) {
    if (k.kernel.starts_with("packed_matmul")) cost.products += k.flop;
    if (k.kernel.starts_with("weight_gradient")) cost.weight_gradients += k.flop;
    if (k.kernel.starts_with("fused")) cost.elementwise += k.flop;
    const std::size_t shape = k.kernel.rfind(" : [n");
    if (shape == std::string::npos) continue;
    cost.calls[k.kernel.substr(shape + 3, k.kernel.find_first_of(",]", shape) - shape - 3) + "]"] += k.calls;
  }
  return cost;
}

}  // namespace

TEST_CASE("cell products: the work of a packed plan is that of the steps that the sequences have") {
  for (const Expectation& e : expectations()) {
    CAPTURE(e.name);
    const Trained packed(e.make, true);
    const auto plan = packed.plan();
    const auto values = packed.set.initial<float>(1);
    const auto cost = [&](const std::vector<std::int32_t>& n, Index rows) { return cost_of(packed, plan, values, n, rows); };
    const std::vector<std::int32_t> none(T, 0), all(T, 6);
    std::vector<std::int32_t> falling;
    for (Index t = 0; t < T; ++t) falling.push_back(static_cast<std::int32_t>(t < 3 ? 6 : t < 5 ? 4 : t < 8 ? 1 : 0));
    // What one sequence of k steps costs, alone in a batch of six.
    const auto alone = [&](Index k) {
      std::vector<std::int32_t> n(T, 0);
      std::fill_n(n.begin(), k, 1);
      return cost(n, 6);
    };
    const Cost nothing = cost(none, 6), mixed = cost(falling, 6), full = cost(all, 6);
    CHECK(nothing.products == 0);
    CHECK(nothing.weight_gradients == 0);
    // Six sequences of 8, 5, 5, 5, 3 and 3 steps.
    const Cost eight = alone(8), five = alone(5), three = alone(3), whole = alone(T);
    CHECK(mixed.products == eight.products + 3 * five.products + 2 * three.products);
    CHECK(mixed.weight_gradients == eight.weight_gradients + 3 * five.weight_gradients + 2 * three.weight_gradients);
    CHECK(full.products == 6 * whole.products);
    CHECK(full.weight_gradients == 6 * whole.weight_gradients);
    CHECK(mixed.elementwise - nothing.elementwise ==
          doctest::Approx(eight.elementwise + 3 * five.elementwise + 2 * three.elementwise - 6 * nothing.elementwise));
    // Kernels of steps that no sequence has are not even called.
    for (std::size_t t = 0; t < T; ++t) {
      const std::string rows = Shape(packed.counts[t], {}).text();
      CAPTURE(rows);
      CHECK((mixed.calls.at(rows) == 0) == (falling[t] == 0));
      CHECK(nothing.calls.at(rows) == 0);
    }
    CHECK(full.products > 0);
  }
}
