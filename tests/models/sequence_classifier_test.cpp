#include <reel/graph/mode.h>
#include <reel/models/initializers.h>
#include <reel/models/parameter_set.h>
#include <reel/models/sequence_classifier.h>
#include <reel/ops/arithmetic.h>
#include <reel/ops/dropout.h>
#include <reel/ops/elementary.h>
#include <reel/ops/loss.h>
#include <reel/ops/reduction.h>
#include <reel/ops/selection.h>

#include "support.h"

using namespace reel;
using namespace reel::test;

namespace {

constexpr Index T = 7, rows = 4, I = 2, classes = 3;
const std::vector<Index> lengths{7, 4, 4, 1};

SequenceClassifierOptions small(double dropout = 0) {
  return {.inputs = I, .classes = classes, .units = 3, .chunk = 3, .dropout = dropout};
}

std::vector<double> numbers(TensorView<const double> x) { return {x.begin(), x.end()}; }

// A network of a kind over sequences of `steps` vectors, with what pads them where a sequence has ended.
struct Classified {
  Tape tape;
  ParameterSet set;
  SequenceClassifier network;
  Index steps;
  SequenceInput in;
  ParameterValues<double> values;
  Data data;

  explicit Classified(const std::string& kind, double dropout = 0, Index steps = T, double padding = 0.3)
      : network(kind, set, "n", small(dropout)), steps(steps), values(set.initial<double>(3)) {
    in.x = tape.input("x", steps, {B, I});
    for (const Parameter& p : set.all())  // biases too, away from kinks
      std::ranges::copy(random_tensor(p.shape(), 10 + static_cast<std::uint64_t>(p.index()), 0.6), values.edit(p).begin());
    Tensor<double> x(Shape{steps, rows, I}), mask(Shape{steps, rows});
    Tensor<std::int32_t> counts(Shape{steps});
    std::fill(x.begin(), x.end(), padding);
    for (Index t = 0; t < steps; ++t)
      for (Index r = 0; r < rows; ++r) {
        if (t >= lengths[static_cast<std::size_t>(r)]) continue;
        std::copy_n(random_tensor({T, rows, I}, 1).data() + (t * rows + r) * I, I, x.data() + (t * rows + r) * I);
        mask[t * rows + r] = 1;
        ++counts[t];
      }
    data.add("x", x).add("mask", mask).add("counts", counts).add("class", random_ids({rows}, 2, classes));
  }

  SequenceInput whole() const { return {.x = in.x, .mask = {}, .counts = {}}; }
  SequenceInput padded() {
    if (in.mask.empty()) in.mask = tape.input("mask", steps, {B});
    return {.x = in.x, .mask = in.mask, .counts = {}};
  }
  SequenceInput packed() {
    padded();
    if (in.counts.empty()) in.counts = tape.row_counts("counts", steps);
    return in;
  }
  Var loss(Var logits) { return cross_entropy(logits, tape.ids("class", {B})); }
  std::vector<Var> leaves() {
    std::vector<Var> all{in.x[0], in.x[2]};
    for (const Parameter& p : set.all()) all.push_back(tape.parameter(p));
    return all;
  }
};

}  // namespace

TEST_CASE("SequenceClassifier: gradients for every kind, without and with dropout") {
  for (const std::string& kind : SequenceClassifier::kinds())
    for (const double rate : {0.0, 0.4})
      for (const bool pack : {false, true}) {
        CAPTURE(kind);
        CAPTURE(rate);
        CAPTURE(pack);
        Classified c(kind, rate);
        const Var logits = c.network(pack ? c.packed() : c.whole(), Mode::training), loss = c.loss(logits);
        CHECK(logits.shape() == Shape{B, classes});
        const std::vector<Var> wrt = c.leaves();
        const auto report = check_gradients(loss, wrt, c.data.bindings<double>(), &c.values, {.most_elements = 12});
        INFO(report.text());
        CHECK(report.ok());
        std::vector<Var> outputs = gradients(loss, wrt);
        outputs.push_back(logits);
        check_plan(c.tape, outputs, c.data, &c.values, &c.set);
      }
}

TEST_CASE("SequenceClassifier: padded and packed input give the same logits and gradients") {
  for (const std::string& kind : SequenceClassifier::kinds()) {
    CAPTURE(kind);
    Classified c(kind);
    const Var padded = c.network(c.padded(), Mode::training), packed = c.network(c.packed(), Mode::training);
    const std::vector<Var> wrt = c.leaves(), g = gradients(c.loss(padded), wrt);
    const std::vector<Var> h = gradients(cross_entropy(packed, c.tape.ids("again", {B})), wrt);
    c.data.add("again", random_ids({rows}, 2, classes));
    const auto run = interpret<double>(c.tape, c.data.bindings<double>(), &c.values);
    check_close(run.value(packed), numbers(run.value(padded)), 1e-14);
    for (std::size_t i = 0; i < wrt.size(); ++i) {
      CAPTURE(c.tape.describe(wrt[i].id()));
      check_close(run.value(h[i]), numbers(run.value(g[i])), 1e-14);
    }
  }
}

TEST_CASE("SequenceClassifier: a sequence has the logits that it has alone, without padding or mask") {
  for (const std::string& kind : SequenceClassifier::kinds()) {
    CAPTURE(kind);
    Classified c(kind);
    const Var logits = c.network(c.padded(), Mode::inference);
    const auto run = interpret<double>(c.tape, c.data.bindings<double>(), &c.values);
    for (Index r = 0; r < rows; ++r) {
      const Index n = lengths[static_cast<std::size_t>(r)];
      Tape tape;
      const Var alone = c.network({.x = tape.input("x", n, {B, I}), .mask = {}, .counts = {}}, Mode::inference);
      Tensor<double> x(Shape{n, 1, I});
      for (Index t = 0; t < n; ++t) std::copy_n(random_tensor({T, rows, I}, 1).data() + (t * rows + r) * I, I, x.data() + t * I);
      const std::vector<double> of_batch = numbers(run.value(logits));
      check_close(interpret<double>(tape, {{"x", x}}, &c.values).value(alone),
                  {of_batch.begin() + r * classes, of_batch.begin() + (r + 1) * classes}, 1e-14);
    }
  }
}

TEST_CASE("SequenceClassifier: padding of any value and length has no influence, bit for bit") {
  for (const std::string& kind : SequenceClassifier::kinds())
    for (const bool pack : {false, true}) {
      CAPTURE(kind);
      CAPTURE(pack);
      std::vector<std::vector<double>> first;
      for (const Index steps : {T, T + 1, T + 6})
        for (const double padding : {0.0, -2.5, 1e6}) {
          CAPTURE(steps);
          CAPTURE(padding);
          Classified c(kind, 0, steps, padding);
          const Var logits = c.network(pack ? c.packed() : c.padded(), Mode::training);
          std::vector<Var> wrt = c.leaves(), outputs = gradients(c.loss(logits), wrt);
          outputs.push_back(logits);
          const auto plan = compile<double>(c.tape, outputs);
          Workspace<double> workspace(plan, &c.values);
          plan.run(workspace, c.data.bindings<double>());
          for (std::size_t i = 0; i < outputs.size(); ++i) {
            const std::vector<double> now = numbers(workspace.value(outputs[i]));
            if (first.size() < outputs.size()) first.push_back(now);
            CHECK(first[i] == now);
          }
        }
    }
}

TEST_CASE("SequenceClassifier: inference knows no dropout, training draws new masks in every run") {
  for (const std::string& kind : SequenceClassifier::kinds()) {
    CAPTURE(kind);
    Classified c(kind, 0.5), plain(kind);
    const Var inference = c.network(c.whole(), Mode::inference), training = c.network(c.whole(), Mode::training);
    const Var expected = plain.network(plain.whole(), Mode::training);
    const auto run = interpret<double>(c.tape, c.data.bindings<double>(), &c.values);
    check_close(run.value(inference),
                numbers(interpret<double>(plain.tape, plain.data.bindings<double>(), &plain.values).value(expected)), 0);
    const auto plan = compile<double>(c.tape, {inference, training});
    Workspace<double> workspace(plan, &c.values);
    std::vector<std::vector<double>> seen;
    for (int i = 0; i < 3; ++i) {
      plan.run(workspace, c.data.bindings<double>());
      seen.push_back(numbers(workspace.value(training)));
    }
    CHECK(seen[0] != seen[1]);
    CHECK(seen[1] != seen[2]);
  }
}

TEST_CASE("SequenceClassifier: a single step, and fewer steps than a chunk or a window") {
  for (const std::string& kind : SequenceClassifier::kinds())
    for (const Index n : {1, 2}) {
      CAPTURE(kind);
      CAPTURE(n);
      Classified c(kind);
      Tape tape;
      const SequenceInput in{.x = tape.input("x", n, {B, I}), .mask = tape.input("mask", n, {B}), .counts = {}};
      const Var logits = c.network(in, Mode::training);
      Tensor<double> mask(Shape{n, 2});
      std::fill(mask.begin(), mask.end(), 1.0);
      const Data data = Data().add("x", random_tensor({n, 2, I}, 4)).add("mask", mask);
      check_plan(tape, std::vector{logits}, data, &c.values, &c.set);
    }
}

TEST_CASE("SequenceClassifier: a row without any step has the logits of nothing read") {
  for (const std::string& kind : SequenceClassifier::kinds()) {
    CAPTURE(kind);
    Classified c(kind);
    const Var logits = c.network(c.packed(), Mode::inference);
    Tensor<double> none(Shape{T, rows});
    const Tensor<std::int32_t> no_rows(Shape{T});
    const Tensor<double> x = random_tensor({T, rows, I}, 8);
    const auto run = interpret<double>(c.tape, {{"x", x}, {"mask", none}, {"counts", no_rows}}, &c.values);
    const std::vector<double> given = numbers(run.value(logits)), b = numbers(c.values[c.set.find("n.head.b")]);
    for (std::size_t i = 0; i < given.size(); ++i) CHECK(given[i] == doctest::Approx(b[i % classes]).epsilon(1e-14));
  }
}

TEST_CASE("SequenceClassifier: errors") {
  ParameterSet set;
  check_throws<InputError>([&] { SequenceClassifier("transformer", set, "n", small()); },
                           {"\"transformer\"", "elman", "bidirectional", "cnn-lstm"});
  SequenceClassifierOptions no_chunk = small();
  no_chunk.chunk = 0;
  check_throws<InputError>([&] { SequenceClassifier("hierarchical", set, "h", no_chunk); }, {"h", "chunk", "0"});
  check_throws<InputError>([&] { SequenceClassifier("lstm", set, "n", {}); }, {"SequenceClassifier n", "inputs", "0"});
  check_throws<InputError>([&] { SequenceClassifier("lstm", set, "n", {.inputs = 2, .classes = -1}); }, {"classes", "-1"});
  CHECK(set.size() == 0);
  for (const std::string& kind : SequenceClassifier::kinds()) {
    CAPTURE(kind);
    Classified c(kind, 1.5);
    c.packed();
    check_throws<InputError>([&] { c.network({}, Mode::training); }, {"SequenceClassifier", "T = 0"});
    SequenceInput in = c.in;
    in.mask.pop_back();
    check_throws<InputError>([&] { c.network(in, Mode::inference); }, {"SequenceClassifier", "7", "masks of 6"});
    in.mask = c.in.mask;
    in.mask.push_back(in.mask[0]);
    check_throws<InputError>([&] { c.network(in, Mode::inference); }, {"7", "masks of 8"});
    in = c.in;
    in.counts.pop_back();
    check_throws<InputError>([&] { c.network(in, Mode::inference); }, {"7", "counts", "6"});
    in = c.in;
    in.mask.clear();
    check_throws<InputError>([&] { c.network(in, Mode::inference); }, {"counts", "mask"});
    check_throws<InputError>([&] { c.network(c.whole(), Mode::training); }, {"dropout", "1.5"});
    const SequenceInput wide{.x = c.tape.input("wide", T, {B, I + 1}), .mask = {}, .counts = {}};
    check_throws<ShapeError>([&] { c.network(wide, Mode::inference); }, {"n.", "[B, "});
  }
}

TEST_CASE("SequenceClassifier: padding in front of a sequence, and holes in it, are as if they were not there") {
  for (const std::string& kind : SequenceClassifier::kinds()) {
    CAPTURE(kind);
    Tape tape;
    ParameterSet set;
    SequenceClassifierOptions options = small();
    options.chunk = 2;
    const SequenceClassifier network(kind, set, "n", options);
    const auto values = set.initial<double>(3);
    const Sequence x = tape.input("x", 2, {B, I}), mask = tape.input("mask", 2, {B});
    const Var all = network({.x = x, .mask = mask, .counts = {}}, Mode::inference);
    const Var alone = network({.x = {x[1]}, .mask = {}, .counts = {}}, Mode::inference);
    const Data data = Data().add("x", random_tensor({2, 3, I}, 1)).add("mask", Tensor<double>(Shape{2, 3}, {0, 0, 0, 1, 1, 1}));
    const std::vector<Var> wrt{x[0], x[1]}, g = gradients(sum(square(all)), wrt), h = gradients(sum(square(alone)), wrt);
    const auto run = interpret<double>(tape, data.bindings<double>(), &values);
    check_close(run.value(all), numbers(run.value(alone)), 1e-14);
    for (std::size_t i = 0; i < 2; ++i) check_close(run.value(g[i]), numbers(run.value(h[i])), 1e-14);
  }
}

TEST_CASE("SequenceClassifier: in a hierarchical network a chunk counts where any of its steps does") {
  Tape tape;
  ParameterSet set;
  const SequenceClassifier network("hierarchical", set, "n", {.inputs = I, .classes = classes, .units = 3, .chunk = 3});
  const auto values = set.initial<double>(3);
  const Sequence x = tape.input("x", 6, {B, I}), mask = tape.input("mask", 6, {B});
  const Var all = network({.x = x, .mask = mask, .counts = {}}, Mode::inference);
  // The second row has no step of the first chunk, and not the first of the second.
  const Tensor<double> kept(Shape{6, 2}, {1, 0, 1, 0, 1, 0, 0, 0, 1, 1, 1, 1});
  const Data data = Data().add("x", random_tensor({6, 2, I}, 1)).add("mask", kept);
  const Var second = network({.x = {x[4], x[5]}, .mask = {}, .counts = {}}, Mode::inference);
  const auto run = interpret<double>(tape, data.bindings<double>(), &values);
  for (Index c = 0; c < classes; ++c) CHECK(run.value(all)[classes + c] == doctest::Approx(run.value(second)[classes + c]));
}
