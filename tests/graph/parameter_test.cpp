#include <reel/models/initializers.h>
#include <reel/models/parameter_set.h>
#include <reel/ops/arithmetic.h>
#include <reel/ops/matmul.h>

#include "support.h"

using namespace reel;
using namespace reel::test;

TEST_CASE("parameter: knows its name, shape, index and set") {
  ParameterSet set, other;
  const Parameter w = set.add("w", {2, 3}), b = set.add("b", {3});
  const Parameter elsewhere = other.add("w", {2, 3});
  CHECK(w.name() == "w");
  CHECK(w.shape() == Shape{2, 3});
  CHECK(b.index() == 1);
  CHECK(w.set() == b.set());
  CHECK(w.set() != elsewhere.set());
  CHECK(w == Parameter(w));
  CHECK(!(w == elsewhere));
}

TEST_CASE("parameter: an empty one is refused, and B has no place in its shape") {
  const Parameter none;
  CHECK(!none);
  check_throws<InputError>([&] { (void)none.shape(); }, {"empty Parameter"});
  check_throws<ShapeError>([] { Parameter("w", {B, 2}, 0, nullptr); }, {"parameter w", "[B, 2]"});
}

TEST_CASE("parameter: values begin as zeros and their version changes with every edit") {
  ParameterSet set;
  const Parameter w = set.add("w", {2}), b = set.add("b", {});
  ParameterValues<double> values(set.all());
  CHECK(values.size() == 2);
  CHECK(values.set() == w.set());
  const auto before = values.version();
  values.edit(b)[0] = 5;
  CHECK(values.version() != before);
  CHECK(values[b][0] == 5);
  CHECK(values[w][1] == 0);
  CHECK(values.at(1)[0] == 5);
}

TEST_CASE("parameter: a workspace sees every edit of its values") {
  ParameterSet set;
  const Parameter w = set.add("w", {3, 2}, init::constant(1));
  auto values = set.initial<double>(1);
  Tape tape;
  const Var y = matmul(tape.input("x", {B, 3}), w);
  const auto plan = compile<double>(tape, {y});
  Workspace<double> workspace(plan, &values);
  const Tensor<double> x({1, 3}, {1, 2, 3});
  plan.run(workspace, {{"x", x}});
  check_close(workspace.value(y), {6, 6});
  values.edit(w)[1] = 11;
  plan.run(workspace, {{"x", x}});
  check_close(workspace.value(y), {6, 16});
}

// Regression: values that were assigned as a whole kept their version, and the workspace the address of the old ones.
TEST_CASE("parameter: a workspace sees values that were assigned as a whole") {
  ParameterSet set;
  const Parameter w = set.add("w", {3, 2}, init::constant(1)), b = set.add("b", {2}, init::constant(0.5));
  auto values = set.initial<double>(1);
  auto others = set.initial<double>(1);
  std::ranges::fill(others.edit(w), 2.0);
  std::ranges::fill(others.edit(b), 0.25);
  auto third = set.initial<double>(1);  // never edited: the version that `values` began with
  Tape tape;
  const Var y = matmul(tape.input("x", {B, 3}), w) + b;
  const auto plan = compile<double>(tape, {y});
  Workspace<double> workspace(plan, &values);
  const Tensor<double> x({1, 3}, {1, 2, 3});
  plan.run(workspace, {{"x", x}});
  check_close(workspace.value(y), {6.5, 6.5});
  values = others;
  plan.run(workspace, {{"x", x}});
  check_close(workspace.value(y), {12.25, 12.25});
  values = std::move(third);
  plan.run(workspace, {{"x", x}});
  check_close(workspace.value(y), {6.5, 6.5});
}

TEST_CASE("ParameterValues: a number that no parameter has") {
  ParameterSet set;
  set.add("p", {2});
  auto values = set.initial<float>(1);
  for (Index i : {Index{-1}, Index{1}, Index{99}}) {
    check_throws<InputError>([&] { values.at(i); }, {std::to_string(i).c_str(), "1"});
    check_throws<InputError>([&] { values.edit(i); }, {std::to_string(i).c_str()});
  }
}
