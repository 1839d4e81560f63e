#include <reel/models/cells/any_cell.h>
#include <reel/models/cells/cell_kinds.h>
#include <reel/models/cells/gru.h>
#include <reel/models/cells/lstm.h>
#include <reel/models/initializers.h>
#include <reel/models/parameter_set.h>
#include <reel/models/unroll.h>
#include <reel/ops/arithmetic.h>
#include <reel/ops/elementary.h>
#include <reel/ops/joining.h>
#include <reel/ops/reduction.h>

#include "support.h"

using namespace reel;
using namespace reel::test;

TEST_CASE("cell kinds: every name makes a cell of I inputs that shows H units") {
  CHECK(cell_names().size() == cell_kinds().size());
  for (const CellKind& kind : cell_kinds()) CHECK_FALSE(kind.about.empty());
  constexpr Index I = 2, H = 3;
  for (const std::string& kind : cell_names()) {
    CAPTURE(kind);
    Tape tape;
    ParameterSet set;
    const AnyCell cell = make_cell(kind, set, "cell", I, H, {.weights = init::uniform(0.7), .bias = init::uniform(0.5)});
    CHECK(set.size() > 0);
    for (const Parameter& p : set.all()) CHECK(p.name().starts_with("cell."));
    const auto run = unroll(cell, tape.input("x", 3, {B, I}), zero_state(tape, cell));
    CHECK(run.outputs.back().shape() == Shape{B, H});
    const Var loss = sum(square(stack(run.outputs)));
    std::vector<Var> wrt;
    for (const Parameter& p : set.all()) wrt.push_back(tape.parameter(p));
    const ParameterValues<double> values = set.initial<double>(1);
    const Data data = Data().add("x", random_tensor({3, 2, I}, 1));
    check_gradient(loss, wrt, data, &values);
    check_plan(tape, gradients(loss, wrt), data, &values, &set);
  }
}

TEST_CASE("cell kinds: a name makes the cell that its class makes") {
  constexpr Index I = 2, H = 3;
  const auto shown = [](const std::string& kind) {
    Tape tape;
    ParameterSet set;
    const AnyCell cell = kind == "Lstm"  ? AnyCell(Lstm(set, "cell", I, H))
                         : kind == "Gru" ? AnyCell(Gru(set, "cell", I, H))
                                         : make_cell(kind, set, "cell", I, H);
    const Var y = stack(unroll(cell, tape.input("x", 4, {B, I}), zero_state(tape, cell)).outputs);
    const ParameterValues<double> values = set.initial<double>(1);
    const auto run = interpret<double>(tape, {{"x", random_tensor({4, 2, I}, 1)}}, &values);
    return std::vector<double>(run.value(y).begin(), run.value(y).end());
  };
  CHECK(shown("lstm") == shown("Lstm"));
  CHECK(shown("gru") == shown("Gru"));
  CHECK(shown("gru") != shown("gru-reset-after"));
  CHECK(shown("lstm") != shown("peephole-lstm"));
}

TEST_CASE("cell kinds: an unknown name is refused with the known ones, and adds nothing") {
  ParameterSet set;
  for (const char* name : {"LSTM", "", "deep"})
    check_throws<InputError>([&] { make_cell(name, set, "cell", 2, 3); },
                             {(std::string("\"") + name + "\"").c_str(), "elman, elman-concat, jordan", "peephole-lstm"});
  CHECK(set.size() == 0);
}
