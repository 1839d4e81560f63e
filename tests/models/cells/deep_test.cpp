#include <reel/models/cells/any_cell.h>
#include <reel/models/cells/deep.h>
#include <reel/models/cells/elman.h>
#include <reel/models/cells/gru.h>
#include <reel/models/cells/lstm.h>
#include <reel/models/cells/recurrent_cell.h>
#include <reel/models/parameter_set.h>
#include <reel/models/unroll.h>
#include <reel/ops/arithmetic.h>
#include <reel/ops/elementary.h>
#include <reel/ops/reduction.h>

#include "models/cells/cell_table.h"
#include "models/evaluated_twice.h"

using namespace reel;
using namespace reel::test;

namespace {

struct TwoLayers {
  Tape tape;
  ParameterSet set;
  Lstm lower{set, "lower", 2, 3, drawn()};
  Gru upper{set, "upper", 3, 4, drawn()};
  Deep deep{{lower, upper}};
  Sequence x = tape.input("x", 5, {B, 2});
  ParameterValues<double> values = set.initial<double>(1);
  Data data = Data().add("x", random_tensor(Shape{5, 2, 2}, 3));
};

}  // namespace

TEST_CASE("deep: each layer is fed with the output of the one below") {
  TwoLayers net;
  const auto whole = unroll(net.deep, net.x, zero_state(net.tape, net.deep));
  const auto below = unroll(net.lower, net.x, zero_state(net.tape, net.lower));
  const auto above = unroll(net.upper, below.outputs, zero_state(net.tape, net.upper));
  CHECK(whole.last[0].vars.size() == 2);
  std::vector<ExpectedVar> expected = {{"memory of the lower", sum(abs(whole.last[0].vars[1] - below.last.c)), {0}},
                                       {"not all zero", step(sum(abs(above.last))), {1}}};
  for (std::size_t t = 0; t < 5; ++t) expected.push_back({"output", sum(abs(whole.outputs[t] - above.outputs[t])), {0}});
  check_twice(net.tape, expected, net.data, &net.values, 1e-14);
}

TEST_CASE("deep: the layout numbers the layers") {
  TwoLayers net;
  const auto layout = net.deep.state_layout();
  const std::vector<std::pair<const char*, Shape>> expected = {{"0.h", {B, 3}}, {"0.c", {B, 3}}, {"1.h", {B, 4}}};
  REQUIRE(layout.size() == 3);
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(layout[i].name == expected[i].first);
    CHECK(layout[i].shape == expected[i].second);
  }
}

TEST_CASE("deep: one layer is that layer") {
  TwoLayers net;
  const Deep one({net.lower});
  const auto a = unroll(one, net.x, zero_state(net.tape, one));
  const auto b = unroll(net.lower, net.x, zero_state(net.tape, net.lower));
  check_twice(net.tape, {{"difference", sum(abs(a.outputs.back() - b.outputs.back())), {0}}}, net.data, &net.values, 1e-14);
}

TEST_CASE("deep: carried state of every layer continues") {
  TwoLayers net;
  const auto run = unroll(net.deep, net.x, carried_state(net.tape, net.deep, "state"));
  const Var loss = sum(run.outputs.back());
  const auto plan = compile<double>(net.tape, {loss, run.last[0].vars[1]});
  CHECK(plan.carried().size() == 3);
  CHECK(plan.carries("state.0.c"));
  Workspace<double> workspace(plan, &net.values);
  plan.run(workspace, net.data.bindings<double>());
  const auto kept = workspace.carried("state.0.c");
  const auto final = workspace.value(run.last[0].vars[1]);
  for (Index i = 0; i < kept.size(); ++i) CHECK(kept[i] == final[i]);
}

TEST_CASE("deep: errors") {
  TwoLayers net;
  check_throws<InputError>([] { Deep({}); }, {"Deep", "layer"});
  check_throws<InputError>([&] { net.deep.step(net.x[0], {}); }, {"Deep", "0 layers", "2"});
  check_throws<InputError>([&] { AnyCell(net.lower).step(net.x[0], {}); }, {"AnyCell", "0 parts", "2"});
  check_throws<InputError>([&] { make_state(net.deep, {{net.x[0]}}); }, {"1 parts", "3"});
}

TEST_CASE("any cell: the state of another cell is taken by its parts") {
  TwoLayers net;
  const AnyCell writer = net.lower, reader = PeepholeLstm(net.set, "reader", 2, 3, drawn());
  const auto read = unroll(reader, net.x, zero_state(net.tape, reader));
  const Var whole = writer.step(net.x[0], read.last).vars[0],
            parts = writer.step(net.x[0], writer.make_state(read.last.vars)).vars[0];
  const auto values = net.set.initial<double>(1);
  check_twice(net.tape, {{"difference", sum(abs(whole - parts)), {0}}}, net.data, &values, 1e-14);
}

TEST_CASE("any cell: a Deep is a cell too, also inside another Deep") {
  TwoLayers net;
  const AnyCell any = net.deep;
  CHECK(any.state_layout().size() == 3);
  const Deep nested({any, Elman(net.set, "top", 4, 2, drawn())});
  const auto values = net.set.initial<double>(1);
  const auto run = unroll(nested, net.x, zero_state(net.tape, nested));
  const auto flat = unroll(net.deep, net.x, zero_state(net.tape, net.deep));
  CHECK(run.last.size() == 2);
  CHECK(run.outputs.back().shape() == Shape{B, 2});
  check_twice(net.tape, {{"difference", sum(abs(any.output(run.last[0]) - flat.outputs.back())), {0}}}, net.data, &values, 1e-14);
}
