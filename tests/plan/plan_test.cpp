#include <map>

#include <reel/models/cells/elman.h>
#include <reel/models/cells/gru.h>
#include <reel/models/parameter_set.h>
#include <reel/models/unroll.h>
#include <reel/ops/activation.h>
#include <reel/ops/arithmetic.h>
#include <reel/ops/batch_sum.h>
#include <reel/ops/broadcast.h>
#include <reel/ops/elementary.h>
#include <reel/ops/embedding.h>
#include <reel/ops/joining.h>
#include <reel/ops/matmul.h>
#include <reel/ops/reduction.h>
#include <reel/ops/reshape.h>
#include <reel/ops/softmax.h>
#include <reel/plan/passes/dead_code.h>
#include <reel/plan/passes/lower.h>

#include "network.h"

using namespace reel;
using namespace reel::test;

namespace {

const Tensor<double>& ones_of(Index rows) {
  static std::map<Index, Tensor<double>> all;
  return all.try_emplace(rows, uniform_tensor({rows, 2}, 1, 1, 1)).first->second;
}

}  // namespace

TEST_CASE("plan: refuses no output, empty Vars, other tapes, and parameters of two sets") {
  Tape tape, other;
  const Var x = tape.input("x", {B, 2}), elsewhere = other.input("x", {B, 2});
  check_throws<InputError>([&] { compile<double>(tape, std::span<const Var>()); }, {"no output"});
  check_throws<InputError>([&] { compile<double>(tape, {x, Var()}); }, {"empty Var"});
  check_throws<InputError>([&] { compile<double>(tape, {elsewhere}); }, {"another tape"});
  ParameterSet a, b;
  const Var y = x * a.add("a", {2}) + b.add("b", {2});
  check_throws<InputError>([&] { compile<double>(tape, {y}); }, {"b [2]", "another ParameterSet"});
}

TEST_CASE("plan: computes only what its outputs need") {
  Tape tape;
  const Var x = tape.input("x", {B, 2}), z = tape.input("z", {B, 7});
  const Var y = tanh(x), heavy = sum(exp(exp(z)));
  const auto plan = compile<double>(tape, {y});
  CHECK(plan.kernels() == 1);
  CHECK(plan.inputs().size() == 1);
  CHECK(plan.inputs()[0].name == "x");
  CHECK(compile<double>(tape, {y, heavy}).kernels() > 3);
}

TEST_CASE("plan: outputs that are leaves, views, parameters, constants and repeated") {
  ParameterSet set;
  const Parameter w = set.add("w", {2, 3});
  const auto values = set.initial<double>(1);
  Tape tape;
  const Var x = tape.input("x", {B, 6}), row = tape.input("row", {3}), ids = tape.ids("ids", {B, 2});
  const Sequence steps = tape.input("steps", 3, {B, 2});
  const Var view = reshape(x, {B, 2, 3}), part = slice(x, -1, 2, 5), repeated = broadcast(row, {B, 3}),
            of_view = reshape(part, {B, 3, 1});
  const Var h = tape.carried("h", {B, 2}), p = tape.parameter(w), c = tape.fill({B, 2}, 4), n = tape.batch_size();
  tape.carry(h, h);
  const Var computed = tanh(x), viewed = slice(computed, -1, 0, 1), splat = broadcast(viewed, {B, 4});
  const std::vector<Var> outputs{x, row, ids, steps[0], steps[2], view,     part,   repeated, of_view,
                                 h, p,   c,   n,        x,        computed, viewed, splat,    tape.parameter(w)};
  const Data data = Data()
                        .add("x", random_tensor({5, 6}, 1))
                        .add("row", random_tensor({3}, 2))
                        .add("ids", random_ids({5, 2}, 3, 9))
                        .add("steps", random_tensor({3, 5, 2}, 4));
  check_plan(tape, outputs, data, &values, &set);
}

TEST_CASE("plan: ids as outputs") {
  Tape tape;
  const Var x = tape.input("x", {B, 5});
  const Var best = argmax(x), picked = embedding(best, tape.constant(random_tensor({5, 2}, 2)));
  const auto plan = compile<float>(tape, {best, picked});
  Workspace<float> workspace(plan, nullptr, ThreadPool(2));
  plan.run(workspace, {{"x", Tensor<float>({3, 5}, {0, 9, 1, 2, 3, /**/ 5, 4, 3, 2, 1, /**/ 0, 0, 0, 0, 1})}});
  CHECK(workspace.ids(best).shape() == Shape{3});
  check_close(workspace.ids(best), {1, 0, 4}, 0);
  check_plan(tape, {{best, picked}}, Data().add("x", random_tensor({200, 5}, 1)));
}

TEST_CASE("plan: T = 0: an empty sequence unrolls to the initial state") {
  ParameterSet set;
  const Elman cell(set, "cell", 2, 3);
  const auto values = set.initial<double>(1);
  Tape tape;
  const Sequence x = tape.input("x", 0, {B, 2});
  const Var h = tape.carried("h", {B, 3});
  const auto run = unroll(cell, x, h);
  CHECK(run.outputs.empty());
  CHECK(run.last == h);
  CHECK(tape.carries().size() == 1);  // on to itself
  const Var y = 2.0 * run.last;
  const auto plan = compile<double>(tape, {y});
  Workspace<double> workspace(plan, &values);
  workspace.set_carried("h", Tensor<double>({2, 3}, {1, 2, 3, 4, 5, 6}));
  plan.run(workspace, {{"x", Tensor<double>({0, 2, 2})}});
  check_close(workspace.value(y), {2, 4, 6, 8, 10, 12}, 0);
}

TEST_CASE("plan: no batch at all") {
  ParameterSet set;
  const Parameter w = set.add("w", {3, 4});
  const auto values = set.initial<double>(2);
  Tape tape;
  const Var x = tape.input("x", {5, 3});
  const Var y = softmax(matmul(x, w));
  const Var loss = sum(square(y));
  std::vector<Var> outputs = gradients(loss, set.all());
  outputs.insert(outputs.end(), {y, loss});
  check_plan(tape, outputs, Data().add("x", random_tensor({5, 3}, 1)), &values, &set);
}

TEST_CASE("plan: batch statistics feed rows again, forwards and backwards") {
  Tape tape;
  const Var x = tape.input("x", {B, 5});
  const Var centred = x - batch_mean(x);
  const Var normal = centred / sqrt(batch_mean(square(centred)) + 0.1);
  const Data data = Data().add("x", random_tensor({9, 5}, 1));
  check_op(normal, {{x}}, data);
  const auto plan = compile<float>(tape, {normal});
  std::size_t row_phases = 0;
  for (std::size_t at = 0; (at = plan.text().find("row blocks", at)) != std::string::npos; ++at) ++row_phases;
  CHECK(row_phases == 2);
  // More rows than a block has, so that several blocks meet at each reduction.
  const Var loss = sum(normal * tanh(x));
  const Var g = gradient(loss, x);
  check_plan(tape, {{normal, loss, g}}, Data().add("x", random_tensor({300, 5}, 2)), nullptr, nullptr, 1e-4);
}

// What a later phase has read may be overwritten only when all its blocks of rows are done: `wide` would otherwise lie over
// `a` and `b`, of which later blocks are still to be read.
TEST_CASE("plan: a value that outlives its phase shares no memory with one made while it is read") {
  Tape tape;
  const Var x = tape.input("x", {B, 16});
  const Var a = tanh(x), b = sigmoid(x);
  const Var total = batch_sum(a * b);
  const Var u = a * total, v = b + u;
  const Var wide = concat({v, u, v * u}), end = batch_sum(square(wide));
  check_plan(tape, {{wide, end}}, Data().add("x", random_tensor({300, 16}, 1)), nullptr, nullptr, 1e-4);
}

// Regression: rows that repeat one of their own elements all got that of the first row.
TEST_CASE("plan: each row repeats its own element") {
  Tape tape;
  const Var x = tape.input("x", {B, 4}), one = tape.input("one", {B, 1});
  const Var first = slice(x, -1, 1, 2);  // stride 4, repeated to 4
  const Var y = x * first;
  const Var narrow = slice(broadcast(one, {B, 4}), -1, 2, 3) + first;  // stride 1, repeated, one wide
  const Data data = Data().add("x", random_tensor({7, 4}, 1)).add("one", random_tensor({7, 1}, 2));
  check_plan(tape, {{y, narrow}}, data);
  check_op(y, {{x}}, data);
}

TEST_CASE("plan: the gradient of a joined column is each row's own") {
  Tape tape;
  const Var a = tape.input("a", {B, 1}), b = tape.input("b", {B, 3}), w = tape.input("w", {B});
  const Var joined = sum(concat({a, b}), -1) * w;
  const Var loss = sum(joined);
  const auto g = gradients(loss, {{a, b, w}});
  std::vector<Var> outputs{square(g[0]), square(g[1]), g[2], loss};
  check_plan(tape, outputs,
             Data().add("a", random_tensor({6, 1}, 1)).add("b", random_tensor({6, 3}, 2)).add("w", random_tensor({6}, 3)));
}

TEST_CASE("plan: is independent of the tape and the parameters it came from") {
  auto tape = std::make_unique<Tape>();
  const Var x = tape->input("x", {B, 2});
  const Var y = matmul(x, tape->constant(Tensor<double>({2, 1}, {3, 4})));
  const auto plan = compile<double>(*tape, {y});
  const std::string before = plan.text();
  const Var later = tanh(y);  // what is recorded later is not the plan's
  Workspace<double> workspace(plan);
  check_throws<InputError>([&] { (void)workspace.value(later); }, {"not compiled for"});
  plan.run(workspace, {{"x", ones_of(2)}});
  check_close(workspace.value(y), {7, 7});
  tape.reset();
  plan.run(workspace, {{"x", ones_of(3)}});
  CHECK(plan.text() == before);
}

TEST_CASE("plan: a workspace grows and shrinks with B") {
  Tape tape;
  const Var x = tape.input("x", {B, 2});
  const Var y = tanh(x) + x, total = sum(y);
  const auto plan = compile<double>(tape, {y, total});
  Workspace<double> workspace(plan, nullptr, ThreadPool(2));
  for (Index rows : {3, 500, 1, 0, 129, 128, 500, 7}) {
    CAPTURE(rows);
    plan.run(workspace, {{"x", ones_of(rows)}});
    CHECK(workspace.value(y).shape() == Shape{rows, 2});
    CHECK(workspace.value(total)[0] == doctest::Approx(2.0 * static_cast<double>(rows) * (std::tanh(1) + 1)));
    for (double v : workspace.value(y)) CHECK(v == doctest::Approx(std::tanh(1) + 1));
  }
}

TEST_CASE("plan: other passes, or none, give the same values") {
  const Network<Gru> network(4);
  const auto values = network.set.initial<double>(1);
  const Batch<double> batch(network, 6, 1);
  const auto run = [&](const CompileOptions& options) {
    const auto plan = compile<double>(network.tape, network.outputs, options);
    Workspace<double> workspace(plan, &values);
    plan.run(workspace, batch.bindings());
    std::vector<double> all;
    for (const Var& v : network.outputs) all.insert(all.end(), workspace.value(v).begin(), workspace.value(v).end());
    return std::pair(all, plan.kernels());
  };
  // lower cannot be left out, once to products and once to their packed form; dead_code removes what it replaced.
  const std::vector<Pass> fewest{{"lower", passes::lower}, {"lower", passes::lower}, {"dead_code", passes::dead_code}};
  const auto [all, kernels] = run({});
  const auto [plain, more_kernels] = run({.passes = fewest, .verify = true});
  CHECK(kernels < more_kernels);
  REQUIRE(all.size() == plain.size());
  for (std::size_t i = 0; i < all.size(); ++i) CHECK(std::abs(all[i] - plain[i]) <= 1e-12);
}

TEST_CASE("plan: its text names phases, kernels, shapes and places; its memory grows with rows and threads") {
  const Network<Elman> network(3);
  const auto plan = compile<float>(network.tape, network.outputs);
  const std::string text = plan.text();
  for (const char* part :
       {"once per update", "all rows at once", "row blocks", "packed_matmul", "weight_gradient", "[B, 10]", "step 2", "cell.W"}) {
    CAPTURE(part);
    CHECK(text.find(part) != std::string::npos);
  }
  CHECK(plan.bytes(100, 1) > plan.bytes(10, 1));
  CHECK(plan.bytes(200, 4) > plan.bytes(200, 1));
}
