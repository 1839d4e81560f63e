#include <reel/models/layers.h>
#include <reel/models/parameter_set.h>
#include <reel/ops/activation.h>
#include <reel/ops/arithmetic.h>
#include <reel/ops/batch_sum.h>
#include <reel/ops/rows.h>
#include <reel/plan/session.h>

#include "support.h"

using namespace reel;
using namespace reel::test;

namespace {

// y = tanh(x w + s), s its carried state, which becomes y.
struct Carrying {
  ParameterSet set;
  Linear layer{set, "layer", 2, 2};
  ParameterValues<double> values = set.initial<double>(3);
  Tape tape;
  Var state = tape.carried("s", {B, 2});
  Var y = tanh(layer(tape.input("x", {B, 2})) + state);
  Carrying() { tape.carry(state, y); }
};

std::vector<double> copied(TensorView<const double> x) { return {x.begin(), x.end()}; }

}  // namespace

TEST_CASE("prepared bindings: runs equal those that look names up, with the numbers of the moment") {
  const Carrying m;
  Session<double> named({{"y", m.y}}, &m.values), prepared({{"y", m.y}}, &m.values);
  Tensor<double> x({3, 2});
  const PreparedBindings bound = prepared.prepare({{"x", x}});
  for (std::uint64_t step = 0; step < 5; ++step) {
    const Tensor<double> next = random_tensor({3, 2}, step);
    std::ranges::copy(next, x.begin());
    named.run({{"x", next}});
    prepared.run(bound);
    CHECK(std::ranges::equal(named["y"], prepared["y"]));
  }
  CHECK(prepared.workspace().runs() == 5);
}

TEST_CASE("prepared bindings: several bindings take turns") {
  const Carrying m;
  Session<double> session({{"y", m.y}}, &m.values);
  const Tensor<double> a = random_tensor({2, 2}, 1), b = random_tensor({2, 2}, 2);
  const PreparedBindings first = session.prepare({{"x", a}}), second = session.prepare({{"x", b}});
  session.run(first, {.commit = false});
  const std::vector<double> of_a = copied(session["y"]);
  session.run(second, {.commit = false});
  CHECK(copied(session["y"]) != of_a);
  session.run(first, {.commit = false});
  CHECK(copied(session["y"]) == of_a);
}

TEST_CASE("prepared bindings: what was bound lives as long as they do where it was a temporary") {
  Tape tape;
  const Var y = 2.0 * tape.input("x", {2});
  Session<double> session({{"y", y}});
  const PreparedBindings bound = session.prepare({{std::string("x"), Tensor<double>(Shape{2}, {1, 2})}});
  const PreparedBindings copy = bound;
  session.run(copy);
  CHECK(session["y"][1] == 4);
  CHECK(bound.bindings().size() == 1);
}

TEST_CASE("prepared bindings: rows that no input tells are those of the run") {
  Tape tape;
  const Var state = tape.carried("s", {B, 2});
  const Var y = state + tape.input("x", {2});
  tape.carry(state, y);
  Session<double> session({{"y", y}});
  const Tensor<double> x(Shape{2}, {1, 2});
  const PreparedBindings bound = session.prepare({{"x", x}});
  session.run(bound, {.rows = 3});
  CHECK(session["y"].shape() == Shape{3, 2});
  session.run(bound);  // as many as the state has
  CHECK(session["y"].shape() == Shape{3, 2});
  check_throws<InputError>([&] { session.run(bound, {.rows = 2}); }, {"carried s [B, 2] holds 3 rows, but this run has 2"});
}

TEST_CASE("prepared bindings: counts of rows are read at every run") {
  Tape tape;
  const std::vector<RowCount> rows = tape.row_counts("rows", 1);
  const Var y = batch_sum(first_rows(tape.input("x", {B}), rows[0]));
  Session<double> session({{"y", y}});
  const Tensor<double> x(Shape{3}, {1, 2, 4});
  Tensor<std::int32_t> count(Shape{1}, {2});
  const PreparedBindings bound = session.prepare({{"x", x}, {"rows", count}});
  session.run(bound);
  CHECK(session["y"][0] == 3);
  count[0] = 3;
  session.run(bound);
  CHECK(session["y"][0] == 7);
  count[0] = 4;
  check_throws<InputError>([&] { session.run(bound); }, {"rows[0] = 4 rows: there are 3 in the batch"});
}

TEST_CASE("prepared bindings: what is wrong is refused when they are made") {
  const Carrying m;
  Session<double> session({{"y", m.y}}, &m.values);
  const Tensor<double> x({3, 2}), wide({3, 3});
  const Tensor<float> narrow({3, 2});
  check_throws<InputError>([&] { session.prepare({{"x", wide}}); }, {"input x [B, 2]: was given [3, 3]"});
  check_throws<InputError>([&] { session.prepare({{"x", narrow}}); }, {"expects double, was given float"});
  check_throws<InputError>([&] { session.prepare({}); }, {"input x [B, 2] is not bound"});
  check_throws<InputError>([&] { session.prepare({{"x", x}, {"x", x}}); }, {"input x [B, 2] is bound twice"});
  check_throws<InputError>([&] { session.prepare({{"z", x}}); }, {"no input is called \"z\""});
  Session<double> other({{"y", m.y}}, &m.values);
  check_throws<InputError>([&] { session.run(other.prepare({{"x", x}})); }, {"the bindings were prepared for another plan"});
}

TEST_CASE("prepared bindings: an output of the workspace that a run would overwrite is refused") {
  const Carrying m;
  Session<double> session({{"y", m.y}}, &m.values);
  const Tensor<double> x({3, 2});
  session.run({{"x", x}});
  const PreparedBindings bound = session.prepare({{"x", session["y"]}});
  check_throws<InputError>([&] { session.run(bound); }, {"bound to an output of the same workspace"});
}
