#include <reel/models/generation/decoder.h>

#include <reel/models/cells/any_cell.h>
#include <reel/models/cells/cell_kinds.h>
#include <reel/models/cells/elman.h>
#include <reel/models/cells/gru.h>
#include <reel/models/cells/lstm.h>
#include <reel/models/cells/recurrent_cell.h>
#include <reel/models/layers.h>
#include <reel/models/lengths.h>
#include <reel/models/parameter_set.h>
#include <reel/models/unroll.h>
#include <reel/ops/activation.h>
#include <reel/ops/arithmetic.h>
#include <reel/ops/elementary.h>
#include <reel/ops/joining.h>
#include <reel/ops/loss.h>
#include <reel/ops/reduction.h>
#include <reel/ops/selection.h>

#include "models/cells/cell_table.h"
#include "models/plain_loops.h"

using namespace reel;
using namespace reel::test;
using plain::Row;

namespace {

std::vector<double> numbers(TensorView<const double> x) { return {x.begin(), x.end()}; }

std::vector<Var> parameters_on(Tape& tape, const ParameterSet& set) {
  std::vector<Var> all;
  for (const Parameter& p : set.all()) all.push_back(tape.parameter(p));
  return all;
}

// x U + v U' + h W + b with U = [U; U'], what stands beside h in a gate whose first step sees v.
struct Gates {
  const plain::Numbers& p;
  const ParameterValues<double>& values;
  Row x, v;  // v: empty where it is not seen

  Row operator()(const Parameter& U, const Row& h, const Parameter& W, const Parameter& b) const {
    Row sum = p.product(h, W) + p(b);
    const Index H = U.shape().last();
    const auto add = [&](const Row& input, std::size_t first_row) {
      for (std::size_t i = 0; i < input.size(); ++i)
        for (std::size_t j = 0; j < sum.size(); ++j)
          sum.v[j] += input.v[i] * values[U][static_cast<Index>(first_row + i) * H + static_cast<Index>(j)];
    };
    add(x, 0);
    add(v, x.size());
    return sum;
  }
};

plain::Memory step(const Gates& gate, const Elman& c, const plain::Memory& s) {
  return {tanh(gate(c.a.U, s.h, c.a.W, c.a.b)), s.c};
}
plain::Memory step(const Gates& gate, const Gru& c, const plain::Memory& s) {
  const Row r = sigmoid(gate(c.r.U, s.h, c.r.W, c.r.b)), z = sigmoid(gate(c.z.U, s.h, c.z.W, c.z.b));
  return {z * s.h + one_minus(z) * tanh(gate(c.n.U, r * s.h, c.n.W, c.n.b)), s.c};
}
plain::Memory step(const Gates& gate, const Lstm& c, const plain::Memory& s) {
  const Row i = sigmoid(gate(c.i.U, s.h, c.i.W, c.i.b)), f = sigmoid(gate(c.f.U, s.h, c.f.W, c.f.b));
  const Row next = f * s.c + i * tanh(gate(c.g.U, s.h, c.g.W, c.g.b));
  return {sigmoid(gate(c.o.U, s.h, c.o.W, c.o.b)) * tanh(next), next};
}

template <class Cell>
void check_first_input() {
  constexpr Index I = 2, D = 3, H = 4, T = 3, rows = 2;
  Tape tape;
  ParameterSet set;
  const Cell cell(set, "cell", I + D, H, drawn());
  const FirstInput seeing(cell, D);
  const Var v = tape.input("v", {B, D});
  const Sequence x = tape.input("x", T, {B, I}), h = unroll(seeing, x, seeing.begin(v)).outputs;
  const Data data = Data().add("x", random_tensor({T, rows, I}, 1)).add("v", random_tensor({rows, D}, 2));
  const ParameterValues<double> values = set.initial<double>(3);
  const auto run = interpret<double>(tape, data.bindings<double>(), &values);
  const plain::Numbers p(values);
  for (Index r = 0; r < rows; ++r) {
    plain::Memory state{plain::zeros(H), plain::zeros(H)};
    for (Index t = 0; t < T; ++t) {
      const Row seen = t == 0 ? plain::row_of(random_tensor({rows, D}, 2), r, D) : Row{};
      state = step(Gates{p, values, plain::row_of(random_tensor({T, rows, I}, 1), t, rows, r, I), seen}, cell, state);
      const std::vector<double> shown = numbers(run.value(h[static_cast<std::size_t>(t)]));
      check_close(Tensor<double>(Shape{H}, std::vector<double>(shown.begin() + r * H, shown.begin() + (r + 1) * H)), state.h.v,
                  1e-14);
    }
  }
  std::vector<Var> wrt = parameters_on(tape, set);
  wrt.push_back(v);
  const Var loss = sum(square(stack(h)));
  check_gradient(loss, wrt, data, &values);
  std::vector<Var> outputs = gradients(loss, wrt);
  outputs.push_back(stack(h));
  check_plan(tape, outputs, data, &values, &set);
}

}  // namespace

TEST_CASE("TiedHead: logits are products with the words' vectors, and their gradient sums both uses") {
  constexpr Index V = 5, E = 3, rows = 2;
  Tape tape;
  ParameterSet set;
  const Embedding words(set, "words", V, E);
  const TiedHead tied(set, "head", words);
  // The same with a table for each use.
  const Embedding in(set, "in", V, E), out(set, "out", V, E);
  const TiedHead untied(set, "untied", out);
  const Var ids = tape.ids("ids", {B});
  const Var logits = tied(tanh(words(ids))), apart = untied(tanh(in(ids)));
  const Var loss = sum(square(logits + 0.3)), loss_apart = sum(square(apart + 0.3));
  auto values = set.initial<double>(4);
  const Tensor<double> table = random_tensor({V, E}, 5), b = random_tensor({V}, 6);
  for (const char* name : {"words", "in", "out"}) set_values<double>(set, values, name, table);
  for (const char* name : {"head.b", "untied.b"}) set_values<double>(set, values, name, b);
  const Data data = Data().add("ids", Tensor<std::int32_t>(Shape{rows}, {3, 1}));

  const Var both = gradient(loss, tape.parameter(words.table));
  const Var as_input = gradient(loss_apart, tape.parameter(in.table)),
            as_output = gradient(loss_apart, tape.parameter(out.table));
  const auto run = interpret<double>(tape, data.bindings<double>(), &values);
  for (Index i = 0; i < V * E; ++i)
    CHECK(run.value(both)[i] == doctest::Approx(run.value(as_input)[i] + run.value(as_output)[i]).epsilon(1e-13));
  std::vector<double> expected;
  for (const Index word : {3, 1})
    for (Index v = 0; v < V; ++v) {
      expected.push_back(b[v]);
      for (Index e = 0; e < E; ++e) expected.back() += std::tanh(table[word * E + e]) * table[v * E + e];
    }
  check_close(run.value(logits), expected, 1e-14);
  check_gradient(loss, {{tape.parameter(words.table), tape.parameter(tied.b)}}, data, &values);
  check_plan(tape, std::vector{logits, both}, data, &values, &set);
}

TEST_CASE("TiedHead: units of another number than a word vector's are refused") {
  Tape tape;
  ParameterSet set;
  const TiedHead head(set, "head", Embedding(set, "words", 5, 3));
  check_throws<ShapeError>([&] { head(tape.input("h", {B, 4})); }, {"h [B, 4]", "[3, 5]", "decoder_test.cpp"});
}

TEST_CASE("FirstInput: Elman is h = tanh(x Wxh + h' Whh + v Wih + b) with v at the first step only") {
  check_first_input<Elman>();
}
TEST_CASE("FirstInput: GRU's gates see v at the first step only") { check_first_input<Gru>(); }
TEST_CASE("FirstInput: LSTM's gates see v at the first step only") { check_first_input<Lstm>(); }

TEST_CASE("FirstInput: the state is the cell's and what the first step sees") {
  Tape tape;
  ParameterSet set;
  const FirstInput seeing(Lstm(set, "cell", 5, 4), 3);
  const std::vector<StatePart> layout = seeing.state_layout();
  REQUIRE(layout.size() == 3);
  CHECK(layout[2].name == "first");
  CHECK(layout[2].shape == Shape{B, 3});
  check_throws<ShapeError>([&] { seeing.begin(tape.input("v", {B, 2})); }, {"FirstInput", "[B, 3]", "v [B, 2]"});
  check_throws<ShapeError>([&] { seeing.begin(tape.input("w", {3})); }, {"FirstInput", "[B, 3]", "w [3]"});
  check_throws<InputError>([&] { seeing.make_state({}); }, {"FirstInput", "first"});
}

TEST_CASE("FirstInput: sequences of different lengths, one of them empty") {
  constexpr Index I = 2, D = 2, T = 3, rows = 3;
  Tape tape;
  ParameterSet set;
  const AnyCell cell = FirstInput(Gru(set, "cell", I + D, 3, drawn()), D);
  const Sequence x = tape.input("x", T, {B, I}), mask = tape.input("mask", T, {B});
  const std::vector<RowCount> counts = tape.row_counts("counts", T);
  std::vector<Var> parts{tape.zeros({B, 3}), tape.input("v", {B, D})};
  const AnyCell::State initial = cell.make_state(parts);
  const Var padded = cell.output(unroll(cell, x, initial, Lengths::padded(mask)).last);
  const Var packed = cell.output(unroll(cell, x, initial, Lengths::packed(counts)).last);
  const Data data = Data()
                        .add("x", random_tensor({T, rows, I}, 1))
                        .add("v", random_tensor({rows, D}, 2))
                        .add("mask", Tensor<double>(Shape{T, rows}, {1, 1, 0, 1, 0, 0, 1, 0, 0}))
                        .add("counts", Tensor<std::int32_t>(Shape{T}, {2, 1, 1}));
  const ParameterValues<double> values = set.initial<double>(3);
  const Var loss = sum(square(packed)) - 2 * sum(square(padded));
  std::vector<Var> wrt = parameters_on(tape, set);
  wrt.push_back(parts[1]);
  check_gradient(loss, wrt, data, &values);
  std::vector<Var> outputs = gradients(loss, wrt);
  outputs.insert(outputs.end(), {padded, packed});
  check_plan(tape, outputs, data, &values, &set);
  const auto run = interpret<double>(tape, data.bindings<double>(), &values);
  CHECK(numbers(run.value(padded)) == numbers(run.value(packed)));
}

TEST_CASE("Decoder: teacher-forced logits equal those of one step after another, for every cell") {
  constexpr Index V = 5, E = 2, H = 3, T = 4, rows = 3;
  for (const std::string& kind : cell_names()) {
    CAPTURE(kind);
    Tape tape;
    ParameterSet set;
    const Embedding words(set, "words", V, E);
    const Decoder decoder(words, make_cell(kind, set, "cell", E, H, drawn()), Linear(set, "head", H, V));
    const Sequence ids = tape.ids("ids", T, {B});
    const AnyCell::State initial = input_state(tape, decoder.cell(), "initial");
    const Sequence forced = decoder.logits(ids, initial);
    AnyCell::State state = initial;
    Sequence stepped;
    for (const Var& id : ids) {
      const Decoder::Step next = decoder.step(id, state);
      state = next.state;
      stepped.push_back(next.logits);
    }
    Data data = Data().add("ids", random_ids({T, rows}, 4, V));
    for (const StatePart& part : decoder.cell().state_layout())
      data.add("initial." + part.name, random_tensor(part.shape.bind(rows), 5));
    const ParameterValues<double> values = set.initial<double>(6);
    const auto run = interpret<double>(tape, data.bindings<double>(), &values);
    REQUIRE(forced.size() == T);
    for (std::size_t t = 0; t < T; ++t) CHECK(numbers(run.value(forced[t])) == numbers(run.value(stepped[t])));
    const Var loss = cross_entropy(forced, ids);
    const std::vector<Var> wrt = parameters_on(tape, set);
    check_gradient(loss, wrt, data, &values);
    std::vector<Var> outputs = gradients(loss, wrt);
    outputs.push_back(stack(forced));
    check_plan(tape, outputs, data, &values, &set);
  }
}

TEST_CASE("Decoder: what does not fit is refused") {
  Tape tape;
  ParameterSet set;
  const Decoder decoder(Embedding(set, "words", 5, 2), Lstm(set, "cell", 2, 3), Linear(set, "head", 4, 5));
  const AnyCell::State zero = zero_state(tape, decoder.cell());
  check_throws<ShapeError>([&] { decoder.step(tape.ids("word", {B}), zero); }, {"[B, 3]", "head.W [4, 5]"});
  check_throws<ShapeError>([&] { decoder.step(tape.input("real", {B}), zero); }, {"[embedding]", "real [B]", "id"});
  AnyCell::State one_part = zero;
  one_part.vars.pop_back();
  check_throws<InputError>([&] { decoder.step(tape.ids("other", {B}), one_part); }, {"1 parts", "2"});
  CHECK(decoder.logits({}, zero).empty());
  check_throws<InputError>([&] { Decoder(Embedding(set, "w", 5, 2), Lstm(set, "c", 2, 3), nullptr); }, {"Decoder", "head"});
}
