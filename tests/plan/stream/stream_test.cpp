// Streams step as plans run whole sequences, bit for bit; what they are given wrongly changes nothing; weights reach them between
// two steps.
#include <reel/plan/stream/stream.h>

#include <atomic>
#include <cstring>
#include <numeric>
#include <thread>

#include <reel/models/convolution.h>
#include <reel/models/layers.h>
#include <reel/ops/dropout.h>
#include <reel/ops/embedding.h>
#include <reel/ops/joining.h>
#include <reel/ops/reduction.h>
#include <reel/ops/selection.h>
#include <reel/plan/session.h>

#include "models/cells/cell_table.h"
#include "numbers.h"

using namespace reel;
using namespace reel::test;

namespace {

constexpr Index I = 3, H = 10;

// A cell and a head: over T steps, and one step with its state carried.
struct Model {
  ParameterSet set;
  AnyCell cell;
  Linear head;
  Tape one, many;
  Var y;
  std::vector<Var> ys;

  explicit Model(const TestedCell& kind, Index T = 1, Index hidden = H, Index outputs = 2)
      : cell(kind.make(set, I, hidden)), head(set, "head", width(), outputs) {
    const auto step = unroll(cell, one.input("x", 1, {B, I}), carried_state(one, cell, "state"));
    y = head(step.outputs.back());
    const auto run = unroll(cell, many.input("x", T, {B, I}), carried_state(many, cell, "state"));
    for (const Var& h : run.outputs) ys.push_back(head(h));
  }
  // Of the cell's output.
  Index width() {
    Tape tape;
    return unroll(cell, tape.input("x", 1, {B, I}), zero_state(tape, cell)).outputs.back().shape().last();
  }
  template <class T = float>
  StreamModel<T> stream(const ParameterValues<T>& values, const CompileOptions& options = {}) const {
    return StreamModel<T>({{"y", y}}, &values, options);
  }
};

template <class T>
std::vector<T> run(Stream<T>& stream, const std::vector<T>& x, Index outputs = 2) {
  const std::size_t steps = x.size() / static_cast<std::size_t>(I), each = static_cast<std::size_t>(outputs);
  std::vector<T> y(steps * each);
  for (std::size_t t = 0; t < steps; ++t)
    REQUIRE(stream.step(std::span<const T>(x).subspan(t * static_cast<std::size_t>(I), static_cast<std::size_t>(I)),
                        std::span(y).subspan(t * each, each)));
  return y;
}

template <class T>
bool same_bits(std::span<const T> a, std::span<const T> b) {
  return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size_bytes()) == 0);
}

template <class T>
void check_every_cell(const CompileOptions& options = {}) {
  for (const TestedCell& kind : every_cell())
    for (Index hidden : {H, Index{17}}) {
      CAPTURE(kind.name);
      const Index steps = 20;
      const Model m(kind, steps, hidden);
      const auto values = m.set.template initial<T>(3);
      const std::vector<T> x = numbers<T>(steps * I, 5);
      std::vector<Var> outputs = m.ys;
      Session<T> whole(outputs, &values, {.compile = options});
      const auto model = m.stream(values, options);
      Stream<T> stream(model);
      for (int twice = 0; twice < 2; ++twice) {
        whole.run({{"x", TensorView<const T>(x.data(), Shape{steps, 1, I})}});
        const std::vector<T> y = run(stream, x);
        for (Index t = 0; t < steps; ++t)
          CHECK(same_bits(std::span<const T>(whole[m.ys[static_cast<std::size_t>(t)]].data(), 2),
                          std::span<const T>(y).subspan(static_cast<std::size_t>(2 * t), 2)));
      }
      for (const InputSlot& state : model.states()) {
        const auto expected = whole.workspace().carried(state.name), got = stream.state(state.name);
        CHECK(same_bits(std::span<const T>(expected.data(), static_cast<std::size_t>(expected.size())),
                        std::span<const T>(got.data(), static_cast<std::size_t>(got.size()))));
      }
    }
}

}  // namespace

TEST_CASE("stream: every cell has the bits of the plan over the whole sequence, and its state") {
  check_every_cell<float>();
  check_every_cell<double>();
  check_every_cell<float>({.products = Precision::bf16});
  check_every_cell<float>({.products = Precision::bf16_weights});
}

TEST_CASE("stream: a state is read, set, reset, and copied to a branch") {
  const Model m(cell_called("lstm"));
  const auto values = m.set.initial<float>(1);
  const auto model = m.stream(values);
  const std::vector<float> x = numbers<float>(6 * I, 1), more = numbers<float>(6 * I, 2);
  Stream<float> a(model), b(model);
  const auto first = run(a, x);
  Stream<float> branch = a;
  const auto second = run(a, more);
  CHECK(run(branch, more) == second);
  a.reset();
  CHECK(run(a, x) == first);
  for (const InputSlot& state : model.states()) b.set_state(state.name, a.state(state.name));
  CHECK(run(b, more) == second);
  b = branch;
  b.copy_state(a);
  CHECK(run(b, more) == second);
  a.set_state("state.h", a.state("state.h"));  // its own
  Stream<float> moved = std::move(a);
  CHECK(run(moved, more) == second);
  CHECK_THROWS_WITH_AS(a.state("state.h"), doctest::Contains("moved away"), InputError);  // NOLINT: on purpose
  CHECK(!a.step(x, std::span<float>()));
  CHECK_THROWS_WITH_AS(b.state("h"), doctest::Contains("carries no state \"h\"; it carries state.h [B, 10], state.c [B, 10]"),
                       InputError);
  CHECK_THROWS_WITH_AS(b.set_state("state.h", Tensor<float>(Shape{2, H})), doctest::Contains("[2, 10]"), InputError);
  const auto other = m.stream(values);
  Stream<float> stranger(other);
  CHECK_THROWS_WITH_AS(stranger.copy_state(b), doctest::Contains("different models"), InputError);
}

TEST_CASE("stream: what does not fit is refused, and nothing has changed") {
  const Model m(cell_called("gru"));
  const auto values = m.set.initial<float>(1);
  const auto model = m.stream(values);
  Stream<float> stream(model), untouched(model);
  std::vector<float> x(8), y(8, -7);
  for (std::size_t n : {0, 2, 4}) CHECK(!stream.step(std::span<const float>(x).first(n), std::span(y).first(2)));
  for (std::size_t n : {0, 1, 3}) CHECK(!stream.step(std::span<const float>(x).first(3), std::span(y).first(n)));
  const std::vector<std::int32_t> ids(3);
  const StreamInput<float> as_ids = std::span(ids), as_real = std::span<const float>(x).first(3);
  const StreamOutput<float> out = std::span(y).first(2);
  CHECK(!stream.step({&as_ids, 1}, {&out, 1}));
  CHECK(!stream.step({&as_real, 0}, {&out, 1}));
  CHECK(!stream.step({&as_real, 1}, {&out, 0}));
  CHECK(y == std::vector<float>(8, -7));
  const auto data = numbers<float>(5 * I, 3);
  CHECK(run(stream, data) == run(untouched, data));
}

TEST_CASE("stream: ids in and out; one that is out of range changes nothing") {
  ParameterSet set;
  const Embedding embedding(set, "embedding", 7, I);
  const AnyCell cell = cell_called("elman").make(set, I, H);
  const Linear head(set, "head", H, 7);
  Tape tape;
  const auto step = unroll(cell, Sequence{embedding(tape.ids("id", {B}))}, carried_state(tape, cell, "state"));
  const Var logits = head(step.outputs.back());
  const auto values = set.initial<float>(1);
  const StreamModel<float> model({{"best", argmax(logits)}, {"logits", logits}}, &values);
  CHECK(model.inputs()[0].name == "id");
  CHECK(model.output_name(1) == "logits");
  CHECK(model.output_shape(1).last() == 7);
  Stream<float> stream(model), untouched(model);
  const auto step_of = [](Stream<float>& s, std::int32_t id, std::vector<float>& y) {
    std::int32_t best = -1;
    const StreamInput<float> in = std::span<const std::int32_t>(&id, 1);
    const StreamOutput<float> out[] = {std::span(&best, 1), std::span(y)};
    return s.step({&in, 1}, out) ? best : -1;
  };
  std::vector<float> a(7), b(7);
  for (std::int32_t id : {3, 0, 6}) {
    const std::int32_t best = step_of(stream, id, a);
    CHECK(best == std::max_element(a.begin(), a.end()) - a.begin());
    const std::vector<float> before = a;
    CHECK(step_of(stream, 7, a) == -1);
    CHECK(step_of(stream, -1, a) == -1);
    CHECK(a == before);
    CHECK(step_of(untouched, id, b) == best);
    CHECK(a == b);
  }
}

TEST_CASE("stream: a convolution over a sliding window that is carried") {
  ParameterSet set;
  const Linear head(set, "head", 4 * I, 2);
  Tape tape;
  const Var x = tape.input("x", {B, I}), past = tape.carried("past", {B, 3 * I});
  const Var window = concat({past, x});
  tape.carry(past, slice(window, -1, I, 4 * I));
  const auto values = set.initial<float>(1);
  Stream<float> stream(StreamModel<float>({{"y", tanh(head(window))}}, &values));
  const auto data = numbers<float>(9 * I, 4);
  const auto y = run(stream, data);
  const auto w = values.at(0), b = values.at(1);
  for (Index t = 0; t < 9; ++t)
    for (Index n = 0; n < 2; ++n) {
      double sum = static_cast<double>(b[n]);
      for (Index k = 0; k < 4 * I; ++k)
        if (const Index at = (t - 3) * I + k; at >= 0)
          sum += static_cast<double>(data[static_cast<std::size_t>(at)]) * static_cast<double>(w[k * 2 + n]);
      CHECK(std::abs(static_cast<double>(y[static_cast<std::size_t>(2 * t + n)]) - std::tanh(sum)) < 1e-6);
    }
}

TEST_CASE("stream: models that cannot be stepped so are refused") {
  const Model m(cell_called("lstm"));
  auto values = m.set.initial<float>(1);
  CHECK_THROWS_WITH_AS(StreamModel<float>(std::span<const Result>(), &values), doctest::Contains("no output"), InputError);
  CHECK_THROWS_WITH_AS(StreamModel<float>({{"y", Var()}}, &values), doctest::Contains("\"y\" is an empty Var"), InputError);
  CHECK_THROWS_WITH_AS(StreamModel<float>({{"y", m.y}, {"z", m.ys[0]}}, &values), doctest::Contains("another tape"), InputError);
  CHECK_THROWS_WITH_AS(StreamModel<float>({{"y", m.y}}, nullptr), doctest::Contains("give their values"), InputError);
  ParameterSet other;
  const Linear layer(other, "layer", 2, 2);
  const auto others = other.initial<float>(1);
  CHECK_THROWS_WITH_AS(StreamModel<float>({{"y", m.y}}, &others), doctest::Contains("another ParameterSet"), InputError);
  auto model = m.stream(values);
  CHECK_THROWS_WITH_AS(model.publish(others), doctest::Contains("another ParameterSet"), InputError);
  Tape tape;
  const Var x = tape.input("x", {B, 2});
  const ParameterValues<float> none;
  CHECK_THROWS_WITH_AS(StreamModel<float>({{"y", x * dropout_mask(tape, {B, 2}, .5)}}, &none),
                       doctest::Contains("draws random numbers"), InputError);
  CHECK_THROWS_WITH_AS(StreamModel<float>({{"all", sum(x)}}, &none), doctest::Contains("no row of its own"), InputError);
}

TEST_CASE("stream: weights that are published are taken between two steps; what no stream uses is freed") {
  const Model m(cell_called("lstm"));
  auto values = m.set.initial<float>(1);
  const auto other = m.set.initial<float>(2);
  auto model = m.stream(values), changed = m.stream(other);
  Stream<float> stream(model), slow(model), expected(changed);
  const std::size_t one = model.weight_bytes();
  const auto x = numbers<float>(4 * I, 1);
  run(stream, x);
  for (Index p = 0; p < values.size(); ++p) std::ranges::fill(values.edit(p), 0.f);  // streams have copies of their own
  expected.set_state("state.h", stream.state("state.h"));
  expected.set_state("state.c", stream.state("state.c"));
  model.publish(other);
  CHECK(model.weight_bytes() == 2 * one);  // `slow` and `stream` use the first still
  CHECK(run(stream, x) == run(expected, x));
  model.publish(other);
  CHECK(model.weight_bytes() == 3 * one);  // the first by `slow`, the second by `stream`
  run(slow, x);
  run(stream, x);
  model.publish(other);
  CHECK(model.weight_bytes() == 2 * one);
}

TEST_CASE("stream: many threads step while another publishes: each step is of one version, whole") {
  // Stateless, so that a step's result tells its version.
  ParameterSet set;
  const Linear layer(set, "layer", I, 40);
  Tape tape;
  const Var x = tape.input("x", {B, I});
  const Var y = tanh(layer(x));
  const auto a = set.initial<float>(1), b = set.initial<float>(2);
  StreamModel<float> model({{"y", y}}, &a), second({{"y", y}}, &b);
  const auto data = numbers<float>(I, 1);
  std::vector<float> of_a(40), of_b(40);
  REQUIRE(Stream<float>(model).step(data, of_a));
  REQUIRE(Stream<float>(second).step(data, of_b));
  std::atomic<bool> stop = false;
  std::atomic<int> wrong = 0, seen_a = 0, seen_b = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] {
      Stream<float> stream(model);
      std::vector<float> got(40);
      while (!stop) {
        if (!stream.step(data, got)) ++wrong;
        if (got == of_a)
          ++seen_a;
        else if (got == of_b)
          ++seen_b;
        else
          ++wrong;
      }
    });
  for (int i = 0; i < 2000 || seen_a == 0 || seen_b == 0; ++i) model.publish(i % 2 == 0 ? b : a);
  stop = true;
  for (std::thread& t : threads) t.join();
  CHECK(wrong == 0);
  Stream<float> last(model);
  CHECK(model.weight_bytes() == second.weight_bytes());
}

TEST_CASE("stream: a thousand streams of 256 units take less than 20 MB beyond the weights") {
  const Model m(cell_called("lstm"), 1, 256);
  const auto values = m.set.initial<float>(1);
  const auto model = m.stream(values);
  CHECK(Stream<float>(model).bytes() < 20000);
}
