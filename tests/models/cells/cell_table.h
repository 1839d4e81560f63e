// Every cell of the library, for tests that hold for all of them: what cell_kinds() lists, and compositions.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include <reel/graph/mode.h>
#include <reel/graph/structural.h>
#include <reel/models/cells/any_cell.h>
#include <reel/models/cells/cell_kinds.h>
#include <reel/models/cells/cell_options.h>
#include <reel/models/cells/deep.h>
#include <reel/models/cells/elman.h>
#include <reel/models/cells/gru.h>
#include <reel/models/cells/jordan.h>
#include <reel/models/cells/lstm.h>
#include <reel/models/cells/recurrent_cell.h>
#include <reel/models/cells/with_dropout.h>
#include <reel/models/initializers.h>
#include <reel/models/parameter_set.h>
#include <reel/models/unroll.h>
#include <reel/ops/activation.h>
#include <reel/ops/arithmetic.h>
#include <reel/ops/elementary.h>
#include <reel/ops/joining.h>
#include <reel/ops/reduction.h>
#include <reel/ops/softmax.h>

#include "support.h"

namespace reel::test {

struct TestedCell {
  std::string name;
  std::function<AnyCell(ParameterSet&, Index I, Index H)> make;
};

// Biases are drawn too, so that no gradient is tested at a special point.
inline CellOptions drawn() { return {.weights = init::uniform(0.7), .bias = init::uniform(0.5)}; }

inline AnyCell deep_of(ParameterSet& set, Index I, Index H, int layers) {
  std::vector<AnyCell> stack{Lstm(set, "0", I, H, drawn())};
  if (layers > 1) stack.emplace_back(Gru(set, "1", H, H + 1, drawn()));
  if (layers > 2) stack.emplace_back(Elman(set, "2", H + 1, H, drawn()));
  return Deep(std::move(stack));
}

// The library's kinds under their names, in the order of its list, and what can be made of them.
inline std::vector<TestedCell> every_cell() {
  std::vector<TestedCell> all;
  for (const CellKind& kind : cell_kinds())
    all.push_back({std::string(kind.name),
                   [make = kind.make](ParameterSet& set, Index I, Index H) { return make(set, "cell", I, H, drawn()); }});
  const std::vector<TestedCell> made{
      {"Jordan, softmax",
       [](ParameterSet& set, Index I, Index H) { return AnyCell(Jordan(set, "cell", I, H, 3, softmax, drawn())); }},
      {"Jordan, sigmoid",
       [](ParameterSet& set, Index I, Index H) { return AnyCell(Jordan(set, "cell", I, H, 2, sigmoid, drawn())); }},
      {"Jordan, identity",
       [](ParameterSet& set, Index I, Index H) { return AnyCell(Jordan(set, "cell", I, H, 2, identity, drawn())); }},
      {"DeepJordan of 1",
       [](ParameterSet& set, Index I, Index H) { return AnyCell(DeepJordan(set, "cell", I, {H}, 3, softmax, drawn())); }},
      {"DeepJordan of 3",
       [](ParameterSet& set, Index I, Index H) {
         return AnyCell(DeepJordan(set, "cell", I, {H, 4, H}, 2, sigmoid, drawn()));
       }},
      {"Gru with dropout, inference",
       [](ParameterSet& set, Index I, Index H) {
         return AnyCell(WithDropout(Gru(set, "cell", I, H, drawn()), {.input = .3, .recurrent = .4}, Mode::inference));
       }},
      {"Deep of 1", [](ParameterSet& set, Index I, Index H) { return deep_of(set, I, H, 1); }},
      {"Deep of 2", [](ParameterSet& set, Index I, Index H) { return deep_of(set, I, H, 2); }},
      {"Deep of 3", [](ParameterSet& set, Index I, Index H) { return deep_of(set, I, H, 3); }},
  };
  all.insert(all.end(), made.begin(), made.end());
  return all;
}

inline TestedCell cell_called(const std::string& name) {
  for (const TestedCell& cell : every_cell())
    if (cell.name == name) return cell;
  throw InputError("there is no cell " + name + " in the table");
}

// A cell over T steps with an input state, and a loss that weighs every output and the final state unevenly.
struct CellOverTime {
  Tape tape;
  ParameterSet set;
  AnyCell cell;
  Unrolled<AnyCell::State> run;
  Var loss;
  ParameterValues<double> values;
  Data data;

  CellOverTime(const TestedCell& kind, Index I, Index H, Index T, Index rows) : cell(kind.make(set, I, H)) {
    const AnyCell::State initial = input_state(tape, cell, "initial");
    run = unroll(cell, tape.input("x", T, {B, I}), initial);
    std::vector<Var> terms;
    for (std::size_t t = 0; t < run.outputs.size(); ++t)
      terms.push_back(sum(square(run.outputs[t] - 0.1 * static_cast<double>(t % 7))));
    for (const Var& part : run.last.vars) terms.push_back(0.7 * sum(part));
    loss = accumulate(terms);
    values = set.initial<double>(3);
    data.add("x", random_tensor(Shape{T, rows, I}, 5, 0.8));
    for (const StatePart& part : cell.state_layout())
      data.add("initial." + part.name, random_tensor(part.shape.bind(rows), 6, 0.5));
  }

  // The parameters, the first step's input, and the initial state.
  std::vector<Var> leaves() {
    std::vector<Var> all;
    for (const Parameter& p : set.all()) all.push_back(tape.parameter(p));
    for (NodeId id = 0; id < tape.size(); ++id)
      if (const LeafInfo* leaf = tape.node(id).op->leaf(); leaf && leaf->kind == LeafInfo::Kind::input && leaf->step <= 0)
        all.push_back(tape.var(id));
    return all;
  }
};

}  // namespace reel::test
