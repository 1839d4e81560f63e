// Example 1 of the slides: Elman, 2-3-2, tanh and sigmoid output, h(0) = 0.
#include <reel/models/cells/any_cell.h>
#include <reel/models/cells/cell_options.h>
#include <reel/models/cells/elman.h>
#include <reel/models/initializers.h>
#include <reel/models/layers.h>
#include <reel/models/parameter_set.h>
#include <reel/models/unroll.h>
#include <reel/ops/activation.h>
#include <reel/ops/arithmetic.h>

#include "models/evaluated_twice.h"

using namespace reel;
using namespace reel::test;

namespace {

const std::vector<double> kU = {-1, .5, .2, .5, .1, -2};
const std::vector<double> kW = {2, 1.3, -1, 1.5, 0, -.5, -.2, 1.5, .4};
const std::vector<double> kV = {2, -1, -1.5, .5, .2, .8};

const std::vector<std::vector<double>> kHidden = {{.197375320224904, .7162978701990244, -.9985079423323265},
                                                  {.9976322980607797, -.8939338101682519, -.9945895152746083},
                                                  {.9879592070234465, .2959160165877625, -.9999972498540988},
                                                  {.3093187338991877, .7085924026106037, .7872218859438505}};
const std::vector<std::vector<double>> kOutput = {{.4062721598512482, .36864533586538617},
                                                  {.9743505097816063, .10524388476055867},
                                                  {.8620051571003663, .17653542035138706},
                                                  {.553097350227186, .6845485918231319}};

// `batched`: the sequence as a batch of one, or without a batch dimension at all.
void check_example(bool concatenated, bool batched) {
  Tape tape;
  ParameterSet set;
  const CellOptions bias{.bias = init::constant(.2)};
  const AnyCell cell = concatenated ? AnyCell(ElmanConcat(set, "cell", 2, 3, bias)) : AnyCell(Elman(set, "cell", 2, 3, bias));
  const Linear head(set, "head", 3, 2, init::values(kV), init::values({.5, .1}));
  auto values = set.initial<double>(1);
  std::vector<double> A = kU;
  A.insert(A.end(), kW.begin(), kW.end());
  if (concatenated) {
    set_values<double>(set, values, "cell.A", Tensor<double>(Shape{5, 3}, A));
  } else {
    set_values<double>(set, values, "cell.U", Tensor<double>(Shape{2, 3}, kU));
    set_values<double>(set, values, "cell.W", Tensor<double>(Shape{3, 3}, kW));
  }

  const Sequence x = tape.input("x", 4, batched ? Shape{B, 2} : Shape{2});
  const Var h0 = tape.zeros(batched ? Shape{B, 3} : Shape{3});
  const auto run = unroll(cell, x, AnyCell::State{{h0}, {}});
  const Sequence y = map_steps(run.outputs, [&](Var h) { return sigmoid(head(h)); });
  std::vector<ExpectedVar> expected;
  for (std::size_t t = 0; t < 4; ++t) {
    expected.push_back({"h", run.outputs[t], kHidden[t]});
    expected.push_back({"y", y[t], kOutput[t]});
  }
  const Shape bound = batched ? Shape{4, 1, 2} : Shape{4, 2};
  check_twice(tape, expected, Data().add("x", Tensor<double>(bound, {1, 2, -1, 1, 0, 3, 2, -1})), &values);
}

}  // namespace

TEST_CASE("example 1 (Elman): hidden states and outputs") { check_example(false, true); }
TEST_CASE("example 1 (Elman): one sequence without a batch dimension") { check_example(false, false); }
TEST_CASE("example 1 (Elman): in the concatenated form") {
  check_example(true, true);
  check_example(true, false);
}
