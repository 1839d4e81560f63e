#include <reel/graph/print.h>
#include <reel/models/cells/lstm.h>
#include <reel/models/initializers.h>
#include <reel/models/parameter_set.h>
#include <reel/models/unroll.h>
#include <reel/ops/activation.h>
#include <reel/ops/arithmetic.h>
#include <reel/ops/elementary.h>
#include <reel/ops/joining.h>
#include <reel/ops/matmul.h>
#include <reel/ops/reduction.h>
#include <reel/ops/reshape.h>
#include <reel/ops/softmax.h>
#include <reel/plan/passes/fuse.h>
#include <reel/plan/schedule.h>
#include <reel/plan/tile_program.h>

#include "network.h"

using namespace reel;
using namespace reel::test;

namespace {

Program fused(const Program& program) { return run_pass(passes::fuse, program); }

// Plans with and without the pass give the same bits, and what the interpreter gives.
void check_plans(const Tape& tape, const std::vector<Var>& outputs, const Data& data) {
  check_plan(tape, outputs, data);
  const auto with = compile<double>(tape, outputs, {.verify = true});
  const auto without = compile<double>(tape, outputs, {.passes = passes_without("fuse")});
  const auto bindings = data.bindings<double>();
  CHECK(bits_of_run<double>(with, outputs, bindings) == bits_of_run<double>(without, outputs, bindings));
}

// The names of a program's fused nodes' steps, one string per node.
std::vector<std::string> fused_steps(const Program& p) {
  std::vector<std::string> all;
  for (NodeId id = 0; id < p.tape->size(); ++id)
    if (p.tape->node(id).op->name() == "fused") all.push_back(p.tape->node(id).op->attributes());
  return all;
}

PhaseKind phase_of(const Program& p, std::string_view op) {
  const PhaseSchedule s = make_schedule(p);
  for (NodeId id = 0; id < p.tape->size(); ++id)
    if (p.tape->node(id).op->name() == op) return s.phases[s.phase_of[id]].kind;
  throw Error("no such op");
}

using Steps = std::vector<std::string>;

}  // namespace

TEST_CASE("fuse: a chain of two elementwise nodes becomes one: 4 nodes become 3") {
  Tape tape;
  const Var x = tape.input("x", {B, 3}), y = tape.input("y", {B, 3});
  const Var z = tanh(x) * y;
  const Program before = program_of(tape, {z});
  CHECK(text(*before.tape) ==
        "%0 = input(x) : [B, 3]\n"
        "%1 = input(y) : [B, 3]\n"
        "%2 = tanh %0 : [B, 3]\n"
        "%3 = multiply %2 %1 : [B, 3]\n");
  const Program after = fused(before);
  CHECK(text(*after.tape) ==
        "%0 = input(x) : [B, 3]\n"
        "%1 = input(y) : [B, 3]\n"
        "%2 = fused(tanh multiply) %0 %1 : [B, 3]\n");
  const Data data = Data().add("x", random_tensor({4, 3}, 1)).add("y", random_tensor({4, 3}, 2));
  check_same_values(before, after, data.bindings<double>());
  check_plans(tape, {z}, data);
}

TEST_CASE("fuse: what is read outside is a output of the result: 5 nodes become 6") {
  Tape tape;
  const Var x = tape.input("x", {B, 3});
  const Var a = tanh(x), b = exp(a), c = a - b, s = softmax(a);
  const Program before = program_of(tape, {c, s});
  CHECK(before.tape->size() == 5);
  const Program after = fused(before);
  CHECK(text(*after.tape) ==
        "%0 = input(x) : [B, 3]\n"
        "%1 = fused(tanh exp subtract) %0 : [B, 2, 3]\n"
        "%2 = output(0) %1 : [B, 3]\n"
        "%3 = output(1) %1 : [B, 3]\n"
        "%4 = softmax %2 : [B, 3]\n");
  const Data data = Data().add("x", random_tensor({4, 3}, 1));
  check_same_values(before, after, data.bindings<double>());
  check_plans(tape, {c, s}, data);
}

TEST_CASE("fuse: nodes that share a batched input are one, also where none feeds another") {
  Tape tape;
  const Var x = tape.input("x", {B, 3});
  const Var a = tanh(x), b = exp(x);
  const Program before = program_of(tape, {a, b}), after = fused(before);
  CHECK(fused_steps(after) == Steps{"tanh exp"});
  check_plans(tape, {a, b}, Data().add("x", random_tensor({4, 3}, 1)));
}

TEST_CASE("fuse: a chain across another op stays two, whatever skips over it") {
  Tape tape;
  const Var x = tape.input("x", {B, 3});
  const Var a = tanh(x), b = square(a), s = softmax(b), c = s * a, d = exp(c) + b;
  const Program before = program_of(tape, {d}), after = fused(before);
  CHECK(fused_steps(after) == Steps{"tanh square", "multiply exp add"});
  CHECK(count_ops(*after.tape, "softmax") == 1);
  const Data data = Data().add("x", random_tensor({4, 3}, 1));
  check_same_values(before, after, data.bindings<double>());
  check_plans(tape, {d}, data);
}

TEST_CASE("fuse: a ladder of elementwise nodes and products has one fused node per rung") {
  Tape tape;
  const Var x = tape.input("x", {B, 4});
  const Var w = tape.constant(random_tensor({4, 4}, 3, 0.5));
  std::vector<Var> seen{x};
  for (int rung = 0; rung < 5; ++rung) {
    Var y = matmul(seen.back(), w);
    for (const Var& earlier : seen) y = tanh(y) * earlier;  // reads every earlier rung
    seen.push_back(y);
  }
  const Program before = program_of(tape, {seen.back()}), after = fused(before);
  CHECK(fused_steps(after).size() == 5);
  const Data data = Data().add("x", random_tensor({4, 4}, 1));
  check_same_values(before, after, data.bindings<double>());
  check_plans(tape, {seen.back()}, data);
}

TEST_CASE("fuse: nodes of different shapes stay apart") {
  Tape tape;
  const Var x = tape.input("x", {B, 6});
  const Var a = exp(tanh(x));                        // [B, 6]
  const Var b = square(exp(reshape(x, {B, 2, 3})));  // as many numbers in another shape
  const Var c = tanh(sigmoid(sum(x, -1)));           // [B]
  const Var d = exp(square(slice(x, -1, 0, 3)));     // [B, 3]
  const std::vector<Var> outputs{a, b, c, d};
  const Program before = program_of(tape, outputs), after = fused(before);
  Steps steps = fused_steps(after);
  std::ranges::sort(steps);
  CHECK(steps == Steps{"exp square", "sigmoid tanh", "square exp", "tanh exp"});
  check_plans(tape, outputs, Data().add("x", random_tensor({5, 6}, 1)));
}

TEST_CASE("fuse: rows and what has no B stay apart") {
  Tape tape;
  const Var x = tape.input("x", {B, 3}), scale = tape.input("scale", {3});
  const Var s = exp(tanh(scale)), y = tanh(x * s);
  const Program before = program_of(tape, {y}), after = fused(before);
  CHECK(fused_steps(after) == Steps{"tanh exp", "multiply tanh"});
  check_plans(tape, {y}, Data().add("x", random_tensor({4, 3}, 1)).add("scale", random_tensor({3}, 2)));
}

TEST_CASE("fuse: what depends on parameters alone is still computed once per update") {
  ParameterSet set;
  const Parameter w = set.add("w", {3}, init::uniform(1));
  Tape tape;
  const Var scale = tape.input("scale", {3}), p = tape.parameter(w);
  const Var cached = exp(tanh(p)), y = square(cached * scale);
  const Program before = program_of(tape, {y}), after = fused(before);
  CHECK(fused_steps(after) == Steps{"tanh exp", "multiply square"});
  CHECK(compile<double>(tape, {y}).text().find("phase: once per update\n  %2 = fused(tanh exp) w : [3]") != std::string::npos);
  const auto values = set.initial<double>(1);
  check_plan(tape, {{y}}, Data().add("scale", random_tensor({3}, 2)), &values, &set);

  Tape single;
  const Var z = tanh(single.parameter(w)) * single.input("scale", {3});
  const Program alone = program_of(single, {z});
  CHECK(text(*fused(alone).tape) == text(*alone.tape));
  CHECK(phase_of(fused(alone), "tanh") == PhaseKind::cached);
}

// Regression: the batch size, which has no inputs, was taken for a constant.
TEST_CASE("fuse: what depends on parameters alone is still computed once per update, beside the batch size") {
  ParameterSet set;
  const Parameter w = set.add("w", {4}, init::uniform(1));
  Tape tape;
  const Var penalty = exp(tanh(sum(tape.parameter(w), -1))), y = square(penalty / tape.batch_size());
  CHECK(fused_steps(fused(program_of(tape, {y}))) == Steps{"tanh exp", "divide square"});
}

TEST_CASE("fuse: 1 - y, which only the backward step reads, is computed there") {
  Tape tape;
  const Var x = tape.input("x", {B, 3});
  const Var y = sigmoid(x), rest = 1.0 - y, s = softmax(y), out = s * rest;
  const Program before = program_of(tape, {out, y}), after = fused(before);
  CHECK(fused_steps(after) == Steps{"subtract multiply"});
  CHECK(count_ops(*after.tape, "output") == 0);  // rest is nowhere written
  check_plans(tape, {out, y}, Data().add("x", random_tensor({4, 3}, 1)));
}

TEST_CASE("fuse: a node does not move where two values would have to wait for it") {
  Tape tape;
  const Var x = tape.input("x", {B, 3});
  const Var a = tanh(x), b = exp(x), product = a * b, s = softmax(a + b), out = s * product;
  const Program before = program_of(tape, {out}), after = fused(before);
  CHECK(fused_steps(after) == Steps{"tanh exp multiply add"});
  CHECK(count_ops(*after.tape, "output") == 2);  // product and the sum, not a and b
  // Where both are kept anyway, it moves.
  const Var kept = out * a + b;
  const Program needs_both = fused(program_of(tape, {kept}));
  CHECK(fused_steps(needs_both) == Steps{"tanh exp add", "multiply multiply multiply add"});
  check_plans(tape, {out, kept}, Data().add("x", random_tensor({4, 3}, 1)));
}

TEST_CASE("fuse: an LSTM's step writes its gates, and nothing that they give") {
  constexpr Index T = 6;
  ParameterSet set;
  const Lstm cell(set, "cell", 16, 4);
  Tape tape;
  const Var last = unroll(cell, tape.input("x", T, {B, 16}), zero_state(tape, cell)).outputs.back();
  std::vector<Var> outputs = gradients(sum(square(last)), set.all());
  const auto plan = compile<double>(tape, outputs);
  const Tape& after = *plan.program().tape;
  Index most = 0, results = 0;
  for (NodeId id = 0; id < after.size(); ++id) {
    if (after.node(id).op->name() != "fused" || !after.node(id).shape.batched()) continue;
    const Index count = after.node(id).op->traits().multi_output ? after.node(id).shape.dim(0) : 1;
    most = std::max(most, count);
    results += count;
  }
  // Forward i, f, o, g, c, tanh(c), h; backward four gates' gradients and the memory's.
  CHECK(most <= 7);
  CHECK(results <= T * (7 + 5));
}

TEST_CASE("fuse: roots inside a group are delivered, one that others read and one that none reads") {
  Tape tape;
  const Var x = tape.input("x", {B, 3});
  const Var a = tanh(x), b = exp(a), c = square(a), d = b * c;
  const std::vector<Var> outputs{b, d, a, b};
  const Program before = program_of(tape, outputs), after = fused(before);
  CHECK(fused_steps(after).size() == 1);
  CHECK(after.roots.size() == 4);
  CHECK(after.roots[0] == after.roots[3]);
  const Data data = Data().add("x", random_tensor({4, 3}, 1));
  check_same_values(before, after, data.bindings<double>());
  check_plans(tape, outputs, data);
}

TEST_CASE("fuse: several users outside read one output") {
  Tape tape;
  const Var x = tape.input("x", {B, 4}), w = tape.constant(random_tensor({4, 4}, 3));
  const Var a = tanh(x), b = sigmoid(a) * a;
  const std::vector<Var> outputs{softmax(b), matmul(b, w), sum(b, -1), slice(b, -1, 1, 3), concat({b, a}), b * matmul(a, w)};
  const Program before = program_of(tape, outputs), after = fused(before);
  CHECK(count_ops(*after.tape, "output") == 2);  // of a and b
  const Data data = Data().add("x", random_tensor({5, 4}, 1));
  check_same_values(before, after, data.bindings<double>());
  check_plans(tape, outputs, data);
}

TEST_CASE("fuse: a lone elementwise node, and an empty program of leaves, stay as they are") {
  Tape tape;
  const Var x = tape.input("x", {B, 4});
  for (const Var& y : {x, tanh(x), softmax(tanh(x))}) {
    const Program before = program_of(tape, {y});
    CHECK(text(*fused(before).tape) == text(*before.tape));
  }
}
