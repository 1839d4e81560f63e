#include <reel/graph/mode.h>
#include <reel/models/parameter_set.h>
#include <reel/ops/activation.h>
#include <reel/ops/arithmetic.h>
#include <reel/ops/batch_sum.h>
#include <reel/ops/broadcast.h>
#include <reel/ops/dropout.h>
#include <reel/ops/elementary.h>
#include <reel/ops/reduction.h>

#include "network.h"

using namespace reel;
using namespace reel::test;

namespace {

// h <- h + x, carried; y = 2 h.
struct Counter {
  Tape tape;
  Var x = tape.input("x", {B, 2}), h = tape.carried("h", {B, 2}), next = h + x, y = 2.0 * next;
  Plan<double> plan = make();
  Plan<double> make() {
    tape.carry(h, next);
    return compile<double>(tape, {y});
  }
  void run(Workspace<double>& w, const Tensor<double>& input, RunOptions options = {}) const {
    plan.run(w, {{"x", input}}, options);
  }
};

const Tensor<double> kOnes({2, 2}, {1, 1, 1, 1});
const Tensor<double> kThree({3, 2});

}  // namespace

TEST_CASE("workspace: carried state is zero at first, then the last run's") {
  const Counter c;
  Workspace<double> w(c.plan);
  CHECK(c.plan.carries("h"));
  CHECK(!c.plan.carries("x"));
  c.run(w, kOnes);
  check_close(w.value(c.y), {2, 2, 2, 2}, 0);
  c.run(w, kOnes);
  check_close(w.value(c.y), {4, 4, 4, 4}, 0);
  check_close(w.carried("h"), {2, 2, 2, 2}, 0);
  CHECK(w.runs() == 2);
}

TEST_CASE("workspace: commit = false holds the state back until commit()") {
  const Counter c;
  Workspace<double> w(c.plan);
  c.run(w, kOnes);
  c.run(w, kOnes, {.commit = false});
  check_close(w.value(c.y), {4, 4, 4, 4}, 0);
  check_close(w.carried("h"), {1, 1, 1, 1}, 0);
  CHECK(w.runs() == 1);
  c.run(w, kOnes, {.commit = false});  // replaces what was held back
  check_close(w.value(c.y), {4, 4, 4, 4}, 0);
  w.commit();
  check_close(w.carried("h"), {2, 2, 2, 2}, 0);
  CHECK(w.runs() == 2);
  w.commit();  // once
  CHECK(w.runs() == 2);
  c.run(w, kOnes);
  check_close(w.value(c.y), {6, 6, 6, 6}, 0);
}

TEST_CASE("workspace: another batch size is an InputError until reset()") {
  const Counter c;
  Workspace<double> w(c.plan);
  c.run(w, kOnes);
  check_throws<InputError>([&] { c.run(w, kThree); }, {"h [B, 2]", "2 rows", "this run has 3", "reset()"});
  check_close(w.carried("h"), {1, 1, 1, 1}, 0);
  w.reset();
  c.run(w, kThree);
  CHECK(w.value(c.y).shape() == Shape{3, 2});
  check_close(w.value(c.y), {0, 0, 0, 0, 0, 0}, 0);
}

TEST_CASE("workspace: reset() drops what was held back and begins with zero") {
  const Counter c;
  Workspace<double> w(c.plan);
  c.run(w, kOnes);
  c.run(w, kOnes, {.commit = false});
  w.reset();
  w.commit();
  CHECK(w.runs() == 1);
  c.run(w, kOnes);
  check_close(w.value(c.y), {2, 2, 2, 2}, 0);
}

// Regression: before the first run this was a scalar at no address, and after reset() the old numbers.
TEST_CASE("workspace: carried state is empty to read before a run tells its rows, and after reset()") {
  const Counter c;
  Workspace<double> w(c.plan);
  CHECK(w.carried("h").size() == 0);
  c.run(w, kOnes);
  CHECK(w.carried("h").size() == 4);
  w.reset();
  CHECK(w.carried("h").size() == 0);
}

TEST_CASE("workspace: set_carried sets the next run's first state") {
  const Counter c;
  Workspace<double> w(c.plan);
  const Tensor<double> state({2, 2}, {10, 20, 30, 40});
  w.set_carried("h", state);
  c.run(w, kOnes);
  check_close(w.value(c.y), {22, 42, 62, 82}, 0);
  check_throws<InputError>([&] { w.set_carried("h", Tensor<double>({2, 3})); }, {"h [B, 2]", "[2, 3]"});
  check_throws<InputError>([&] { w.set_carried("h", Tensor<double>({2})); }, {"h [B, 2]", "[2]"});
  check_throws<InputError>([&] { w.set_carried("g", state); }, {"\"g\""});
  check_throws<InputError>([&] { (void)w.carried("x"); }, {"\"x\""});
  w.set_carried("h", kThree);  // another batch size from here on
  check_throws<InputError>([&] { c.run(w, kOnes); }, {"3 rows", "this run has 2"});
  c.run(w, kThree);
}

// Regression: commit() then copied as many rows as the new state has, from a run with fewer.
TEST_CASE("workspace: set_carried replaces a state that was held back") {
  const Counter c;
  Workspace<double> w(c.plan);
  c.run(w, kOnes, {.commit = false});
  const Tensor<double> large = uniform_tensor({500, 2}, 1, 7, 7);
  w.set_carried("h", large);
  w.commit();
  REQUIRE(w.carried("h").size() == 1000);
  CHECK(std::ranges::all_of(w.carried("h"), [](double v) { return v == 7; }));
}

TEST_CASE("workspace: states may exchange places, and each is its own memory") {
  Tape tape;
  const Var a = tape.carried("a", {B}), b = tape.carried("b", {B}), x = tape.input("x", {B});
  tape.carry(a, b);
  tape.carry(b, a);
  const Var y = x + a - 2.0 * b;
  const auto plan = compile<double>(tape, {y});
  Workspace<double> w(plan);
  w.set_carried("a", Tensor<double>({2}, {1, 2}));
  w.set_carried("b", Tensor<double>({2}, {10, 20}));
  plan.run(w, {{"x", Tensor<double>({2})}});
  check_close(w.carried("a"), {10, 20}, 0);
  check_close(w.carried("b"), {1, 2}, 0);
}

TEST_CASE("workspace: a state that feeds another state's next value is carried too") {
  Tape tape;
  const Var slow = tape.carried("slow", {B}), fast = tape.carried("fast", {B}), unused = tape.carried("unused", {B});
  const Var x = tape.input("x", {B});
  tape.carry(fast, fast + slow);
  tape.carry(slow, slow + x);
  tape.carry(unused, unused + x);
  const Var y = fast * 1.0;  // needs fast, whose next needs slow
  const auto plan = compile<double>(tape, {y});
  CHECK(plan.carried().size() == 2);
  CHECK(!plan.carries("unused"));
  Workspace<double> w(plan);
  const Tensor<double> one({1}, {1});
  std::vector<double> seen;
  for (int i = 0; i < 5; ++i) {
    plan.run(w, {{"x", one}});
    seen.push_back(w.value(y)[0]);
  }
  CHECK(seen == std::vector<double>{0, 0, 1, 3, 6});
}

TEST_CASE("workspace: a state that is carried on to itself keeps its value") {
  Tape tape;
  const Var h = tape.carried("h", {B, 2}), x = tape.input("x", {B, 2});
  tape.carry(h, h);
  const Var y = h + x;
  const auto plan = compile<double>(tape, {y});
  Workspace<double> w(plan);
  w.set_carried("h", Tensor<double>({2, 2}, {5, 6, 7, 8}));
  plan.run(w, {{"x", kOnes}});
  plan.run(w, {{"x", kOnes}});
  check_close(w.value(y), {6, 7, 8, 9}, 0);
}

// Regression: the rows of a state without B were taken for the batch size.
TEST_CASE("workspace: states with and without B side by side; B is told by a state where no input has it") {
  Tape tape;
  const Var total = tape.carried("total", {3}), h = tape.carried("h", {B, 3});
  const Var next = h + 1.0;
  tape.carry(h, next);
  tape.carry(total, total + batch_sum(next));
  const Var y = batch_sum(next) + total;
  const auto plan = compile<double>(tape, {y});
  Workspace<double> w(plan);
  w.set_carried("total", Tensor<double>({3}, {100, 200, 300}));
  w.set_carried("h", Tensor<double>({2, 3}, {1, 2, 3, 4, 5, 6}));
  plan.run(w, {});
  check_close(w.value(y), {107, 209, 311}, 0);
  plan.run(w, {});
  check_close(w.carried("h"), {3, 4, 5, 6, 7, 8}, 0);
  check_close(w.carried("total"), {116, 220, 324}, 0);
  w.reset();
  plan.run(w, {}, {.rows = 4});
  check_close(w.value(y), {4, 4, 4}, 0);
}

TEST_CASE("workspace: value() knows only the outputs of a run that succeeded") {
  Tape tape, other;
  const Var x = tape.input("x", {B, 2});
  const Var y = tanh(x), hidden = exp(y), best = argmax(x);
  const auto plan = compile<double>(tape, {y, best});
  Workspace<double> w(plan);
  check_throws<InputError>([&] { (void)w.value(y); }, {"no value yet"});
  plan.run(w, {{"x", kOnes}});
  CHECK(w.value(y)[0] == doctest::Approx(std::tanh(1)));
  check_throws<InputError>([&] { (void)w.value(hidden); }, {"not compiled for this output"});
  check_throws<InputError>([&] { (void)w.value(x); }, {"not compiled for this output"});
  check_throws<InputError>([&] { (void)w.value(Var()); }, {"not compiled for this output"});
  check_throws<InputError>([&] { (void)w.value(Var(other, y.id())); }, {"not compiled for this output"});
  check_throws<InputError>([&] { (void)w.value(best); }, {"ids()"});
  check_throws<InputError>([&] { (void)w.ids(y); }, {"value()"});
}

TEST_CASE("workspace: refuses another plan, and missing or foreign parameters") {
  const Counter c, d;
  Workspace<double> w(c.plan);
  check_throws<InputError>([&] { d.run(w, kOnes); }, {"another plan"});

  ParameterSet set, other;
  const Parameter p = set.add("p", {2});
  other.add("p", {2});
  Tape tape;
  const Var x = tape.input("x", {B, 2});
  const Var y = x * p;
  const auto plan = compile<double>(tape, {y});
  const auto foreign = other.initial<double>(1);
  check_throws<InputError>([&] { Workspace<double>{plan}; }, {"parameters"});
  check_throws<InputError>([&] { Workspace<double>(plan, &foreign); }, {"another ParameterSet"});
  // Values that were drawn before the parameter was added.
  const auto early = set.initial<double>(1);
  const Var z = y + set.add("late", {2});
  const auto larger = compile<double>(tape, {z});
  check_throws<InputError>([&] { Workspace<double>(larger, &early); }, {"late [2]", "number 2", "given for 1"});
}

TEST_CASE("workspace: moves keep their state; several serve one plan") {
  const Counter c;
  Workspace<double> a(c.plan), b(c.plan);
  c.run(a, kOnes);
  Workspace<double> moved = std::move(a);
  c.run(moved, kOnes);
  c.run(b, kOnes);
  check_close(moved.value(c.y), {4, 4, 4, 4}, 0);
  check_close(b.value(c.y), {2, 2, 2, 2}, 0);
}

TEST_CASE("workspace: the run counter draws dropout masks, and may be set") {
  Tape tape;
  const Var x = tape.input("x", {B, 2});
  const Var y = dropout(x, 0.5, Mode::training);
  const auto plan = compile<double>(tape, {y});
  Workspace<double> a(plan, nullptr, ThreadPool(1), 3), b(plan, nullptr, ThreadPool(2), 3), c(plan, nullptr, ThreadPool(1), 4);
  const Tensor<double> ones = uniform_tensor({64, 2}, 1, 1, 1);
  const auto run = [&](Workspace<double>& w) {
    plan.run(w, {{"x", ones}});
    return bits_of(w.value(y));
  };
  const std::string first = run(a), second = run(a);
  CHECK(first != second);
  CHECK(run(b) == first);
  CHECK(run(c) != first);  // another seed
  b.set_runs(0);
  CHECK(run(b) == first);
  CHECK(b.runs() == 1);
  Interpreter<double> oracle(tape, std::array{Binding{"x", ones}}, nullptr, {.seed = 3, .run = 1});
  oracle.evaluate();
  CHECK(bits_of(oracle.value(y)) == second);
}

TEST_CASE("workspace: says how much memory it holds") {
  const Counter c;
  Workspace<double> w(c.plan);
  c.run(w, kOnes);
  CHECK(w.bytes() >= c.plan.bytes(2, 1));
  CHECK(w.bytes() <= c.plan.bytes(2, 1) + 1024);
}
