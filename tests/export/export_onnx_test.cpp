// Exported ONNX models, run by onnxruntime, give what plans give.
#include <reel/export/export_onnx.h>

#include <map>

#include <reel/models/bidirectional.h>
#include <reel/models/convolution.h>
#include <reel/models/sequence_classifier.h>
#include <reel/ops/batch_sum.h>
#include <reel/ops/dropout.h>
#include <reel/plan/session.h>

#include "models/cells/cell_table.h"
#include "numbers.h"
#include "random_step.h"
#include "run_onnx.h"
#include "step.h"

using namespace reel;
using namespace reel::test;

namespace {

std::vector<OnnxRuns::Array> states_of(const Step& step) {
  const StreamModel<float> model({{"y", step.y}}, &step.values);
  std::vector<OnnxRuns::Array> states;
  for (const InputSlot& slot : model.states()) states.push_back({slot.name, slot.shape.bind(1)});
  return states;
}

}  // namespace

TEST_CASE("export_onnx: every cell, and cells that nobody designed, step by step with their state handed on") {
  const std::string modules = onnxruntime();
  if (modules.empty()) return;
  constexpr Index kSteps = 50;
  const std::vector<float> x = numbers<float>(kSteps * I, 5);
  std::vector<std::pair<std::string, std::unique_ptr<Step>>> steps;
  int number = 0;
  for (const TestedCell& kind : every_cell()) steps.emplace_back("cell" + std::to_string(number++), cell_step(kind, H, 2));
  for (std::uint64_t seed = 1; seed <= 10; ++seed)
    steps.emplace_back("random" + std::to_string(seed), std::make_unique<Step>([seed](ParameterSet& set, Tape& tape) {
                         return RandomStep(seed, I, 7).record(set, tape);
                       }));
  OnnxRuns runs;
  for (const auto& [name, step] : steps) {
    runs.begin(name, export_onnx({{"y", step->y}}, step->values), kSteps, states_of(*step), {"y"});
    const StreamModel<float> model({{"y", step->y}}, &step->values);
    runs.give({"x", model.inputs()[0].bound(1)}, x);
  }
  CHECK(runs.run(modules) == "");
  for (const auto& [name, step] : steps) {
    const std::string& called = name;
    CAPTURE(called);
    CHECK(worst(step->expected(x), runs.result(name, "y")) < 1e-5);
  }
}

TEST_CASE("export_onnx: ops along rows, with B of several sizes") {
  const std::string modules = onnxruntime();
  if (modules.empty()) return;
  constexpr Index kSize = 24;
  struct Case {
    std::string name;
    std::function<Var(Var, ParameterSet&)> record;
  };
  std::vector<Case> cases;
  for (int axis = -1; axis < 3; ++axis) {
    const std::string at = axis < 0 ? "last" : std::to_string(axis);
    cases.push_back({"sum" + at, [axis](Var x, ParameterSet&) { return sum(x, axis); }});
    cases.push_back({"mean" + at, [axis](Var x, ParameterSet&) { return mean(x, axis, Keep::dimension) * x; }});
    cases.push_back({"max" + at, [axis](Var x, ParameterSet&) { return max(x, axis); }});
    cases.push_back({"concat" + at, [axis](Var x, ParameterSet&) { return concat({x, 2.0 * x, x}, axis); }});
    cases.push_back({"slice" + at, [axis](Var x, ParameterSet&) { return slice(x, axis, 1, 2); }});
    cases.push_back({"pad" + at, [axis](Var x, ParameterSet&) { return pad(x, axis, 1, 2); }});
  }
  cases.push_back({"softmax", [](Var x, ParameterSet&) { return softmax(5.0 * x); }});
  cases.push_back({"log_softmax", [](Var x, ParameterSet&) { return log_softmax(5.0 * x); }});
  cases.push_back({"layer_norm", [](Var x, ParameterSet&) { return layer_norm(x, 1e-3); }});
  cases.push_back({"sum_all", [](Var x, ParameterSet&) { return sum(reshape(x, {B, kSize}), -1, Keep::dimension); }});
  cases.push_back({"matmul", [](Var x, ParameterSet& set) { return matmul(x, set.add("w", {3, 5}, init::uniform(1))); }});
  cases.push_back({"transpose", [](Var x, ParameterSet& set) {
                     return matmul(x, transpose(x.tape().parameter(set.add("w", {5, 3}, init::uniform(1)))));
                   }});
  cases.push_back({"unfold", [](Var x, ParameterSet&) {
                     return unfold(x, {.height = 2, .width = 3, .stride = 1, .pad_height = 1, .pad_width = 2});
                   }});
  cases.push_back({"max_pool", [](Var x, ParameterSet&) { return max_pool(x, 2); }});
  cases.push_back({"argmax", [](Var x, ParameterSet& set) {
                     return embedding(argmax(x), set.add("t", {3, 4}, init::uniform(1)));
                   }});
  cases.push_back({"one_hot", [](Var x, ParameterSet&) { return one_hot(argmax(x), 3); }});
  cases.push_back({"cross_entropy", [](Var x, ParameterSet&) { return cross_entropy_rows(x, argmax(-x)); }});
  cases.push_back({"elementwise", [](Var x, ParameterSet& set) {
                     const Var p = x.tape().parameter(set.add("p", {4, 1}, init::uniform(1)));
                     const Var y = satlins(2.0 * x) + relu(x) * tanh(p) - sigmoid(-x) / (1.0 + abs(x)) + sqrt(exp(x)) * step(x);
                     return select(step(x - 0.2), y, log(square(x) + 1.0)) + sign(x) * exp(p);
                   }});
  cases.push_back(
      {"repeated", [](Var x, ParameterSet& set) {
         const Var p = x.tape().parameter(set.add("p", {3}, init::uniform(1)));
         return concat({x, broadcast(tanh(broadcast(p, {B, 2, 4, 3})), {B, 2, 4, 3}), x.tape().fill({B, 2, 4, 3}, 2.0)});
       }});
  cases.push_back(
      {"batch", [](Var x, ParameterSet&) { return x - batch_mean(x) * batch_sum(x) + sum(x) / x.tape().batch_size(); }});
  cases.push_back({"accumulate", [](Var x, ParameterSet&) { return accumulate(std::vector<Var>{x, x * x, stop_gradient(x)}); }});
  OnnxRuns runs;
  std::vector<std::vector<float>> expected;
  for (const Case& c : cases)
    for (Index rows : {1, 3}) {
      ParameterSet set;
      Tape tape;
      const Var y = c.record(reshape(tape.input("x", {B, kSize}), {B, 2, 4, 3}), set);
      const auto values = set.initial<float>(3);
      const std::vector<float> x = numbers<float>(rows * kSize, 9);
      Session<float> session({{"y", y}}, &values);
      session.run({{"x", TensorView<const float>(x.data(), Shape{rows, kSize})}});
      expected.emplace_back(session[y].begin(), session[y].end());
      runs.begin(c.name + std::to_string(rows), export_onnx({{"y", y}}, values), 1, {}, {"y"});
      runs.give({"x", Shape{rows, kSize}}, x);
    }
  CHECK(runs.run(modules) == "");
  std::size_t i = 0;
  for (const Case& c : cases)
    for (Index rows : {1, 3}) {
      CAPTURE(c.name);
      CAPTURE(rows);
      CHECK(worst(expected[i++], runs.result(c.name + std::to_string(rows), "y")) < 1e-5);
    }
}

TEST_CASE("export_onnx: whole sequences, ids, both directions, several outputs, and a state that is handed on") {
  const std::string modules = onnxruntime();
  if (modules.empty()) return;
  constexpr Index T = 6, rows = 2, V = 9;
  ParameterSet set;
  const Embedding embed(set, "embedding", V, 4);
  const Lstm forward(set, "forward", 4, 5), backward(set, "backward", 4, 5);
  const Gru top(set, "top", 10, 6);
  const Linear head(set, "head", 6, 3);
  Tape tape;
  const Sequence ids = tape.ids("ids", T, {B});
  const auto both = Bidirectional(forward, backward)(map_steps(ids, [&](Var id) { return embed(id); }));
  const auto run = unroll(top, both.outputs, carried_state(tape, top, "state"));
  const Var logits = head(run.outputs.back()), best = argmax(logits), first = run.outputs.front();
  const auto values = set.initial<float>(5);
  std::vector<std::int32_t> x;
  RandomStream random(2);
  for (Index i = 0; i < 2 * T * rows; ++i) x.push_back(static_cast<std::int32_t>(random.below(V)));
  Session<float> session({{"logits", logits}, {"class", best}, {"first", first}}, &values);
  std::vector<float> expected, classes, firsts;
  for (int twice = 0; twice < 2; ++twice) {
    session.run({{"ids", TensorView<const std::int32_t>(x.data() + twice * T * rows, Shape{T, rows})}});
    expected.insert(expected.end(), session[logits].begin(), session[logits].end());
    firsts.insert(firsts.end(), session[first].begin(), session[first].end());
    for (std::int32_t id : session.ids(best)) classes.push_back(static_cast<float>(id));
  }
  OnnxRuns runs;
  runs.begin("sequence",
             export_onnx({{"logits", logits}, {"class", best}, {"first", first}}, values, {.name = "both", .description = "x"}),
             2, {{"state.h", Shape{rows, 6}}}, {"logits", "class", "first"});
  runs.give({"ids", Shape{T, rows}}, x);
  CHECK(runs.run(modules) == "");
  CHECK(worst(expected, runs.result("sequence", "logits")) < 1e-5);
  CHECK(worst(firsts, runs.result("sequence", "first")) < 1e-5);
  CHECK(classes == runs.result("sequence", "class"));
}

namespace {

// How often the file has an operator: its name is a field of its own, after its length.
Index count_of(const std::string& bytes, const std::string& operation) {
  const std::string field = std::string("\x22") + static_cast<char>(operation.size()) + operation;
  Index count = 0;
  for (std::size_t at = bytes.find(field); at != std::string::npos; at = bytes.find(field, at + 1)) ++count;
  return count;
}

}  // namespace

TEST_CASE("export_onnx: library cells over a sequence are the operators LSTM, GRU and RNN") {
  const std::string modules = onnxruntime();
  constexpr Index T = 5, rows = 3;
  struct Kind {
    std::string cell, operation;
  };
  const std::vector<Kind> kinds{{"lstm", "LSTM"}, {"gru", "GRU"},        {"gru-reset-after", "GRU"},
                                {"elman", "RNN"}, {"peephole-lstm", ""}, {"first-lstm", ""}};
  // How the layers lie: one after the other, both step by step (a stack), a second one that runs backward.
  const std::vector<std::string> ways{"one", "layers", "stack", "backward", "carried", "memories", "feedback"};
  OnnxRuns runs;
  std::map<std::string, std::vector<float>> expected;
  for (const Kind& kind : kinds)
    for (const std::string& way : ways) {
      CAPTURE(kind.cell);
      CAPTURE(way);
      ParameterSet set;
      const AnyCell first = make_cell(kind.cell, set, "first", I, H, drawn()),
                    second = make_cell(kind.cell, set, "second", H, H, drawn());
      Tape tape;
      const Sequence x = tape.input("x", T, {B, I});
      std::vector<Var> y;
      Index layers = 1;
      if (way == "one") {
        y = unroll(first, x, zero_state(tape, first)).outputs;
      } else if (way == "layers" || way == "backward") {
        const Direction direction = way == "layers" ? Direction::forward : Direction::backward;
        y = unroll(second, unroll(first, x, zero_state(tape, first)).outputs, zero_state(tape, second), {}, direction).outputs;
        layers = 2;
      } else if (way == "stack") {
        const AnyCell both = Deep({first, second});
        y = unroll(both, x, zero_state(tape, both)).outputs;
        layers = 2;
      } else if (way == "carried") {
        y = unroll(first, x, carried_state(tape, first, "state")).outputs;
      } else if (way == "memories") {  // all that the cell keeps is asked for: as much as no operator gives
        const auto run = unroll(first, x, zero_state(tape, first));
        for (auto state : run.states)
          for (const Var* part : state_parts(state)) y.push_back(*part);
        layers = kind.operation == "LSTM" ? 0 : 1;
      } else {  // what a step is given depends on the step before
        auto state = zero_state(tape, first);
        for (const Var& given : x) {
          state = first.step(y.empty() ? given : given * sum(y.back(), -1, Keep::dimension), state);
          y.push_back(cell_output(first, state));
        }
        layers = 0;
      }
      const Var all = stack(y);
      const auto values = set.initial<float>(4);
      const std::string bytes = export_onnx({{"y", all}}, values), name = kind.cell + "_" + way;
      CHECK((kind.operation.empty() ? 0 : count_of(bytes, kind.operation)) == (kind.operation.empty() ? 0 : layers));
      if (!kind.operation.empty() && layers > 0) CHECK(count_of(bytes, "MatMul") == 0);
      if (modules.empty()) continue;
      const std::vector<float> numbers_of_x = numbers<float>(2 * T * rows * I, 8);
      Session<float> session({{"y", all}}, &values);
      for (int twice = 0; twice < 2; ++twice) {
        session.run({{"x", TensorView<const float>(numbers_of_x.data() + twice * T * rows * I, Shape{T, rows, I})}});
        expected[name].insert(expected[name].end(), session[all].begin(), session[all].end());
      }
      std::vector<OnnxRuns::Array> states;
      for (const InputSlot& slot : session.plan().carried()) states.push_back({slot.name, slot.shape.bind(rows)});
      runs.begin(name, bytes, 2, states, {"y"});
      runs.give({"x", Shape{T, rows, I}}, numbers_of_x);
    }
  if (modules.empty()) return;
  CHECK(runs.run(modules) == "");
  for (const auto& [name, y] : expected) {
    const std::string& called = name;
    CAPTURE(called);
    CHECK(worst(y, runs.result(name, "y")) < 1e-5);
  }
}

TEST_CASE("export_onnx: what cannot be said in ONNX is refused by name") {
  ParameterSet set;
  const Linear layer(set, "layer", I, 2);
  Tape tape;
  const Var x = tape.input("x", {B, I}), y = layer(x);
  const auto values = set.initial<float>(1);
  const auto refused = [&](std::vector<Result> results) { return export_onnx(results, values); };
  CHECK_THROWS_WITH_AS(refused({{"y", dropout(y, .5, Mode::training)}}),
                       doctest::Contains("export_onnx: [dropout_mask] has no form in ONNX (export_onnx_test.cpp:"), InputError);
  CHECK_THROWS_WITH_AS(refused({{"x", y}}), doctest::Contains("two inputs or outputs are called \"x\""), InputError);
  CHECK_THROWS_WITH_AS(refused({{"%1", y}}), doctest::Contains("begin with %"), InputError);
  CHECK_THROWS_WITH_AS(refused({}), doctest::Contains("there is no output"), InputError);
  const ParameterSet other;
  CHECK_THROWS_AS(export_onnx({{"y", y}}, other.initial<float>(1)), InputError);
}
