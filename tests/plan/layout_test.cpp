#include <reel/graph/structural.h>
#include <reel/models/cells/gru.h>
#include <reel/models/cells/lstm.h>
#include <reel/models/parameter_set.h>
#include <reel/models/unroll.h>
#include <reel/ops/activation.h>
#include <reel/ops/arithmetic.h>
#include <reel/ops/batch_sum.h>
#include <reel/ops/broadcast.h>
#include <reel/ops/elementary.h>
#include <reel/ops/joining.h>
#include <reel/ops/matmul.h>
#include <reel/ops/reduction.h>
#include <reel/ops/softmax.h>
#include <reel/plan/layout.h>
#include <reel/plan/passes/materialise_roots.h>

#include "network.h"
#include "random_tape/generate.h"

using namespace reel;
using namespace reel::test;

namespace {

// A value as its readers see it, and where it lies.
struct Value {
  NodeId node;
  Index bytes;            // per row
  Index born, dies;       // ticks, included
  bool batched, outside;  // read by another phase, or a root
  ValuePlace place;
};

struct PlacedProgram {
  Program program;
  PhaseSchedule schedule;
  Layout layout;
  std::vector<Index> tick;
  std::vector<std::pair<Index, Index>> phases;  // first and last tick
  std::vector<Value> values;

  PlacedProgram(Program p, Element element)
      : program(std::move(p)), schedule(make_schedule(program)), layout(make_layout(program, schedule, element)) {
    const Tape& tape = *program.tape;
    set_ticks();
    for (NodeId id = 0; id < tape.size(); ++id)
      if (computed(id)) add_values(id, element);
    for (NodeId id = 0; id < tape.size(); ++id)
      if (computed(id))
        for (NodeId x : tape.inputs(id)) read(x, tick[id], schedule.phase_of[id]);
    for (NodeId root : program.roots) read(root, phases.back().second + 1, static_cast<std::uint32_t>(phases.size()));
  }

  bool computed(NodeId id) const { return !program.tape->node(id).op->leaf() && schedule.readings[id].base == id; }

 private:
  // Kernels of a row phase one after the other; those of a wave at once.
  void set_ticks() {
    tick.assign(program.tape->size(), -1);
    Index now = 0;
    for (const Phase& phase : schedule.phases) {
      const Index first = now;
      std::size_t wave = 0;
      for (std::size_t i = 0; i < phase.nodes.size(); ++i) {
        tick[phase.nodes[i]] = now;
        if (phase.kind == PhaseKind::rows || i + 1 == phase.wave_ends[wave]) ++now, ++wave;
      }
      phases.emplace_back(first, now - 1);
    }
  }

  void add_values(NodeId id, Element element) {
    const Node& n = program.tape->node(id);
    const Index outputs = n.op->traits().multi_output ? n.shape.dim(0) : 1;
    const Index size = n.type == Type::id || element == Element::f32 ? 4 : 8;
    for (Index p = 0; p < outputs; ++p) {
      const auto at = layout.first_value[id] + static_cast<std::uint32_t>(p);
      if (values.size() <= at) values.resize(at + 1);
      values[at] = {id, n.shape.row_size() / outputs * size, tick[id], tick[id], n.shape.batched(), false, layout.places[at]};
    }
  }

  void read(NodeId x, Index when, std::uint32_t phase) {
    const Reading& reading = schedule.readings[x];
    if (program.tape->node(reading.base).op->leaf()) return;
    Value& v = values[layout.first_value[reading.base] + static_cast<std::uint32_t>(std::max<Index>(reading.output, 0))];
    v.dies = std::max(v.dies, when);
    v.outside |= schedule.phase_of[reading.base] != phase;
  }
};

bool apart(Index begin, Index bytes, Index other_begin, Index other_bytes) {
  return begin + bytes <= other_begin || other_begin + other_bytes <= begin;
}

bool together(const Value& a, const Value& b) { return a.born <= b.dies && b.born <= a.dies; }

// Some row phase works on both: its blocks of rows may be anywhere in it at one moment.
bool in_one_row_phase(const PlacedProgram& p, const Value& a, const Value& b) {
  for (std::size_t i = 0; i < p.phases.size(); ++i) {
    const auto [first, last] = p.phases[i];
    const auto touches = [&](const Value& v) { return v.born <= last && v.dies >= first; };
    if (p.schedule.phases[i].kind == PhaseKind::rows && touches(a) && touches(b)) return true;
  }
  return false;
}

// How many pairs of rows of two values share a byte while both are needed.
Index clashes(const PlacedProgram& p, const Value& a, const Value& b, Index rows) {
  if (a.place.source != b.place.source || a.bytes == 0 || b.bytes == 0) return 0;
  if (a.place.source == Source::unbatched || a.place.source == Source::cached)
    return together(a, b) && !apart(a.place.offset, a.bytes, b.place.offset, b.bytes);
  Index count = 0;
  for (Index r = 0; r < rows; ++r)
    for (Index s = 0; s < rows; ++s) {
      // A block's scratch is its own: all of its rows are at one kernel. Of what is stored, every row may be a block.
      const bool scratch = a.place.source == Source::scratch;
      if (scratch || r == s ? !together(a, b) : !together(a, b) && !in_one_row_phase(p, a, b)) continue;
      count += !apart(a.place.offset * rows + r * a.bytes, a.bytes, b.place.offset * rows + s * b.bytes, b.bytes);
    }
  return count;
}

Index size_of(const Layout& l, Source source) {
  return source == Source::scratch     ? l.scratch_per_row
         : source == Source::stored    ? l.stored_per_row
         : source == Source::unbatched ? l.unbatched_bytes
                                       : l.cached_bytes;
}

void check_layout(const PlacedProgram& p) {
  Index wrong_source = 0, outside = 0, unaligned = 0, clashing = 0;
  for (const Value& v : p.values) {
    const Source source = v.place.source;
    const PhaseKind kind = p.schedule.phases[p.schedule.phase_of[v.node]].kind;
    if (kind == PhaseKind::rows)
      wrong_source += source == Source::scratch ? v.outside : source != Source::stored;
    else
      wrong_source += source != (kind == PhaseKind::cached ? Source::cached : Source::unbatched);
    outside += v.place.offset < 0 || v.place.offset + v.bytes > size_of(p.layout, source);
    unaligned += v.place.offset % static_cast<Index>(kAlignment) != 0;
  }
  for (std::size_t i = 0; i < p.values.size(); ++i)
    for (std::size_t j = 0; j < i; ++j) clashing += clashes(p, p.values[i], p.values[j], 3);
  CHECK(wrong_source == 0);
  CHECK(outside == 0);
  CHECK(unaligned == 0);
  CHECK(clashing == 0);
}

void check_layouts(const Tape& tape, const std::vector<Var>& outputs) {
  Program p = program_of(tape, outputs);
  const auto materialised = [](const Program& program) { return passes::materialise_roots(program, Element::f32); };
  check_layout(PlacedProgram(materialised(p), Element::f64));
  for (const Pass& pass : default_passes()) p = pass.run(p, Element::f32);
  check_layout(PlacedProgram(materialised(p), Element::f32));
}

// The loss and all gradients of a cell over T steps, of its last output.
template <class Cell>
struct Unroll {
  ParameterSet set;
  Cell cell;
  Tape tape;
  std::vector<Var> outputs;
  Unroll(Index T, Index I, Index H) : cell(set, "cell", I, H) {
    const Var loss = sum(square(unroll(cell, tape.input("x", T, {B, I}), zero_state(tape, cell)).outputs.back()));
    outputs = gradients(loss, set.all());
    outputs.push_back(loss);
  }
  std::size_t bytes(Index rows) const { return compile<float>(tape, outputs).bytes(rows, 1); }
};

Index number_before(const std::string& text, const std::string& words) {
  const auto end = text.find(words);
  REQUIRE(end != std::string::npos);
  const auto begin = text.rfind(' ', end - 1);
  return std::stoll(text.substr(begin + 1, end - begin));
}

}  // namespace

TEST_CASE("layout: on random tapes no two values that are needed at once share a byte of any row") {
  for (std::uint64_t seed = 1; seed <= 150; ++seed) {
    CAPTURE(seed);
    const auto random = build(random_recipe(seed));
    check_layouts(random->tape, random->outputs);
  }
}

TEST_CASE("layout: in recurrent networks and their gradients no two values that are needed at once share a byte") {
  const Network<Lstm> lstm(30);
  check_layouts(lstm.tape, lstm.outputs);
  const Network<Gru> gru(30);
  check_layouts(gru.tape, gru.outputs);
}

namespace {

// A recurrence with batch statistics in every step, and gradients of gradients.
struct Statistics {
  Tape tape;
  std::vector<Var> outputs;
  Data data;
  explicit Statistics(Index T, Index rows) {
    const Sequence x = tape.input("x", T, {B, 5});
    const Var w = tape.input("w", {5, 5});
    Var h = x[0];
    for (const Var& v : x) {
      const Var z = matmul(h, w) + v;
      h = sigmoid(z - batch_mean(z)) * tanh(h);
    }
    const std::vector<Var> first = gradients(mean(square(h)), {{w, x[0], x.back()}});
    outputs = gradients(sum(square(first[0])) + sum(square(first[1])), {{w, x[1]}});
    outputs.insert(outputs.end(), first.begin(), first.end());
    data.add("x", random_tensor({T, rows, 5}, 1)).add("w", random_tensor({5, 5}, 2, 0.5));
  }
};

// Two recurrences of different widths that feed one another, and the gradients of all steps.
struct TwoWidths {
  Tape tape;
  std::vector<Var> outputs;
  Data data;
  explicit TwoWidths(Index T, Index rows) {
    const Sequence x = tape.input("x", T, {B, 16});
    Var narrow = x[0], wide = concat({x[0], x[1]});
    std::vector<Var> terms;
    for (const Var& v : x) {
      narrow = softmax(narrow + v);
      wide = softmax(concat({narrow, v}) + wide);
      terms.push_back(sum(square(narrow)) + sum(exp(wide)));
    }
    outputs = gradients(accumulate(terms), x);
    data.add("x", random_tensor({T, rows, 16}, 1));
  }
};

}  // namespace

TEST_CASE("layout: in recurrences with batch statistics, and at second order, too") {
  const Statistics statistics(6, 1);
  check_layouts(statistics.tape, statistics.outputs);
}

TEST_CASE("layout: plans whose values take turns compute what the interpreter computes, on every number of threads") {
  for (Index rows : {1, 300}) {
    const Statistics statistics(4, rows);
    check_plan(statistics.tape, statistics.outputs, statistics.data, nullptr, nullptr, 1e-4);
    const TwoWidths widths(20, rows);
    check_plan(widths.tape, widths.outputs, widths.data, nullptr, nullptr, 1e-4);
  }
  const Network<Lstm> network(20);  // a step's gates borrow what its neighbour's gradients need later
  const auto values = network.set.initial<double>(7);
  const Batch<double> batch(network, 300, 9);
  check_plan(network.tape, network.outputs, Data().add("x", batch.x).add("y", batch.y), &values, &network.set);
}

TEST_CASE("layout: what one phase needs is block scratch, what another reads is stored, the rest has no B") {
  ParameterSet set;
  const Parameter w = set.add("w", {3});
  Tape tape;
  const Var x = tape.input("x", {B, 3});
  const Var cached = square(tape.parameter(w)), scratch = softmax(x), stored = softmax(scratch * cached),
            total = batch_sum(stored);
  const PlacedProgram p(program_of(tape, {softmax(total)}), Element::f32);
  check_layout(p);
  std::string sources;
  for (const Value& v : p.values)
    sources += v.place.source == Source::cached    ? "cached "
               : v.place.source == Source::scratch ? "scratch "
               : v.place.source == Source::stored  ? "stored "
                                                   : "shared ";
  CHECK(sources == "cached scratch scratch stored shared shared ");
  CHECK(p.layout.stored_per_row == 64);
}

TEST_CASE("layout: stored values of one size take turns, those of another size do not join in") {
  // Two reductions, one after the other: what the first reads is free when the second's is made.
  const auto stored = [](Index first, Index second) {
    Tape tape;
    const Var a = softmax(tape.input("a", {B, first})), mean = sum(batch_mean(a), -1);
    const Var b = softmax(tape.input("b", {B, second}) * mean), end = batch_sum(b);
    const PlacedProgram p(program_of(tape, {end}), Element::f32);
    check_layout(p);
    return p.layout.stored_per_row;
  };
  CHECK(stored(16, 16) == 64);
  CHECK(stored(32, 32) == 128);
  // The same, within one row phase: rows of 64 and of 128 bytes never lie on one another.
  const TwoWidths widths(20, 1);
  const PlacedProgram p(program_of(widths.tape, widths.outputs), Element::f32);
  check_layout(p);
  Index mixed = 0;
  for (const Value& a : p.values)
    for (const Value& b : p.values)
      mixed += a.place.source == Source::stored && b.place.source == Source::stored && a.bytes != b.bytes &&
               in_one_row_phase(p, a, b) && !apart(a.place.offset, a.bytes, b.place.offset, b.bytes);
  CHECK(mixed == 0);
}

TEST_CASE("layout: a root is kept to the end, and a value nobody reads has a place of its own while it is made") {
  Tape tape;
  const Var x = tape.input("x", {B, 4});
  Var y = softmax(x);
  const Var root = y;
  for (int i = 0; i < 10; ++i) y = softmax(y);
  const Var end = batch_sum(y);
  const PlacedProgram p(program_of(tape, {end, root}), Element::f64);
  check_layout(p);
  CHECK(p.layout.stored_per_row == 128);
  CHECK(p.layout.scratch_per_row == 128);
}

TEST_CASE("layout: a workspace grows linearly with steps and with rows") {
  const Unroll<Lstm> a(16, 16, 8), b(32, 16, 8), c(48, 16, 8), d(64, 16, 8);
  for (Index rows : {1, 8, 200}) {
    CAPTURE(rows);
    const std::size_t step = c.bytes(rows) - b.bytes(rows);
    CHECK(b.bytes(rows) - a.bytes(rows) == step);
    CHECK(d.bytes(rows) - c.bytes(rows) == step);
  }
  const auto plan = compile<float>(a.tape, a.outputs);
  CHECK(plan.bytes(384, 1) - plan.bytes(256, 1) == plan.bytes(256, 1) - plan.bytes(128, 1));
  CHECK(plan.bytes(1280, 1) < 10 * plan.bytes(128, 1));
}

TEST_CASE("layout: training an LSTM keeps little more than six numbers per unit, row and step") {
  constexpr Index rows = 8, T = 64, I = 16, H = 32;
  const Unroll<Lstm> network(T, I, H);
  const auto plan = compile<float>(network.tape, network.outputs);
  const std::string text = plan.text();
  const Index of_rows = rows * (number_before(text, " bytes stored") + number_before(text, " of block scratch"));
  CHECK(of_rows <= 4 * rows * T * 6 * H * 5 / 4);
  CHECK(of_rows >= 4 * rows * T * 5 * H);  // four gates and the memory cannot be done without
}
