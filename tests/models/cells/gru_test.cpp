#include <reel/models/cells/gru.h>
#include <reel/models/parameter_set.h>
#include <reel/models/unroll.h>
#include <reel/ops/arithmetic.h>
#include <reel/ops/elementary.h>
#include <reel/ops/reduction.h>

#include "models/cells/cell_table.h"
#include "models/cells/pytorch_case.h"
#include "models/plain_loops.h"

using namespace reel;
using namespace reel::test;

namespace {

template <class Cell>
void check_equations() {
  Tape tape;
  ParameterSet set;
  const Cell cell(set, "cell", 2, 4, drawn());
  const auto values = set.initial<double>(2);
  const plain::Numbers numbers(values);
  plain::Row h{{0.3, -0.9, 0.1, 0.5}};
  const auto run = unroll(cell, tape.input("x", 5, {2}), tape.constant(Tensor<double>(Shape{4}, h.v)));
  const Tensor<double> x = random_tensor(Shape{5, 2}, 8);
  std::vector<ExpectedVar> expected;
  for (Index t = 0; t < 5; ++t) {
    h = plain::step(numbers, cell, plain::row_of(x, t, 2), h);
    expected.push_back({"h", run.outputs[static_cast<std::size_t>(t)], h.v});
  }
  check_twice(tape, expected, Data().add("x", x), &values, 1e-14);
}

template <class Cell>
void check_keeps_the_past() {
  Tape tape;
  ParameterSet set;
  const Cell cell(set, "cell", 2, 3);
  auto values = set.initial<double>(2);
  std::ranges::fill(values.edit(cell.z.b), 800.0);
  const std::vector<double> h0 = {0.3, -0.9, 0.1};
  const auto run = unroll(cell, tape.input("x", 9, {2}), tape.constant(Tensor<double>(Shape{3}, h0)));
  check_twice(tape, {{"h", run.last, h0}}, Data().add("x", random_tensor(Shape{9, 2}, 8)), &values, 1e-15);
}

}  // namespace

TEST_CASE("gru: equals plain loops over the equations") {
  check_equations<Gru>();
  check_equations<GruResetAfter>();
}

TEST_CASE("gru: an update gate of 1 keeps the past") {
  check_keeps_the_past<Gru>();
  check_keeps_the_past<GruResetAfter>();
}

TEST_CASE("gru: where the reset gate acts tells the two forms apart, but not where it is 1") {
  Tape tape;
  ParameterSet set;
  const Gru before(set, "before", 2, 3, drawn());
  const GruResetAfter after(set, "after", 2, 3, drawn());
  auto values = set.initial<double>(2);
  for (const char* k : {"r", "z", "n"})
    for (const char* p : {"U_", "W_", "b_"})
      set_values<double>(set, values, std::string("after.") + p + k, values[set.find(std::string("before.") + p + k)]);
  std::ranges::fill(values.edit(after.c_n), 0.0);
  const Sequence x = tape.input("x", 4, {B, 2});
  const Var h0 = tape.input("h0", {B, 3});
  const Var apart = sum(abs(unroll(before, x, h0).last - unroll(after, x, h0).last));
  const Data data = Data().add("x", random_tensor(Shape{4, 2, 2}, 8)).add("h0", random_tensor(Shape{2, 3}, 9));
  CHECK(interpret<double>(tape, data.bindings<double>(), &values).value(apart)[0] > 0.01);
  for (const Parameter& b : {before.r.b, after.r.b}) std::ranges::fill(values.edit(b), 800.0);
  check_twice(tape, {{"difference", apart, {0}}}, data, &values, 1e-14);
}

TEST_CASE("gru: with the reset after, values and gradients equal PyTorch's GRU") {
  PyTorchCase c;
  const GruResetAfter cell(c.set, "cell", 2, 3);
  auto values = c.set.initial<double>(1);
  c.set_gates(values, "cell", {"r", "z", "n"});
  set_values<double>(c.set, values, "cell.c_n", pattern(Shape{3}, 12));
  c.data.add("h0", pattern(Shape{2, 3}, 7));
  const Var h0 = c.tape.input("h0", {B, 3});
  const auto run = unroll(cell, c.x, h0);
  const Var loss = c.loss(run.outputs);
  const std::vector<Var> g = gradients(loss, {{cell.r.U, cell.z.W, cell.n.U, cell.n.W, cell.r.b, cell.n.b, cell.c_n}});
  check_twice(
      c.tape,
      {{"h", c.all(run.outputs),
        batch_first({0.0950262456992674, -0.164558935757883, -0.171106045057621, 0.0610366405834042, -0.328083025690574,
                     -0.222226569299413, 0.0996044286598394, -0.109224974474497, -0.0337446546793859, 0.260607949443409,
                     -0.0956128423291957, -0.229604964111215, 0.201746494267176, -0.0106379674578149, -0.0974067497992082,
                     0.274468855705655, -0.101115032315541, -0.270331470750491})},
       {"loss", loss, {-0.202485837874832}},
       {"dU_r",
        g[0],
        {0.0537063173152191, -0.00384475754612312, -0.00618822982379163, 0.0599217211309825, -0.00625774103656359,
         -0.00728271523222674}},
       {"dW_z",
        g[1],
        {-0.114858106672008, 0.0558088825413441, 0.0365391988559889, -0.123873291311711, 0.0837853707319447, 0.0482746844053536,
         -0.154083276719643, 0.089639773567274, 0.0537610369097895}},
       {"dU_n",
        g[2],
        {0.043459204767296, -0.290784867948922, -0.466473592757469, 0.036369173853186, -0.336057048441263, -0.472482962559362}},
       {"dW_n",
        g[3],
        {0.102234974220059, -0.0594807872123023, -0.0300869941315535, 0.0559181116946759, -0.102358087671714,
         -0.000713655186061578, 0.0919551414931949, -0.075115715647211, 0.0101181793998247}},
       {"db_r", g[4], {-0.0621540381576346, 0.0241298349044046, 0.010944854084351}},
       {"db_n", g[5], {0.0709003091411003, 0.452721804923404, 0.0600936980189278}},
       {"dc_n", g[6], {0.0213803802319197, 0.144601671368263, -0.107712115506444}},
       {"dh0",
        gradient(loss, h0),
        {-0.0891006371267609, -0.173069746200498, -0.289706536107767, -0.337711475037402, 0.56526586723983, 0.473605168190939}}},
      c.data, &values, 1e-12);
}
