#include <reel/models/cells/elman.h>
#include <reel/models/initializers.h>
#include <reel/models/parameter_set.h>
#include <reel/models/unroll.h>
#include <reel/ops/activation.h>
#include <reel/ops/arithmetic.h>
#include <reel/ops/elementary.h>
#include <reel/ops/joining.h>
#include <reel/ops/reduction.h>

#include "models/cells/cell_table.h"
#include "models/cells/pytorch_case.h"

using namespace reel;
using namespace reel::test;

TEST_CASE("elman: the concatenated form with A = [U; W] is the same function") {
  Tape tape;
  ParameterSet set;
  const Elman split(set, "split", 3, 4, drawn());
  const ElmanConcat joined(set, "joined", 3, 4, drawn());
  auto values = set.initial<double>(5);
  std::vector<double> A(values[split.a.U].begin(), values[split.a.U].end());
  A.insert(A.end(), values[split.a.W].begin(), values[split.a.W].end());
  set_values<double>(set, values, "joined.A", Tensor<double>(Shape{7, 4}, A));
  set_values<double>(set, values, "joined.b", values[split.a.b]);
  const Sequence x = tape.input("x", 6, {B, 3});
  const auto a = unroll(split, x, zero_state(tape, split)), b = unroll(joined, x, zero_state(tape, joined));
  const Var difference = sum(abs(stack(a.outputs) - stack(b.outputs)));
  const Var loss_a = sum(square(a.last)), loss_b = sum(square(b.last));
  const std::vector<Var> ga = gradients(loss_a, {{split.a.U, split.a.W, split.a.b}}),
                         gb = gradients(loss_b, {{joined.A, joined.b}});
  const Var gradient_difference = sum(abs(concat({ga[0], ga[1]}, 0) - gb[0])) + sum(abs(ga[2] - gb[1]));
  check_twice(
      tape, {{"outputs", difference, {0}}, {"gradients", gradient_difference, {0}}, {"not all zero", step(sum(abs(gb[0]))), {1}}},
      Data().add("x", random_tensor(Shape{6, 2, 3}, 9)), &values, 1e-13);
}

TEST_CASE("elman: phi can be chosen") {
  Tape tape;
  ParameterSet set;
  const Elman cell(set, "cell", 2, 2, {.weights = init::values({1, -1, 0.5, 2}), .activation = relu});
  const auto run = unroll(cell, tape.input("x", 2, {2}), tape.zeros({2}));
  const auto values = set.initial<double>(1);
  // x(1) U = (2, .5) = h(1). x(2) U = (-1.2, .2), h(1) W = (2.25, -1): h(2) = relu(1.05, -.8).
  check_twice(tape, {{"h(1)", run.outputs[0], {2, .5}}, {"h(2)", run.outputs[1], {1.05, 0}}},
              Data().add("x", Tensor<double>(Shape{2, 2}, {1.5, 1, -1, -.4})), &values, 1e-14);
}

TEST_CASE("elman: values and gradients equal PyTorch's RNN") {
  PyTorchCase c;
  const Elman cell(c.set, "cell", 2, 3);
  auto values = c.set.initial<double>(1);
  set_values<double>(c.set, values, "cell.U", pattern(Shape{2, 3}, 0));
  set_values<double>(c.set, values, "cell.W", pattern(Shape{3, 3}, 4));
  set_values<double>(c.set, values, "cell.b", pattern(Shape{3}, 8));
  const auto run = unroll(cell, c.x, zero_state(c.tape, cell));
  const Var loss = c.loss(run.outputs);
  const std::vector<Var> g = gradients(loss, {{cell.a.U, cell.a.W, cell.a.b}});
  check_twice(
      c.tape,
      {{"h", c.all(run.outputs),
        batch_first({-0.08975778474716, -0.696257672686681, -0.701374130938313, -0.0499583749578799, -0.821039881332877,
                     -0.811019262099681, 0.0307760036221302, -0.853926425411481, -0.982832300418227, -0.306795702702349,
                     0.859439825825288, -0.354495945175154, -0.404077602997721, 0.692157450099811, -0.674948136613112,
                     -0.796055734157151, -0.334214813093829, 0.791545013373487})},
       {"loss", loss, {-1.18852410545479}},
       {"dU",
        g[0],
        {1.17225489945565, 0.11636803498762, -0.476314622049703, 1.26170488035722, 0.181994781742506, -0.484065302475058}},
       {"dW",
        g[1],
        {-0.0691149314137409, 0.0639331642767333, 0.0484091527647884, -1.14018350471002, -0.419874211694149, 0.0021968076928244,
         -1.05923251908221, -0.0958277747703754, 0.189281994329119}},
       {"db", g[2], {-0.894499809015743, -0.65626746754886, 0.0775068042535479}}},
      c.data, &values, 1e-12);
}
