// What a caller may get wrong with tapes, workspaces and values that outlive or do not belong to one another: each of these
// once read or wrote memory that it should not have.
#include <atomic>
#include <optional>
#include <thread>

#include <reel/graph/structural.h>
#include <reel/models/cells/elman.h>
#include <reel/models/parameter_set.h>
#include <reel/ops/activation.h>
#include <reel/ops/arithmetic.h>
#include <reel/ops/broadcast.h>
#include <reel/ops/elementary.h>
#include <reel/ops/matmul.h>
#include <reel/ops/reduction.h>
#include <reel/ops/rowwise.h>
#include <reel/plan/session.h>

#include "support.h"

using namespace reel;
using namespace reel::test;

namespace {

// Two ops of the same name and attributes that compute different things.
template <int kFactor>
class SameName final : public RowOp<SameName<kFactor>> {
 public:
  static constexpr std::string_view kName = "tanh";
  Signature infer(const Arguments& x) const override { return x[0]; }
  template <class Row>
  void row(const Row& r) const {
    for (Index i = 0; i < r.y_shape().row_size(); ++i) r.y()[i] = r.x(0)[i] * typename Row::Number(kFactor);
  }
};

}  // namespace

TEST_CASE("misuse: an empty Var is refused wherever it is used") {
  Tape tape;
  const Var x = tape.carried("x", {B, 2});
  check_throws<InputError>([] { (void)Var().shape(); }, {"empty Var"});
  check_throws<InputError>([&] { tape.carry(x, Var()); }, {"empty Var"});
  check_throws<InputError>([] { stop_gradient(Var()); }, {"empty Var"});
  check_throws<InputError>([] { accumulate(std::vector<Var>(2)); }, {"empty Var"});
  ParameterSet set;
  const Elman cell(set, "cell", 2, 3);
  check_throws<InputError>([&] { cell.step(Var(), x); }, {"empty Var"});
}

TEST_CASE("misuse: carry and name refuse Vars of another tape") {
  Tape tape, other;
  const Var x = tape.carried("x", {B, 2});
  const Var y = other.fill({B, 2}, 3);
  check_throws<InputError>([&] { tape.carry(x, y); }, {"carry", "another tape"});
  check_throws<InputError>([&] { tape.name(y, "y"); }, {"name", "another tape"});
}

TEST_CASE("misuse: a workspace tells a Var of a later tape at the same address") {
  std::optional<Tape> tape(std::in_place);
  const Var y = 2.0 * tape->fill({}, 3);
  const auto plan = compile<double>(*tape, {y});
  Workspace<double> workspace(plan);
  plan.run(workspace, {});
  CHECK(workspace.value(y)[0] == 6);
  tape.emplace();
  tape->fill({}, 1);
  tape->fill({}, 2);
  const Var later(*tape, y.id() < tape->size() ? y.id() : tape->size() - 1);
  check_throws<InputError>([&] { (void)workspace.value(later); }, {"not compiled for this output"});
}

TEST_CASE("op: two classes of the same name stay apart") {
  Tape tape;
  const Var x = tape.fill({}, 1);
  const Var twice = tape.append(SameName<2>{}, {x}), thrice = tape.append(SameName<3>{}, {x});
  const auto run = interpret<double>(tape, {});
  CHECK(run.value(twice)[0] == 2);
  CHECK(run.value(thrice)[0] == 3);
  const Var library = tanh(x);
  CHECK(interpret<double>(tape, {}).value(library)[0] == doctest::Approx(std::tanh(1.0)));
}

TEST_CASE("interpreter: nodes recorded after it was made have no value") {
  Tape tape;
  const Var x = tape.input("x", {2});
  const Tensor<double> data(Shape{2}, {1, 2});
  const Var y = sum(square(x));
  auto run = interpret<double>(tape, {{"x", data}});
  const Var g = gradient(y, x);
  run.evaluate();
  CHECK(run.value(y)[0] == 5);
  check_throws<InputError>([&] { (void)run.value(g); }, {"recorded after the interpreter"});
}

TEST_CASE("parameter values: those of another set, or added later, are refused") {
  ParameterSet one, two;
  const Parameter a = one.add("a", {2}), b = two.add("b", {2});
  auto values = one.initial<double>(1);
  const Parameter later = one.add("later", {2});
  check_throws<InputError>([&] { values.edit(b); }, {"b", "not among these values"});
  check_throws<InputError>([&] { (void)values[later]; }, {"later", "not among these values"});
  check_throws<InputError>([&] { (void)two.frozen(a); }, {"a", "another set"});
}

TEST_CASE("parameter set: a copy is the same set") {
  ParameterSet one;
  ParameterSet copy = one;
  const Parameter a = one.add("a", {1}), b = copy.add("b", {1});
  CHECK(a.index() == 0);
  CHECK(b.index() == 1);
  CHECK(one.size() == 2);
}

TEST_CASE("workspace: sizes that overflow are refused before anything is allocated") {
  Tape tape;
  const Var x = tape.input("x", {B, 1});
  const Var y = sum(exp(tanh(broadcast(x, {B, Index{1} << 57}))));
  const auto plan = compile<double>(tape, {y});
  Workspace<double> workspace(plan);
  const Tensor<double> data(Shape{16, 1});
  check_throws<ShapeError>([&] { plan.run(workspace, {{"x", data}}); }, {"overflows"});
  check_throws<ShapeError>([&] { (void)plan.bytes(16, 1); }, {"overflows"});
}

TEST_CASE("workspace: a state may be set from its own view") {
  Tape tape;
  const Var h = tape.carried("h", {B, 2});
  tape.carry(h, h + 1.0);
  const auto plan = compile<double>(tape, {sum(h)});
  Workspace<double> workspace(plan);
  plan.run(workspace, {}, {.rows = 3});
  workspace.set_carried("h", workspace.carried("h"));
  check_close(workspace.carried("h"), std::vector<double>(6, 1.0), 0);
}

TEST_CASE("plan: its own output and carried states are refused as bindings") {
  Tape tape;
  const Var x = tape.input("x", {B, 2});
  const Var h = tape.carried("h", {B, 2});
  const Var y = tanh(x) + h;
  tape.carry(h, y);
  const auto plan = compile<double>(tape, {y});
  Workspace<double> workspace(plan);
  const Tensor<double> data(Shape{1, 2}, {1, 2});
  plan.run(workspace, {{"x", data}});
  check_throws<InputError>(
      [&] {
        plan.run(workspace, {{"x", workspace.value(y)}});
      },
      {"x [B, 2]", "output of the same workspace"});
  check_throws<InputError>([&] { plan.run(workspace, {{"x", data}, {"h", data}}); }, {"\"h\" is carried", "set_carried"});
}

TEST_CASE("plan: a run refused for its bindings leaves a pending state to be committed") {
  Tape tape;
  const Var x = tape.input("x", {B, 1});
  const Var h = tape.carried("h", {B, 1});
  tape.carry(h, h + x);
  const auto plan = compile<double>(tape, {sum(h)});
  Workspace<double> workspace(plan);
  const Tensor<double> one(Shape{1, 1}, {1}), wrong(Shape{1, 2});
  plan.run(workspace, {{"x", one}}, {.commit = false});
  check_throws<InputError>([&] { plan.run(workspace, {{"x", wrong}}); }, {"x [B, 1]"});
  workspace.commit();
  CHECK(workspace.carried("h")[0] == 1);
}

TEST_CASE("misuse: a name that no input of the tape has, given to a Session") {
  Tape tape;
  const Var x = tape.input("x", {B, 2}), unused = tape.input("unused", {B});
  Session<double> session({{"y", x * 2.0}});
  const Tensor<double> a(Shape{1, 2}), b(Shape{1});
  session.run({{"x", a}, {"unused", b}});  // of this tape, if not of this plan
  check_throws<InputError>([&] { session.run({{"x", a}, {"X", a}}); }, {"\"X\"", "x [B, 2]"});
  CHECK(unused.shape() == Shape{B});
}

TEST_CASE("misuse: a carried value that is given no next one") {
  Tape tape;
  const Var state = tape.carried("state", {B, 2}), x = tape.input("x", {B, 2});
  const Var y = state + x;
  check_throws<InputError>([&] { compile<float>(tape, {y}); }, {"carried", "state [B, 2]", "carry(state, next)"});
  tape.carry(state, y);
  compile<float>(tape, {y});
}

TEST_CASE("misuse: what was moved from") {
  Tape tape;
  const Var x = tape.input("x", {B, 2}), y = x * 2.0;
  Plan<double> plan = compile<double>(tape, {y});
  Workspace<double> workspace(plan);
  const Tensor<double> a(Shape{1, 2});
  const Workspace<double> there = std::move(workspace);
  check_throws<InputError>([&] { plan.run(workspace, {{"x", a}}); }, {"Workspace", "moved"});
  check_throws<InputError>([&] { workspace.value(y); }, {"Workspace", "moved"});
  check_throws<InputError>([&] { workspace.reset(); }, {"Workspace", "moved"});
  const Plan<double> other = std::move(plan);
  check_throws<InputError>([&] { Workspace<double>{plan}; }, {"Plan", "moved"});
  check_throws<InputError>([&] { plan.kernels(); }, {"Plan", "moved"});
}

TEST_CASE("misuse: one workspace in two threads") {
  Tape tape;
  const Var x = tape.input("x", {B, 64});
  Var y = x;
  for (int i = 0; i < 200; ++i) y = tanh(matmul(y, tape.constant(Tensor<double>(Shape{64, 64}))));
  const Plan<double> plan = compile<double>(tape, {y});
  Workspace<double> workspace(plan);
  const Tensor<double> a(Shape{400, 64});
  std::atomic<int> refused = 0, done = 0;
  const auto work = [&] {
    for (int i = 0; i < 20; ++i) try {
        plan.run(workspace, {{"x", a}});
        ++done;
      } catch (const InputError& e) {
        CHECK(std::string(e.what()).find("in use") != std::string::npos);
        ++refused;
      }
  };
  std::thread other(work);
  work();
  other.join();
  CHECK(done + refused == 40);
  CHECK(done > 0);
  plan.run(workspace, {{"x", a}});
}

TEST_CASE("misuse: numbers that are not finite, where it is asked for") {
  Tape tape;
  const Var x = tape.input("x", {B, 2}), root = sqrt(x), y = sum(root, -1);
  const Plan<float> plan = compile<float>(tape, {y});
  Workspace<float> workspace(plan);
  const Tensor<float> bad(Shape{2, 2}, {1, 4, 9, -1}), good(Shape{2, 2}, {1, 4, 9, 1});
  plan.run(workspace, {{"x", bad}});  // not asked for
  check_throws<NumericError>([&] { plan.run(workspace, {{"x", bad}}, {.check_finite = true}); }, {"not finite", "misuse_test"});
  check_throws<InputError>([&] { workspace.value(y); }, {"no value"});
  check_throws<NumericError>(
      [&] {
        plan.run(workspace, {{"x", bad}}, {.check_finite = true, .tape = &tape});
      },
      {"not finite", "[sqrt] element 3"});
  plan.run(workspace, {{"x", good}}, {.check_finite = true});
  CHECK(workspace.value(y)[0] == 3);
  Session<float> session({{"y", y}});
  check_throws<NumericError>([&] { session.run({{"x", bad}}, {.check_finite = true}); }, {"[sqrt] element 3 of sqrt [B, 2]"});
}

TEST_CASE("misuse: a set that is too small or another one names a parameter") {
  ParameterSet set, other;
  const Parameter early = set.add("early", {2});
  const auto values = set.initial<float>(1);
  const Parameter late = set.add("late", {3});
  other.add("p", {2});
  const auto others = other.initial<float>(1);
  Tape tape;
  const Var y = sum(tape.parameter(early)) + sum(tape.parameter(late));
  const Plan<float> plan = compile<float>(tape, {y});
  check_throws<InputError>([&] { Workspace<float>(plan, &values); }, {"late [3]", "after all parameters were added"});
  check_throws<InputError>([&] { Workspace<float>(plan, &others); }, {"late [3]", "another ParameterSet"});
  check_throws<InputError>([&] { Workspace<float>{plan}; }, {"late [3]", "give their values"});
}
