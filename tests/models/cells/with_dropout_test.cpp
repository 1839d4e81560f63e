#include <reel/graph/mode.h>
#include <reel/models/bidirectional.h>
#include <reel/models/cells/any_cell.h>
#include <reel/models/cells/elman.h>
#include <reel/models/cells/gru.h>
#include <reel/models/cells/jordan.h>
#include <reel/models/cells/lstm.h>
#include <reel/models/cells/recurrent_cell.h>
#include <reel/models/cells/with_dropout.h>
#include <reel/models/layers.h>
#include <reel/models/parameter_set.h>
#include <reel/models/unroll.h>
#include <reel/ops/arithmetic.h>
#include <reel/ops/dropout.h>
#include <reel/ops/elementary.h>
#include <reel/ops/softmax.h>

#include <set>

#include "models/cells/cell_table.h"
#include "models/plain_loops.h"
#include "network.h"

using namespace reel;
using namespace reel::test;

namespace {

constexpr DropoutRates kRates{.input = 0.3, .recurrent = 0.45};
constexpr std::uint64_t kSeed = 11;

// Shows what a cell is given: x, and what is fed back, beside a state that stays as it is.
struct Echo {
  struct State {
    Var h, x, recurrent;
    std::vector<Var*> parts() { return {&h}; }
  };
  Index H;
  State step(Var x, const State& s) const { return step(x, s, s.h); }
  State step(Var x, const State& s, Var recurrent) const { return {s.h, x, recurrent}; }
  Var recurrent(const State& s) const { return s.h; }
  std::vector<StatePart> state_layout() const { return {{"h", {B, H}}}; }
};
static_assert(RecurrentDropoutCell<Echo> && SizedCell<WithDropout<Echo>>);

// An Echo over inputs and states of ones, whose values are the masks.
struct Masks {
  static constexpr Index I = 37, H = 26;
  Tape tape;
  Unrolled<WithDropout<Echo>::State> run;
  Index rows, T;
  std::vector<Var> outputs;

  Masks(Index rows, Index T, DropoutRates rates = kRates) : rows(rows), T(T) {
    const WithDropout<Echo> cell(Echo{H}, rates, Mode::training);
    run = unroll(cell, tape.input("x", T, {B, I}), input_state(tape, cell, "s"));
    for (const auto& s : run.states) outputs.insert(outputs.end(), {s.cell.x, s.cell.recurrent});
  }
  Data data() const { return Data().add("x", ones(Shape{T, rows, I})).add("s.h", ones(Shape{rows, H})); }
  static Tensor<double> ones(const Shape& shape) {
    return Tensor<double>(shape, std::vector<double>(static_cast<std::size_t>(shape.row_size()), 1.0));
  }
  // What every output is in one run after another.
  template <class T>
  std::vector<std::vector<std::vector<T>>> runs(int count, std::uint64_t seed, int threads) const {
    const auto plan = compile<T>(tape, outputs);
    Workspace<T> workspace(plan, nullptr, ThreadPool(threads), seed);
    const Data numbers = data();
    std::vector<std::vector<std::vector<T>>> all;
    for (int r = 0; r < count; ++r) {
      plan.run(workspace, numbers.bindings<T>());
      all.emplace_back();
      for (const Var& v : outputs) all.back().emplace_back(workspace.value(v).begin(), workspace.value(v).end());
    }
    return all;
  }
};

// Every cell that takes what is fed back apart.
struct Maker {
  std::string name;
  // Over T steps of {B, 3} with 5 units; plain: without WithDropout.
  std::function<AnyCell(ParameterSet&, DropoutRates, Mode, bool plain)> make;
};
template <class Cell, class... More>
Maker maker(const std::string& name, More... more) {
  return {name, [more...](ParameterSet& set, DropoutRates rates, Mode mode, bool plain) {
            const Cell cell(set, "cell", 3, 5, more..., drawn());
            return plain ? AnyCell(cell) : AnyCell(WithDropout(cell, rates, mode));
          }};
}
std::vector<Maker> makers() {
  return {maker<Elman>("Elman"),
          maker<ElmanConcat>("ElmanConcat"),
          maker<Jordan, Index, Activation>("Jordan", 4, softmax),
          maker<Gru>("Gru"),
          maker<GruResetAfter>("GruResetAfter"),
          maker<Lstm>("Lstm"),
          maker<FirstGenerationLstm>("FirstGenerationLstm"),
          maker<PeepholeLstm>("PeepholeLstm")};
}

// As a TestedCell for CellOverTime, of 3 inputs and 5 units.
TestedCell kind_of(const Maker& m, DropoutRates rates, Mode mode, bool plain = false) {
  return {m.name, [=](ParameterSet& set, Index, Index) { return m.make(set, rates, mode, plain); }};
}

int masks_on(const Tape& tape) { return count_ops(tape, "dropout_mask"); }

std::vector<Var> with_gradients(CellOverTime& c) {
  std::vector<Var> outputs{c.loss};
  for (const Var& y : c.run.outputs) outputs.push_back(y);
  for (const Var& g : gradients(c.loss, c.leaves())) outputs.push_back(g);
  return outputs;
}

std::vector<std::string> bits_of(CellOverTime& c) {
  const std::vector<Var> outputs = with_gradients(c);
  return bits_of_run<double>(compile<double>(c.tape, outputs), outputs, c.data.bindings<double>(), 1, &c.values);
}

}  // namespace

TEST_CASE("dropout of cells: one mask per sequence, of zeros and of 1 / (1 - rate)") {
  const Masks m(50, 4);
  CHECK(masks_on(m.tape) == 2);
  const auto run = m.runs<double>(1, kSeed, 1)[0];
  for (std::size_t k : {0u, 1u}) {
    CAPTURE(k);
    const double rate = k == 0 ? kRates.input : kRates.recurrent;
    std::set<double> numbers(run[k].begin(), run[k].end());
    CHECK(numbers == std::set<double>{0, 1 / (1 - rate)});
    for (std::size_t t = 1; t < 4; ++t) CHECK(run[2 * t + k] == run[k]);
    const auto dropped = static_cast<double>(std::ranges::count(run[k], 0.0));
    const auto n = static_cast<double>(run[k].size());
    CHECK(std::abs(dropped / n - rate) < 4 * std::sqrt(rate * (1 - rate) / n));
    const std::size_t width = run[k].size() / 50;  // no row is dropped as another is
    std::set<std::vector<double>> rows;
    for (std::size_t r = 0; r < 50; ++r)
      rows.emplace(run[k].begin() + static_cast<std::ptrdiff_t>(r * width),
                   run[k].begin() + static_cast<std::ptrdiff_t>((r + 1) * width));
    CHECK(rows.size() == 50);
  }
}

TEST_CASE("dropout of cells: what reads and what writes after it have masks of their own, also of other rates and sizes") {
  Tape tape;
  ParameterSet set;
  const AnyCell reader = WithDropout(Lstm(set, "reader", 5, 4), {.3, .2}, Mode::training),
                writer = WithDropout(Lstm(set, "writer", 3, 4), {.6, .4}, Mode::training),
                bare = WithDropout(Lstm(set, "bare", 3, 4), {.6, .4}, Mode::inference);
  const auto read = unroll(reader, tape.input("x", 3, {B, 5}), zero_state(tape, reader));
  CHECK(masks_on(tape) == 2);
  const Sequence words = tape.input("words", 2, {B, 3});
  unroll(writer, words, read.last);
  CHECK(masks_on(tape) == 4);
  unroll(bare, words, read.last);
  CHECK(masks_on(tape) == 4);
}

TEST_CASE("dropout of cells: every run, seed and direction draws its own masks") {
  const Masks m(4, 2);
  const auto runs = m.runs<double>(3, kSeed, 1), again = m.runs<double>(3, kSeed, 1), other = m.runs<double>(1, kSeed + 1, 1);
  CHECK(runs == again);
  CHECK(runs[0] != runs[1]);
  CHECK(runs[1] != runs[2]);
  CHECK(runs[0] != other[0]);
  Tape tape;
  const WithDropout<Echo> cell(Echo{Masks::I}, kRates, Mode::training);
  const auto both = Bidirectional(cell, cell)(tape.input("x", 2, {B, Masks::I}));
  CHECK(masks_on(tape) == 4);
  CHECK(both.outputs.size() == 2);
}

TEST_CASE("dropout of cells: the same masks in plan and interpreter, in float and double, on any number of threads") {
  const Masks m(130, 3);  // more than a block of rows
  const auto first = m.runs<double>(2, kSeed, 1);
  const Data data = m.data();
  for (std::size_t r = 0; r < 2; ++r) {
    Interpreter<double> oracle(m.tape, data.bindings<double>(), nullptr, RunContext{.rows = 130, .seed = kSeed, .run = r});
    oracle.evaluate();
    for (std::size_t i = 0; i < m.outputs.size(); ++i) CHECK(std::ranges::equal(oracle.value(m.outputs[i]), first[r][i]));
  }
  for (int threads : {2, 3, 8}) CHECK(m.runs<double>(2, kSeed, threads) == first);
  for (int threads : {1, 2, 3, 8}) {
    const auto single = m.runs<float>(2, kSeed, threads);
    for (std::size_t r = 0; r < 2; ++r)
      for (std::size_t i = 0; i < m.outputs.size(); ++i)
        CHECK(std::ranges::equal(single[r][i], first[r][i], {}, {}, [](double x) { return static_cast<float>(x); }));
  }
}

TEST_CASE("dropout of cells: every kind of cell is among those that dropout is tested with") {
  CHECK(makers().size() == cell_kinds().size());
}

TEST_CASE("dropout of cells: a rate of 0 and inference are the bare cell, bit for bit") {
  for (const Maker& m : makers()) {
    CAPTURE(m.name);
    CellOverTime bare(kind_of(m, {}, Mode::training, true), 3, 5, 4, 3);
    const auto expected = bits_of(bare);
    for (const bool inference : {false, true}) {
      const TestedCell kind = inference ? kind_of(m, kRates, Mode::inference) : kind_of(m, {}, Mode::training);
      CellOverTime c(kind, 3, 5, 4, 3);
      CHECK(bits_of(c) == expected);
      CHECK(masks_on(c.tape) == 0);
    }
  }
}

TEST_CASE("dropout of cells: gradients agree with the complex step, plans with the interpreter") {
  for (const Maker& m : makers())
    for (const DropoutRates rates : {kRates, DropoutRates{.input = 0.3}, DropoutRates{.recurrent = 0.4}})
      for (Index T : {1, 5}) {
        CAPTURE(m.name);
        CAPTURE(T);
        CellOverTime c(kind_of(m, rates, Mode::training), 3, 5, T, 3);
        CHECK(masks_on(c.tape) == (rates.input > 0) + (rates.recurrent > 0));
        const std::vector<Var> outputs = with_gradients(c);
        check_plan(c.tape, outputs, c.data, &c.values, &c.set);
        GradientCheckOptions options{.most_elements = 12};
        options.context.seed = kSeed;
        const auto report = check_gradients(c.loss, c.leaves(), c.data.bindings<double>(), &c.values, options);
        INFO(report.text());
        CHECK(report.ok());
      }
}

namespace {

// The cell's equations in plain loops, with masks that another tape draws: key 0 for the input, key 1 for what is fed back.
template <class Cell, class State>
void check_masked_equations(State begin) {
  constexpr Index T = 5, rows = 3, I = 2, H = 4;
  Tape tape, masks;
  ParameterSet set;
  const Cell bare(set, "cell", I, H, drawn());
  const WithDropout<Cell> cell(bare, kRates, Mode::training);
  const auto values = set.initial<double>(2);
  const Tensor<double> x = random_tensor(Shape{T, rows, I}, 8);
  const auto run = unroll(cell, tape.input("x", T, {B, I}), zero_state(tape, cell));
  const Var of_x = dropout_mask(masks, {B, I}, kRates.input), of_h = dropout_mask(masks, {B, H}, kRates.recurrent);
  const Data data = Data().add("x", x);
  const RunContext context{.rows = rows, .seed = kSeed};
  Interpreter<double> drawn_masks(masks, {}, nullptr, context, rows), given(tape, data.bindings<double>(), &values, context);
  drawn_masks.evaluate(), given.evaluate();
  const auto row = [](TensorView<const double> v, Index r, Index n) {
    return plain::Row{{v.data() + r * n, v.data() + (r + 1) * n}};
  };
  const plain::Numbers numbers(values);
  for (Index r = 0; r < rows; ++r) {
    const plain::Row mask_x = row(drawn_masks.value(of_x), r, I), mask_h = row(drawn_masks.value(of_h), r, H);
    State s = begin;
    for (Index t = 0; t < T; ++t) {
      const plain::Row& h = [&]() -> const plain::Row& {
        if constexpr (std::same_as<State, plain::Row>)
          return s;
        else
          return s.h;
      }();
      s = plain::step(numbers, bare, plain::row_of(x, t, rows, r, I) * mask_x, s, h * mask_h);
      const auto shown = row(given.value(run.outputs[static_cast<std::size_t>(t)]), r, H);
      if constexpr (std::same_as<State, plain::Row>)
        check_close(TensorView<const double>(s.v.data(), Shape{H}), shown.v, 1e-14);
      else
        check_close(TensorView<const double>(s.h.v.data(), Shape{H}), shown.v, 1e-14);
    }
  }
}

}  // namespace

TEST_CASE("dropout of cells: masks act within the products, on nothing else") {
  const plain::Row zeros = plain::zeros(4);
  check_masked_equations<Gru>(zeros);
  check_masked_equations<GruResetAfter>(zeros);
  check_masked_equations<FirstGenerationLstm>(zeros);
  check_masked_equations<Lstm>(plain::Memory{zeros, zeros});
  check_masked_equations<PeepholeLstm>(plain::Memory{zeros, zeros});
}

TEST_CASE("dropout of cells: what a GRU's z and an LSTM's f keep is not dropped") {
  constexpr DropoutRates almost_all{.input = 0.9, .recurrent = 0.9};
  Tape tape;
  ParameterSet set;
  const WithDropout gru(Gru(set, "gru", 2, 3), almost_all, Mode::training);
  const WithDropout lstm(Lstm(set, "lstm", 2, 3), almost_all, Mode::training);
  auto values = set.initial<double>(2);
  std::ranges::fill(values.edit(gru.cell().z.b), 800.0);
  std::ranges::fill(values.edit(lstm.cell().f.b), 800.0);
  std::ranges::fill(values.edit(lstm.cell().i.b), -800.0);
  const Sequence x = tape.input("x", 9, {B, 2});
  const auto a = unroll(gru, x, input_state(tape, gru, "gru"));
  const auto b = unroll(lstm, x, input_state(tape, lstm, "lstm"));
  const Tensor<double> h0 = random_tensor(Shape{2, 3}, 1);
  const Data data = Data().add("x", random_tensor(Shape{9, 2, 2}, 8)).add("gru.h", h0).add("lstm.h", h0).add("lstm.c", h0);
  const auto run = interpret<double>(tape, data.bindings<double>(), &values);
  for (const Var& kept : {a.last.cell, b.last.cell.c})
    for (Index i = 0; i < h0.size(); ++i) CHECK(run.value(kept)[i] == h0[i]);
}

TEST_CASE("dropout of cells: rates are below 1 and not negative") {
  Tape tape;
  ParameterSet set;
  const Elman cell(set, "cell", 2, 3);
  const Sequence x = tape.input("x", 1, {B, 2});
  for (const double rate : {1.0, -0.1, std::nan("")}) {
    CAPTURE(rate);
    const WithDropout input(cell, {.input = rate}, Mode::training), recurrent(cell, {.recurrent = rate}, Mode::training);
    check_throws<InputError>([&] { unroll(input, x, zero_state(tape, input)); }, {"dropout", "rate"});
    check_throws<InputError>([&] { unroll(recurrent, x, zero_state(tape, recurrent)); }, {"dropout", "rate"});
  }
}
