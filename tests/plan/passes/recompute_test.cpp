#include <reel/plan/passes/recompute.h>

#include <reel/graph/structural.h>
#include <reel/models/bidirectional.h>
#include <reel/models/cells/cell_kinds.h>
#include <reel/models/cells/deep.h>
#include <reel/models/layers.h>
#include <reel/models/unroll.h>
#include <reel/ops/dropout.h>
#include <reel/ops/elementary.h>
#include <reel/ops/embedding.h>
#include <reel/ops/layer_norm.h>
#include <reel/ops/matmul.h>
#include <reel/ops/reduction.h>
#include <reel/ops/selection.h>

#include "network.h"

using namespace reel;
using namespace reel::test;

namespace {

// A recorded loss with the gradients of all parameters, and numbers for it.
struct Training {
  ParameterSet set;
  Tape tape;
  std::vector<Var> outputs;

  void finish(Var loss) {
    outputs = gradients(loss, set.all());
    outputs.insert(outputs.begin(), loss);
  }
};

template <class T>
std::vector<std::string> bits(const Training& t, const Plan<T>& plan, Index rows, int threads) {
  const auto values = t.set.initial<T>(5);
  std::vector<Tensor<T>> reals;
  std::vector<Tensor<std::int32_t>> ids;
  std::vector<Binding> bindings;
  reals.reserve(8), ids.reserve(8);
  for (const InputSlot& slot : plan.inputs()) {
    const Shape shape = slot.bound(rows);
    if (slot.type == Type::id)
      bindings.emplace_back(slot.name, ids.emplace_back(random_ids(shape, 3, 5)));
    else
      bindings.emplace_back(slot.name, reals.emplace_back(cast<T>(random_tensor(shape, 4))));
  }
  Workspace<T> workspace(plan, &values, ThreadPool(threads));
  plan.run(workspace, bindings);
  CHECK(std::isfinite(workspace.value(t.outputs[0])[0]));
  return bits_of(workspace, t.outputs);
}

template <class T>
void check_same_bits(const Training& t, std::initializer_list<Recompute> all, Precision products = Precision::full) {
  const Plan<T> plain = compile<T>(t.tape, t.outputs, {.products = products});
  for (Index rows : {1, 5, 37}) {
    const auto expected = bits(t, plain, rows, 1);
    for (const Recompute& recompute : all) {
      CAPTURE(rows);
      CAPTURE(recompute.every());
      const Plan<T> plan = compile<T>(t.tape, t.outputs, {.verify = true, .recompute = recompute, .products = products});
      CHECK(bits(t, plan, rows, 1) == expected);
      CHECK(bits(t, plan, rows, 3) == expected);
    }
  }
}

// A cell over T steps, and a loss at the last step or at every one.
struct Recurrent : Training {
  Recurrent(const char* kind, Index T, Index H, bool every_step) {
    const AnyCell cell = make_cell(kind, set, "cell", 3, H);
    const Sequence x = tape.input("x", T, {B, 3});
    const Sequence h = unroll(cell, x, zero_state(tape, cell)).outputs;
    if (!every_step) {
      finish(mean(square(h.back())));
      return;
    }
    const Linear head(set, "head", H, 5);
    const Sequence y = tape.ids("y", T, {B});
    finish(cross_entropy(map_steps(h, head), y));
  }
};

}  // namespace

TEST_CASE("recompute: the bits of a program that keeps everything, for every cell") {
  for (const std::string& kind : cell_names()) {
    CAPTURE(kind);
    for (bool every_step : {false, true}) {
      const Recurrent t(kind.c_str(), 23, 9, every_step);
      check_same_bits<float>(t, {true, 1, 7, 22, 23, 100});
      check_same_bits<double>(t, {true});
    }
  }
}

TEST_CASE("recompute: stacks, dropout, normalisation, embeddings, both directions, products of bf16") {
  {
    Training t;
    const Deep deep({make_cell("lstm", t.set, "a", 6, 8), make_cell("gru", t.set, "b", 8, 7)});
    const Embedding table(t.set, "words", 5, 6);
    const Linear head(t.set, "head", 7, 5);
    const Sequence words = t.tape.ids("words", 30, {B}), y = t.tape.ids("y", 30, {B});
    const Sequence x = map_steps(words, [&](Var w) { return table(w); });
    const Sequence h = unroll(deep, x, zero_state(t.tape, deep)).outputs;
    t.finish(cross_entropy(map_steps(h, [&](Var v) { return head(layer_norm(dropout(v, .3, Mode::training))); }), y));
    check_same_bits<float>(t, {true, 4, 9});
    for (Precision products : {Precision::bf16, Precision::bf16_emulated_tiles}) check_same_bits<float>(t, {true, 4}, products);
    check_same_bits<double>(t, {6});
  }
  Training t;
  const AnyCell forward = make_cell("gru", t.set, "f", 3, 6), back = make_cell("elman", t.set, "b", 3, 6);
  const Sequence x = t.tape.input("x", 12, {B, 3});
  const Sequence h = Bidirectional(forward, back)(x).outputs;
  t.finish(mean(square(h[5] + 1.0)));
  check_same_bits<float>(t, {true, 3});
}

TEST_CASE("recompute: sums of so many rows that they are added in groups") {
  const Recurrent t("elman", 60, 4, false);
  const auto plain = compile<float>(t.tape, t.outputs);
  const auto plan = compile<float>(t.tape, t.outputs, {.recompute = 7});
  CHECK(bits(t, plan, 300, 2) == bits(t, plain, 300, 2));  // 18,000 rows, in stretches of 2,100
}

TEST_CASE("recompute: long sequences take a fraction of the memory") {
  const Recurrent t("lstm", 400, 16, false);
  const auto plain = compile<float>(t.tape, t.outputs), plan = compile<float>(t.tape, t.outputs, {.recompute = true});
  // The sums of weight gradients, which are there once, are large beside this cell's rows.
  CHECK(plan.bytes(512, 1) * 5 < plain.bytes(512, 1));
}

TEST_CASE("recompute: what a mask leaves out adds 0, whatever it holds") {
  Training t;
  const Parameter w = t.set.add("w", {3, 5});
  const Sequence x = t.tape.input("x", 9, {B, 3}), counts = t.tape.input("counts", 9, {B, 5});
  std::vector<Var> parts;
  for (std::size_t s = 0; s < x.size(); ++s) parts.push_back(sum(select(counts[s], square(matmul(x[s], w)), 0.0)));
  t.finish(accumulate(parts));
  const auto values = t.set.initial<float>(2);
  Tensor<float> data(Shape{9, 2, 3}), masks(Shape{9, 2, 5});
  for (Index i = 0; i < data.size(); ++i) data[i] = static_cast<float>(i % 7) - 3;
  std::fill_n(data.data() + 9 * 3, 3, std::numeric_limits<float>::infinity());
  std::ranges::fill(masks, 1.0f);
  std::fill_n(masks.data() + 9 * 5, 5, 0.0f);
  std::vector<std::string> found;
  for (const bool recompute : {false, true}) {
    const auto plan = compile<float>(t.tape, t.outputs, {.recompute = recompute});
    Workspace<float> workspace(plan, &values);
    plan.run(workspace, {{"x", data}, {"counts", masks}});
    for (float v : workspace.value(t.outputs[1])) CHECK(std::isfinite(v));
    found.push_back(bits_of(workspace.value(t.outputs[1])));
  }
  CHECK(found[0] == found[1]);
}

TEST_CASE("recompute: a stretch has a step at least") {
  check_throws<InputError>([] { Recompute{0}; }, {"recompute", "1 step or more", "0"});
  check_throws<InputError>([] { Recompute{-3}; }, {"recompute", "-3"});
  CHECK_FALSE(Recompute().on());
  CHECK_FALSE(Recompute(false).on());
  CHECK(Recompute(true).every() == 0);
  CHECK(Recompute(64).every() == 64);
}

TEST_CASE("recompute: the interpreter computes such a program too, with ids of several rows") {
  Training t;
  const AnyCell cell = make_cell("gru", t.set, "cell", 4, 5);
  const Embedding table(t.set, "words", 5, 4);
  const Sequence words = t.tape.ids("words", 6, {B});
  const Sequence x = map_steps(words, [&](Var w) { return table(w); });
  t.finish(mean(square(unroll(cell, x, zero_state(t.tape, cell)).outputs.back())));
  const auto plan = compile<double>(t.tape, t.outputs, {.recompute = 2});
  const auto values = t.set.initial<double>(5);
  const Tensor<std::int32_t> ids = random_ids({6, 3}, 3, 5);
  Workspace<double> workspace(plan, &values);
  plan.run(workspace, {{"words", ids}});
  const std::array bindings{Binding{"words", ids}};
  Interpreter<double> oracle(*plan.program().tape, bindings, &values);
  oracle.evaluate();
  for (std::size_t i = 0; i < t.outputs.size(); ++i) {
    const auto expected = oracle.value(plan.program().tape->var(plan.program().roots[i]));
    const auto given = workspace.value(t.outputs[i]);
    for (Index k = 0; k < given.size(); ++k) CHECK(std::abs(given[k] - expected[k]) < 1e-12);
  }
}
