#include <reel/models/generation/encoder_decoder.h>

#include <reel/models/cells/any_cell.h>
#include <reel/models/cells/cell_kinds.h>
#include <reel/models/cells/lstm.h>
#include <reel/models/initializers.h>
#include <reel/models/lengths.h>
#include <reel/models/parameter_set.h>
#include <reel/models/unroll.h>
#include <reel/ops/arithmetic.h>
#include <reel/ops/loss.h>
#include <reel/ops/reduction.h>

#include "support.h"

using namespace reel;
using namespace reel::test;

namespace {

constexpr Index rows = 4, S = 4, T = 3;
const std::vector<Index> lengths{4, 2, 2, 0};

EncoderDecoderOptions small(const std::string& kind) {
  return {.source_words = 5, .target_words = 6, .word_size = 2, .units = 3, .cell = kind};
}

// Sources of different lengths, read as padded and as packed, and teacher-forced targets.
struct Pairs {
  Tape tape;
  ParameterSet set;
  EncoderDecoder network;
  Sequence source = tape.ids("source", S, {B}), mask = tape.input("mask", S, {B}), target = tape.ids("target", T, {B});
  std::vector<RowCount> counts = tape.row_counts("counts", S);
  Data data;
  ParameterValues<double> values;

  explicit Pairs(const std::string& kind) : network(set, "n", small(kind)), values(set.initial<double>(3)) {
    Tensor<double> m(Shape{S, rows});
    Tensor<std::int32_t> n(Shape{S});
    for (Index t = 0; t < S; ++t)
      for (Index r = 0; r < rows; ++r)
        if (t < lengths[static_cast<std::size_t>(r)]) m[t * rows + r] = 1, ++n[t];
    data.add("source", random_ids({S, rows}, 1, 5)).add("target", random_ids({T, rows}, 2, 6)).add("mask", m).add("counts", n);
    for (const Parameter& p : set.all())  // biases too
      std::ranges::copy(random_tensor(p.shape(), 10 + static_cast<std::uint64_t>(p.index()), 0.6), values.edit(p).begin());
  }
  std::vector<Var> parameters() {
    std::vector<Var> all;
    for (const Parameter& p : set.all()) all.push_back(tape.parameter(p));
    return all;
  }
  Var loss(const Lengths& of_source) {
    return cross_entropy(network.decoder().logits(target, network.encode(source, of_source)), target);
  }
};

std::vector<double> numbers(TensorView<const double> x) { return {x.begin(), x.end()}; }

}  // namespace

TEST_CASE("EncoderDecoder: gradients for every cell, with whole, padded and packed sources") {
  for (const std::string& kind : cell_names()) {
    CAPTURE(kind);
    Pairs p(kind);
    const std::vector<Var> wrt = p.parameters();
    const Var whole = p.loss({}), padded = p.loss(Lengths::padded(p.mask)), packed = p.loss(Lengths::packed(p.counts));
    for (const Var& loss : {whole, packed}) {
      const auto report = check_gradients(loss, wrt, p.data.bindings<double>(), &p.values, {.most_elements = 12});
      INFO(report.text());
      CHECK(report.ok());
    }
    const std::vector<Var> g = gradients(padded, wrt), h = gradients(packed, wrt);
    std::vector<Var> outputs{padded, packed};
    outputs.insert(outputs.end(), g.begin(), g.end());
    outputs.insert(outputs.end(), h.begin(), h.end());
    check_plan(p.tape, outputs, p.data, &p.values, &p.set);
    const auto run = interpret<double>(p.tape, p.data.bindings<double>(), &p.values);
    CHECK(run.value(packed)[0] == doctest::Approx(run.value(padded)[0]).epsilon(1e-14));
    for (std::size_t i = 0; i < wrt.size(); ++i) {
      CAPTURE(p.tape.describe(wrt[i].id()));
      check_close(run.value(h[i]), numbers(run.value(g[i])), 1e-13);
      CHECK(std::ranges::any_of(numbers(run.value(g[i])), [](double x) { return x != 0; }));
    }
  }
}

TEST_CASE("EncoderDecoder: padding of the source has no influence") {
  for (const bool pack : {false, true}) {
    CAPTURE(pack);
    Pairs p("gru");
    const Var loss = p.loss(pack ? Lengths::packed(p.counts) : Lengths::padded(p.mask));
    std::vector<Var> outputs = gradients(loss, p.parameters());
    outputs.push_back(loss);
    const auto plan = compile<double>(p.tape, outputs);
    std::vector<std::vector<double>> first;
    for (const std::int32_t padding : {0, 3, 4}) {
      Tensor<std::int32_t> source = random_ids({S, rows}, 1, 5);
      for (Index t = 0; t < S; ++t)
        for (Index r = 0; r < rows; ++r)
          if (t >= lengths[static_cast<std::size_t>(r)]) source[t * rows + r] = padding;
      std::vector<Binding> bindings = p.data.bindings<double>();
      for (Binding& b : bindings)
        if (b.name == "source") b = Binding{"source", source};
      Workspace<double> workspace(plan, &p.values);
      plan.run(workspace, bindings);
      for (std::size_t i = 0; i < outputs.size(); ++i) {
        const std::vector<double> now = numbers(workspace.value(outputs[i]));
        if (first.size() < outputs.size()) first.push_back(now);
        CHECK(first[i] == now);
      }
    }
  }
}

TEST_CASE("EncoderDecoder: each part of the decoder's state begins as tanh of a layer over both ends") {
  Pairs p("lstm");
  const AnyCell::State state = p.network.encode(p.source);
  REQUIRE(state.vars.size() == 2);
  // The encoder by itself, of the same parameters.
  const auto cell_of = [&](const std::string& name) {
    ParameterSet other;
    const Lstm cell(other, name, 2, 3);
    return std::pair(cell, other);
  };
  const auto [forward, forward_set] = cell_of("n.forward");
  const auto [backward, backward_set] = cell_of("n.backward");
  const auto ends = [&](const Lstm& cell, const ParameterSet& own, Direction direction) {
    Tape tape;
    auto values = own.initial<double>(0);
    for (const Parameter& q : own.all()) std::ranges::copy(p.values[p.set.find(q.name())], values.edit(q).begin());
    const auto run = unroll(cell, tape.input("x", S, {B, 2}), zero_state(tape, cell), {}, direction);
    Tensor<double> x(Shape{S, rows, 2});
    const Tensor<std::int32_t> ids = random_ids({S, rows}, 1, 5);
    for (Index i = 0; i < S * rows; ++i) std::copy_n(p.values[p.set.find("n.source")].data() + ids[i] * 2, 2, x.data() + i * 2);
    return numbers(interpret<double>(tape, {{"x", x}}, &values).value(run.last.h));
  };
  const auto ahead = ends(forward, forward_set, Direction::forward), back = ends(backward, backward_set, Direction::backward);
  const auto run = interpret<double>(p.tape, p.data.bindings<double>(), &p.values);
  for (const auto& [part, name] : {std::pair(0, "n.bridge.h"), std::pair(1, "n.bridge.c")}) {
    const auto W = p.values[p.set.find(std::string(name) + ".W")], b = p.values[p.set.find(std::string(name) + ".b")];
    std::vector<double> expected;
    for (std::size_t r = 0; r < rows; ++r)
      for (Index j = 0; j < 3; ++j) {
        double sum = b[j];
        for (std::size_t k = 0; k < 3; ++k)
          sum += ahead[r * 3 + k] * W[static_cast<Index>(k) * 3 + j] + back[r * 3 + k] * W[static_cast<Index>(k + 3) * 3 + j];
        expected.push_back(std::tanh(sum));
      }
    check_close(run.value(state.vars[static_cast<std::size_t>(part)]), expected, 1e-14);
  }
}

TEST_CASE("EncoderDecoder: errors") {
  ParameterSet set;
  check_throws<InputError>([&] { EncoderDecoder(set, "m", small("transformer")); }, {"\"transformer\"", "elman", "lstm"});
  check_throws<InputError>([&] { EncoderDecoder(set, "n", {.source_words = 5}); }, {"EncoderDecoder n", "target_words", "0"});
  Pairs p("gru");
  check_throws<InputError>([&] { p.network.encode({}); }, {"empty", "T = 0"});
  const Sequence shorter(p.source.begin(), p.source.end() - 1);
  check_throws<InputError>([&] { p.network.encode(shorter, Lengths::padded(p.mask)); }, {"3", "4"});
  Pairs q("gru");
  const Var loss = q.loss({});
  std::vector<Binding> bindings = q.data.bindings<double>();
  const Tensor<std::int32_t> beyond(Shape{S, rows}, std::vector<std::int32_t>(S * rows, 5));
  for (Binding& b : bindings)
    if (b.name == "source") b = Binding{"source", beyond};
  check_throws<InputError>([&] { interpret<double>(loss.tape(), bindings, &q.values); }, {"5", "[0, 5)"});
}
