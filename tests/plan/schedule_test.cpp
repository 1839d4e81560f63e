#include <reel/graph/structural.h>
#include <reel/models/cells/lstm.h>
#include <reel/models/parameter_set.h>
#include <reel/ops/activation.h>
#include <reel/ops/arithmetic.h>
#include <reel/ops/batch_sum.h>
#include <reel/ops/broadcast.h>
#include <reel/ops/dropout.h>
#include <reel/ops/elementary.h>
#include <reel/ops/joining.h>
#include <reel/ops/matmul.h>
#include <reel/ops/reduction.h>
#include <reel/ops/reshape.h>
#include <reel/ops/selection.h>
#include <reel/plan/passes/dead_code.h>
#include <reel/plan/schedule.h>

#include "network.h"

using namespace reel;
using namespace reel::test;

namespace {

std::string kinds(const PhaseSchedule& s) {
  std::string all;
  for (const Phase& phase : s.phases)
    all += phase.kind == PhaseKind::cached ? "cached " : phase.kind == PhaseKind::unbatched ? "shared " : "rows ";
  return all;
}

// Everything a node reads is computed in an earlier phase, an earlier wave, or earlier in the same row phase.
void check_order(const Program& p, const PhaseSchedule& s) {
  const Tape& tape = *p.tape;
  std::vector<int> tick(tape.size(), -1);
  int now = 0;
  for (const Phase& phase : s.phases) {
    std::size_t wave = 0;
    for (std::size_t i = 0; i < phase.nodes.size(); ++i) {
      tick[phase.nodes[i]] = now;
      if (phase.kind == PhaseKind::rows || i + 1 == phase.wave_ends[wave]) ++now, ++wave;
    }
  }
  for (NodeId id = 0; id < tape.size(); ++id) {
    const bool computed = !tape.node(id).op->leaf() && s.readings[id].base == id;
    CHECK((tick[id] >= 0) == computed);
    if (!computed) continue;
    const Phase& mine = s.phases[s.phase_of[id]];
    CHECK((mine.kind == PhaseKind::rows) == tape.node(id).shape.batched());
    for (NodeId x : tape.inputs(id)) {
      const NodeId base = s.readings[x].base;
      if (tape.node(base).op->leaf()) continue;
      CHECK(tick[base] < tick[id]);
      const bool reduction = tape.node(base).shape.batched() && !tape.node(id).shape.batched();
      if (reduction) CHECK(s.phase_of[base] < s.phase_of[id]);
    }
  }
}

}  // namespace

TEST_CASE("schedule: parameters alone are cached, inputs without B shared, rows in between reductions") {
  ParameterSet set;
  const Parameter w = set.add("w", {3});
  Tape tape;
  const Var x = tape.input("x", {B, 3}), scale = tape.input("scale", {3});
  const Var squared = square(tape.parameter(w)), scaled = tanh(scale) * squared;
  const Var rows = x * scaled, total = batch_sum(rows), back = x * total, end = batch_sum(exp(back)) + 1.0;
  const Program p = program_of(tape, {end});
  const PhaseSchedule s = make_schedule(p);
  CHECK(kinds(s) == "cached shared rows shared rows shared ");
  check_order(p, s);
}

TEST_CASE("schedule: batch size and dropout masks vary from run to run, so they are not cached") {
  Tape tape;
  const Var n = tape.batch_size() * 2.0;
  const Var mask = dropout_mask(tape, {3}, 0.5);
  CHECK(kinds(make_schedule(program_of(tape, {n}))) == "shared ");
  CHECK(kinds(make_schedule(program_of(tape, {mask}))) == "shared ");
  CHECK(kinds(make_schedule(program_of(tape, {square(tape.constant(3.0))}))) == "cached ");
}

TEST_CASE("schedule: independent nodes without B are one wave, dependent ones follow") {
  Tape tape;
  const Var x = tape.input("x", {4});
  const Var a = tanh(x), b = exp(x), c = sigmoid(x), d = a * b, e = d + c;
  const Program p = program_of(tape, {e});
  const PhaseSchedule s = make_schedule(p);
  REQUIRE(s.phases.size() == 1);
  CHECK(s.phases[0].wave_ends == std::vector<std::uint32_t>{3, 4, 5});
  check_order(p, s);
}

TEST_CASE("schedule: a view between waves does not hide the dependence") {
  Tape tape;
  const Var x = tape.input("x", {4});
  const Var a = tanh(x), view = reshape(a, {2, 2}), b = exp(view), c = sigmoid(reshape(b, {4})) + a;
  const Program p = program_of(tape, {c});
  const PhaseSchedule s = make_schedule(p);
  CHECK(s.phases[0].wave_ends.size() == 4);
  check_order(p, s);
}

TEST_CASE("schedule: views read the memory of what they view") {
  Tape tape;
  const Var x = tape.input("x", {B, 6}), w = tape.input("w", {1});
  const Var h = tanh(x), part = slice(h, -1, 2, 6), deeper = slice(reshape(part, {B, 4, 1}), 0, 1, 3);
  const Var wide = broadcast(w, {B, 4}), y = part + wide, z = exp(deeper);
  const Program p = program_of(tape, {y, z});
  const PhaseSchedule s = make_schedule(p);
  const auto reading = [&](const char* op, const Shape& shape) {
    for (NodeId id = 0; id < p.tape->size(); ++id)
      if (p.tape->node(id).op->name() == op && p.tape->node(id).shape == shape) return s.readings[id];
    return Reading{};
  };
  const NodeId tanh_node = reading("tanh", {B, 6}).base;
  CHECK(p.tape->node(tanh_node).op->name() == "tanh");
  CHECK(reading("slice", {B, 4}).base == tanh_node);
  CHECK(reading("slice", {B, 4}).offset == 2);
  CHECK(reading("slice", {B, 2, 1}).base == tanh_node);
  CHECK(reading("slice", {B, 2, 1}).offset == 3);
  CHECK(reading("broadcast", {B, 4}).repeats_row);
  CHECK(reading("broadcast", {B, 4}).splat);
  check_order(p, s);
}

TEST_CASE("schedule: one element is repeated in memory where an op reads whole rows") {
  Tape tape;
  const Var x = tape.input("x", {B, 1});
  const Var wide = broadcast(x, {B, 4});
  const Var y = matmul(wide, tape.constant(random_tensor({4, 2}, 1)));
  const Program p = program_of(tape, {y});
  const PhaseSchedule s = make_schedule(p);
  for (NodeId id = 0; id < p.tape->size(); ++id)
    if (p.tape->node(id).op->name() == "broadcast") CHECK(s.readings[id].base == id);
  check_plan(tape, {{y}}, Data().add("x", random_tensor({5, 1}, 2)));
}

TEST_CASE("schedule: orders whole networks, their gradients and second order") {
  Network<Lstm> network(3);
  std::vector<NodeId> roots;
  std::vector<Var> squares;
  for (const Var& v : network.outputs) squares.push_back(sum(square(v)));
  for (const Var& v : gradients(accumulate(squares), network.set.all())) roots.push_back(v.id());
  Program p = passes::live_part(network.tape, roots);
  check_order(p, make_schedule(p));
  for (const Pass& pass : default_passes()) p = pass.run(p, Element::f32);
  check_order(p, make_schedule(p));
}
