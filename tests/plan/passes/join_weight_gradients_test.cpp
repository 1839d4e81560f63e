#include <reel/graph/print.h>
#include <reel/graph/structural.h>
#include <reel/models/cells/lstm.h>
#include <reel/ops/activation.h>
#include <reel/ops/arithmetic.h>
#include <reel/ops/batch_sum.h>
#include <reel/ops/broadcast.h>
#include <reel/ops/elementary.h>
#include <reel/ops/matmul.h>
#include <reel/ops/reduction.h>
#include <reel/ops/weight_gradient.h>
#include <reel/plan/passes/defer.h>
#include <reel/plan/passes/join_weight_gradients.h>

#include "network.h"

using namespace reel;
using namespace reel::test;

namespace {

Program joined(const Program& program) { return run_pass(passes::join_weight_gradients, program); }

Data data_of(const std::vector<Var>& inputs, Index rows = 5) {
  Data data;
  std::uint64_t seed = 1;
  for (const Var& v : inputs) data.add(v.tape().name(v.id()), random_tensor(v.shape().bind(rows), seed++));
  return data;
}

void check_values(const Tape& tape, const std::vector<Var>& outputs, const Data& data) {
  const Program before = program_of(tape, outputs);
  check_same_values(before, joined(before), data.bindings<double>(), 1e-12);
  check_plan(tape, outputs, data);
}

void check_kept(const Tape& tape, const std::vector<Var>& outputs) {
  const Program before = program_of(tape, outputs);
  CHECK(text(*joined(before).tape) == text(*before.tape));
}

// The layouts of a program's weight_gradients, e.g. "2 lefts 1 groups +sums".
std::vector<std::string> weight_gradients(const Program& p) {
  std::vector<std::string> all;
  for (NodeId id = 0; id < p.tape->size(); ++id)
    if (p.tape->node(id).op->name() == "weight_gradient") all.push_back(p.tape->node(id).op->attributes());
  return all;
}

Index largest_node(const Program& p) {
  Index most = 0;
  for (NodeId id = 0; id < p.tape->size(); ++id)
    if (const WeightGradientLayout* layout = weight_gradient_layout(*p.tape, id)) most = std::max(most, layout->operands());
  return most;
}

using Layouts = std::vector<std::string>;

}  // namespace

TEST_CASE("join_weight_gradients: the gradients of a gate's weights and bias become one node: 6 nodes become 8") {
  Tape tape;
  const Var x = tape.input("x", {B, 2}), h = tape.input("h", {B, 3}), dy = tape.input("dy", {B, 4});
  const Var dU = weight_gradient(x, dy), dW = weight_gradient(h, dy), db = batch_sum(dy);
  const Program before = program_of(tape, {dU, dW, db});
  CHECK(text(*before.tape) ==
        "%0 = input(x) : [B, 2]\n"
        "%1 = input(h) : [B, 3]\n"
        "%2 = input(dy) : [B, 4]\n"
        "%3 = weight_gradient %0 %2 : [2, 4]\n"
        "%4 = weight_gradient %1 %2 : [3, 4]\n"
        "%5 = batch_sum %2 : [4]\n");
  const Program after = joined(before);
  CHECK(text(*after.tape) ==
        "%0 = input(x) : [B, 2]\n"
        "%1 = input(h) : [B, 3]\n"
        "%2 = input(dy) : [B, 4]\n"
        "%3 = weight_gradient(2 lefts 1 groups +sums) %0 %1 %2 : [6, 4]\n"
        "%4 = slice(axis=0 0:2) %3 : [2, 4]\n"
        "%5 = slice(axis=0 2:5) %3 : [3, 4]\n"
        "%6 = slice(axis=0 5:6) %3 : [1, 4]\n"
        "%7 = reshape([4]) %6 : [4]\n");
  check_values(tape, {dU, dW, db}, data_of({x, h, dy}));
  check_values(tape, {db, dW, dU}, data_of({x, h, dy}, 300));
}

TEST_CASE("join_weight_gradients: weight gradients of one left operand become one with several results: 5 nodes become 6") {
  Tape tape;
  const Var x = tape.input("x", {B, 2}), dy = tape.input("dy", {B, 4}), dz = tape.input("dz", {B, 4});
  const Var a = weight_gradient(x, dy), b = weight_gradient(x, dz);
  const Program before = program_of(tape, {a, b});
  CHECK(before.tape->size() == 5);
  CHECK(text(*joined(before).tape) ==
        "%0 = input(x) : [B, 2]\n"
        "%1 = input(dy) : [B, 4]\n"
        "%2 = input(dz) : [B, 4]\n"
        "%3 = weight_gradient(1 lefts 2 groups) %0 %1 %2 : [2, 2, 4]\n"
        "%4 = output(0) %3 : [2, 4]\n"
        "%5 = output(1) %3 : [2, 4]\n");
  check_values(tape, {a, b}, data_of({x, dy, dz}));
}

TEST_CASE("join_weight_gradients: four gates, each with two weights and a bias, become one node") {
  Tape tape;
  const Var x = tape.input("x", {B, 2}), h = tape.input("h", {B, 3});
  std::vector<Var> inputs{x, h}, outputs;
  for (int k = 0; k < 4; ++k) {
    const Var d = tape.input(fmt::format("d{}", k), {B, 5});
    inputs.push_back(d);
    if (k % 2)
      outputs.insert(outputs.end(), {batch_sum(d), weight_gradient(h, d), weight_gradient(x, d)});
    else
      outputs.insert(outputs.end(), {weight_gradient(x, d), batch_sum(d), weight_gradient(h, d)});
  }
  CHECK(weight_gradients(joined(program_of(tape, outputs))) == Layouts{"2 lefts 4 groups +sums"});
  check_values(tape, outputs, data_of(inputs));
}

TEST_CASE("join_weight_gradients: over several steps the operands go step by step") {
  Tape tape;
  const Sequence x = tape.input("x", 3, {B, 2}), h = tape.input("h", 3, {B, 3}), d = tape.input("d", 3, {B, 4});
  const auto over_steps = [](const Sequence& left, const Sequence& right) {
    std::vector<Var> terms;
    for (std::size_t t = 0; t < left.size(); ++t) terms.push_back(weight_gradient(left[t], right[t]));
    return accumulate(terms);
  };
  std::vector<Var> sums;
  for (const Var& v : d) sums.push_back(batch_sum(v));
  const std::vector<Var> outputs{over_steps(x, d), over_steps(h, d), accumulate(sums)};
  const Program before = run_pass(passes::defer, program_of(tape, outputs)), after = joined(before);
  CHECK(weight_gradients(after) == Layouts{"2 lefts 1 groups +sums"});
  CHECK(text(*after.tape).find("+sums) %0 %3 %6 %1 %4 %7 %2 %5 %8 : [6, 4]") != std::string::npos);
  const Data data =
      Data().add("x", random_tensor({3, 5, 2}, 1)).add("h", random_tensor({3, 5, 3}, 2)).add("d", random_tensor({3, 5, 4}, 3));
  check_same_values(before, after, data.bindings<double>(), 1e-12);
  check_plan(tape, outputs, data);
}

TEST_CASE("join_weight_gradients: steps in another order, of another number, or of another width stay apart") {
  Tape tape;
  const Var x = tape.input("x", {B, 2}), h = tape.input("h", {B, 3}), d = tape.input("d", {B, 4}), e = tape.input("e", {B, 4}),
            f = tape.input("f", {B, 6});
  const auto steps = [](std::vector<Var> operands) { return grouped_weight_gradient({}, operands, {}); };
  check_kept(tape, {steps({x, d, x, e}), steps({h, e, h, d})});
  check_kept(tape, {steps({x, d, x, e}), steps({h, d})});
  check_kept(tape, {weight_gradient(x, d), weight_gradient(x, f)});
  check_kept(tape, {weight_gradient(x, d), weight_gradient(d, x)});
  check_values(tape, {steps({x, d, x, e}), steps({h, e, h, d}), steps({h, d}), weight_gradient(x, f), weight_gradient(d, x)},
               data_of({x, h, d, e, f}));
}

TEST_CASE("join_weight_gradients: a sum without a weight gradient by the same operand stays, also beside others") {
  Tape tape;
  const Var x = tape.input("x", {B, 2}), d = tape.input("d", {B, 4}), e = tape.input("e", {B, 4}), m = tape.input("m", {B, 3, 4}),
            left = tape.input("left", {B, 3, 2});
  check_kept(tape, {batch_sum(d), batch_sum(e)});
  check_kept(tape, {weight_gradient(x, d), batch_sum(e)});
  check_kept(tape, {weight_gradient(left, m), batch_sum(m)});  // a sum over the batch alone is no row of the weight gradient
  const std::vector<Var> outputs{weight_gradient(x, d),    batch_sum(e), batch_sum(d),
                                 weight_gradient(left, m), batch_sum(m), weight_gradient(m, m)};
  CHECK(count_ops(*joined(program_of(tape, outputs)).tape, "batch_sum") == 2);
  check_values(tape, outputs, data_of({x, d, e, m, left}));
}

TEST_CASE("join_weight_gradients: one operand on both sides, and one weight gradient twice") {
  Tape tape;
  const Var x = tape.input("x", {B, 3}), d = tape.input("d", {B, 3});
  const std::vector<Var> outputs{weight_gradient(x, x), weight_gradient(d, x), weight_gradient(x, d), weight_gradient(d, d),
                                 weight_gradient(d, x), batch_sum(x),          batch_sum(x)};
  check_values(tape, outputs, data_of({x, d}));
}

TEST_CASE("join_weight_gradients: a weight gradient that depends on another one does not join it") {
  Tape tape;
  const Var x = tape.input("x", {B, 3}), d = tape.input("d", {B, 3});
  const Var first = weight_gradient(x, d);                         // [3, 3]
  const Var by_right = weight_gradient(matmul(x, first), d);       // the same right operand
  const Var by_left = weight_gradient(x, matmul(d, by_right));     // the same left operand
  const Var shifted = weight_gradient(x + batch_sum(d) * 0.1, d);  // behind a sum that the first one would take in
  const std::vector<Var> outputs{first, by_right, by_left, batch_sum(d), shifted};
  const Program after = joined(program_of(tape, outputs));
  CHECK(weight_gradients(after).size() == 3);  // first with the sum; by_right with shifted; by_left
  check_values(tape, outputs, data_of({x, d}));
}

TEST_CASE("join_weight_gradients: groups that depend on one another crosswise have no cycle") {
  Tape tape;
  const Var x = tape.input("x", {B, 3}), d = tape.input("d", {B, 3}), e = tape.input("e", {B, 3});
  const Var a = weight_gradient(x, d), b = weight_gradient(x, e);
  const Var c = weight_gradient(tanh(matmul(x, b)), d), f = weight_gradient(tanh(matmul(x, a)), e);  // by d after e, by e after d
  const std::vector<Var> outputs{a, c, b, f};
  check_values(tape, outputs, data_of({x, d, e}));
}

TEST_CASE("join_weight_gradients: gradients of gradients, where weight gradients feed weight gradients") {
  const Network<Lstm> network(3);
  std::vector<Var> squares;
  for (std::size_t i = 2; i < network.outputs.size(); ++i) squares.push_back(sum(square(network.outputs[i])));
  const std::vector<Var> second = gradients(accumulate(squares), network.set.all());
  const Program before = program_of(network.tape, second), after = joined(before);
  CHECK(count_ops(*after.tape, "weight_gradient") < count_ops(*before.tape, "weight_gradient") / 2);
  const auto values = network.set.initial<double>(1);
  const Batch<double> batch(network, 4, 1);
  check_same_values(before, after, batch.bindings(), 1e-11, &values);
  check_plan(network.tape, second, Data().add("x", batch.x).add("y", batch.y), &values);
}

TEST_CASE("join_weight_gradients: more operands than one weight gradient may have") {
  for (std::size_t count : {14, 15, 16, 17, 40}) {
    CAPTURE(count);
    Tape tape;
    const Var x = tape.input("x", {B, 3});
    std::vector<Var> inputs{x}, gates, weights;
    for (std::size_t i = 0; i < count; ++i) {
      const Var d = tape.input(fmt::format("d{}", i), {B, 2});
      inputs.push_back(d);
      gates.insert(gates.end(), {weight_gradient(x, d), batch_sum(d)});
      weights.push_back(weight_gradient(d, x));
    }
    weights.push_back(batch_sum(x));
    for (const std::vector<Var>& outputs : {gates, weights}) {
      const Program before = program_of(tape, outputs);
      CHECK(largest_node(joined(before)) == std::min<Index>(static_cast<Index>(count) + 1, kMostWeightGradientOperands));
      check_values(tape, outputs, data_of(inputs));
    }
  }
}

TEST_CASE("join_weight_gradients: matrices, and operands without B or without columns") {
  Tape tape;
  const Var m = tape.input("m", {B, 3, 2}), n = tape.input("n", {B, 3, 4}), p = tape.input("p", {5, 2}),
            q = tape.input("q", {5, 4}), none = tape.input("none", {B, 0}), d = tape.input("d", {B, 2}),
            empty = tape.input("empty", {B, 0});
  const std::vector<Var> outputs{
      weight_gradient(m, n),       weight_gradient(tanh(m), n), weight_gradient(m, tanh(n)), weight_gradient(p, q),
      weight_gradient(tanh(p), q), weight_gradient(none, d),    weight_gradient(d, d),       batch_sum(d),
      weight_gradient(d, empty),   weight_gradient(none, empty)};
  check_values(tape, outputs, data_of({m, n, p, q, none, d, empty}));
  check_values(tape, outputs, data_of({m, n, p, q, none, d, empty}, 0));
}
