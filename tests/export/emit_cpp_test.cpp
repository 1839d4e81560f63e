// Emitted files, compiled by themselves, give what plans give.
#include <reel/export/emit_cpp.h>

#include <cmath>

#include <reel/models/convolution.h>
#include <reel/ops/dropout.h>
#include <reel/plan/session.h>
#include <reel/plan/stream/stream.h>

#include "compiled.h"
#include "models/cells/cell_table.h"
#include "numbers.h"
#include "random_step.h"
#include "step.h"

using namespace reel;
using namespace reel::test;

namespace {

constexpr std::size_t kSteps = 1000;
const std::string kFast = "-O2 -ftree-vectorize", kSmall = "-Os -fno-exceptions -fno-rtti";

std::string emit(const Step& step, const std::string& name) { return emit_cpp({{"y", step.y}}, step.values, {.name = name}); }

}  // namespace

TEST_CASE("emit_cpp: every cell, and ten cells that nobody designed, over 1,000 steps") {
  Compiled program;
  std::vector<std::pair<std::string, std::unique_ptr<Step>>> steps;
  int number = 0;
  for (const TestedCell& kind : every_cell()) {
    const Index hidden = number % 3 == 0 ? H : number % 3 == 1 ? 33 : 1, outputs = number % 2 == 0 ? 2 : 40;
    steps.emplace_back("cell" + std::to_string(number++), cell_step(kind, hidden, outputs));
  }
  const std::vector<float> x = numbers<float>(static_cast<Index>(kSteps) * I, 3);
  for (std::uint64_t seed = 1; steps.size() < static_cast<std::size_t>(number) + 10; ++seed) {
    auto step = std::make_unique<Step>(
        [seed](ParameterSet& set, Tape& tape) { return RandomStep(seed, I, 4 + static_cast<Index>(seed)).record(set, tape); });
    // A chaotic one tells nothing.
    if (worst(step->expected<double>(x), step->expected(x)) < 3e-6)
      steps.emplace_back("random" + std::to_string(seed), std::move(step));
  }
  for (const auto& [name, step] : steps) {
    program.add(name, emit(*step, name));
    program.give(name, x);
  }
  for (const std::string& flags : {kFast, kSmall}) {
    CAPTURE(flags);
    program.compile(flags);
    CHECK(program.run());
    CHECK(program.said() == "");
    for (const auto& [name, step] : steps) {
      const std::string& called = name;
      CAPTURE(called);
      CHECK(worst(step->expected(x), program.result(name)) < 1e-5);
    }
  }
}

TEST_CASE("emit_cpp: exp, tanh and the logistic function are as exact as the library's, to the ends of their ranges") {
  const std::vector<std::pair<std::string, Var (*)(Operand)>> functions{
      {"exponential", exp}, {"hyperbolic", tanh}, {"logistic", sigmoid}, {"rectified", relu}, {"limited", satlins},
      {"stepped", step},    {"signed_one", sign}, {"root", sqrt},        {"logarithm", log}};
  constexpr Index kAtOnce = 16;
  std::vector<float> x{0.f,     -0.f,  INFINITY, -INFINITY, NAN,     2e-38f, -2e-38f, 1e-30f,
                       -1e-30f, 88.5f, 88.8f,    -87.5f,    -103.9f, 3e38f,  -3e38f,  1.f};
  for (float v : numbers<float>(16 * 200, 1)) x.push_back(v * 100);
  for (float v : numbers<float>(16 * 200, 2)) x.push_back(v);
  for (float v : numbers<float>(16 * 200, 3)) x.push_back(v * 1e-3f);
  Compiled program;
  std::vector<std::unique_ptr<Step>> steps;
  for (const auto& [name, f] : functions) {
    steps.push_back(std::make_unique<Step>([f = f](ParameterSet&, Tape& tape) { return f(tape.input("x", {B, kAtOnce})); }));
    program.add(name, emit(*steps.back(), name));
    program.give(name, x);
  }
  for (const std::string& flags : {kFast + " -ffp-contract=fast", kSmall}) {
    program.compile(flags);
    CHECK(program.run());
    CHECK(program.said() == "");
    for (std::size_t f = 0; f < functions.size(); ++f) {
      const std::vector<float> expected = steps[f]->expected(x), got = program.result(functions[f].first);
      REQUIRE(got.size() == expected.size());
      for (std::size_t i = 0; i < x.size(); ++i) {
        CAPTURE(functions[f].first);
        CAPTURE(x[i]);
        const bool both_nan = std::isnan(got[i]) && std::isnan(expected[i]);
        const float last =
            std::max(std::abs(expected[i]) * 0x1p-23f, 1e-38f);  // a unit in the last place; smaller counts as zero
        if (!both_nan && got[i] != expected[i]) CHECK(std::abs(got[i] - expected[i]) <= 3 * last);
      }
    }
  }
}

TEST_CASE("emit_cpp: ops along rows, over shapes with one element and many") {
  Compiled program;
  std::vector<std::pair<std::string, std::unique_ptr<Step>>> steps;
  const auto add = [&](const std::string& name, auto record) {
    steps.emplace_back(name, std::make_unique<Step>(record));
    program.add(name, emit(*steps.back().second, name));
  };
  constexpr Index kSize = 24;
  // Of rank 4 where f needs it: [B, 2, 4, 3].
  const auto along = [](auto f) {
    return [f](ParameterSet& set, Tape& tape) { return f(reshape(tape.input("x", {B, kSize}), {B, 2, 4, 3}), set); };
  };
  for (int axis = 0; axis < 3; ++axis) {
    const std::string at = std::to_string(axis);
    add("sums" + at, along([axis](Var x, ParameterSet&) { return sum(x, axis); }));
    add("means" + at, along([axis](Var x, ParameterSet&) { return mean(x, axis, Keep::dimension); }));
    add("maxima" + at, along([axis](Var x, ParameterSet&) { return max(x, axis); }));
    add("joined" + at, along([axis](Var x, ParameterSet&) { return concat({x, 2.0 * x, x}, axis); }));
    add("parts" + at, along([axis](Var x, ParameterSet&) { return slice(x, axis, 1, 2); }));
    add("padded" + at, along([axis](Var x, ParameterSet&) { return pad(x, axis, 1, 2); }));
    add("repeated" + at, along([axis](Var x, ParameterSet&) { return x * sum(x, axis, Keep::dimension); }));
  }
  add("softmaxes", along([](Var x, ParameterSet&) { return softmax(5.0 * x); }));
  add("log_softmaxes", along([](Var x, ParameterSet&) { return log_softmax(5.0 * x); }));
  add("normal", along([](Var x, ParameterSet&) { return layer_norm(x); }));
  add("normal_of_one", along([](Var x, ParameterSet&) { return layer_norm(reshape(x, {B, kSize, 1}), 1e-2); }));
  add("all", along([](Var x, ParameterSet&) { return sum(x, -1) * 0.5; }));
  add("matrices", along([](Var x, ParameterSet& set) { return matmul(x, set.add("w", {3, 5}, init::uniform(1))); }));
  add("wide_matrices", along([](Var x, ParameterSet& set) { return matmul(x, set.add("w", {3, 50}, init::uniform(1))); }));
  add("windows", along([](Var x, ParameterSet&) {
        return unfold(x, {.height = 2, .width = 3, .stride = 1, .pad_height = 1, .pad_width = 1});
      }));
  add("pools", along([](Var x, ParameterSet&) { return max_pool(x, 2); }));
  add("chosen", along([](Var x, ParameterSet& set) { return embedding(argmax(x), set.add("table", {3, 4}, init::uniform(1))); }));
  add("one_hots", along([](Var x, ParameterSet&) { return one_hot(argmax(x), 3); }));
  add("transposed", along([](Var x, ParameterSet& set) {
        return matmul(x, transpose(x.tape().parameter(set.add("w", {20, 3}, init::uniform(1)))));
      }));
  add("scaled", along([](Var x, ParameterSet& set) {
        return x * exp(x.tape().parameter(set.add("s", {4, 1}, init::uniform(1))));
      }));
  add("same", along([](Var x, ParameterSet&) { return x; }));
  add("constant_one", along([](Var x, ParameterSet&) { return x * 0.0 + 1.0; }));
  const std::vector<float> x = numbers<float>(40 * kSize, 11);
  program.compile(kFast);
  for (const auto& [name, step] : steps) program.give(name, x);
  CHECK(program.run());
  CHECK(program.said() == "");
  for (const auto& [name, step] : steps) {
    const std::string& called = name;
    CAPTURE(called);
    CHECK(worst(step->expected(x), program.result(name)) < 1e-6);
  }
}

TEST_CASE("emit_cpp: several inputs and outputs, ids, and what the file says about them") {
  ParameterSet set;
  const Embedding embed(set, "embedding", 7, 4);
  const Gru cell(set, "gru", 5, 6);
  const Linear head(set, "head", 6, 7);
  Tape tape;
  const Var id = tape.ids("class", {B}), more = tape.input("more than one", {B, 1});
  const auto h = carried_state(tape, cell, "state");
  const Var next = cell.step(concat({embed(id), more}), h);
  tape.carry(h, next);
  const Var logits = head(next), best = argmax(logits);
  const auto values = set.initial<float>(1);
  const std::string text = emit_cpp({{"log shares", log_softmax(logits)}, {"class", best}}, values,
                                    {.name = "writer", .description = "Writes.\nUnits: 6", .test_steps = 100});
  for (const char* said : {"// Writes.\n// Units: 6\n", "namespace writer {", "aclass: 1 ids each, at least 0 and below 7",
                           "more_than_one: 1 numbers", "log_shares: 7 numbers each, written", "// embedding [7, 4]",
                           "static constexpr std::size_t state_h_size = 6;",
                           "bool step(const std::int32_t* aclass, const float* more_than_one, float* log_shares, std::int32_t* "
                           "aclass_2) noexcept"}) {
    CHECK_MESSAGE(text.find(said) != std::string::npos, std::string(said));
  }
  const Directory directory;
  write_file(directory / "writer.h", text);
  write_file(directory / "main.cpp", R"(#include "writer.h"
int main() {
  if (!writer::self_test()) return 1;
  writer::Model a;
  const std::int32_t ids[] = {1, 2, 7, -1};
  const float more[] = {.1f, .2f, .3f, .4f};
  float shares[4 * 7] = {};
  std::int32_t best[4] = {};
  if (a.step(ids, more, shares, best, 4)) return 2;  // 7 is out of range
  writer::Model b = a;                                // a branch after two
  if (a.step(ids + 3, more, shares, best) || std::memcmp(&a, &b, sizeof a) != 0) return 3;
  a.reset();
  if (!a.step(ids, more, shares, best, 2) || std::memcmp(&a, &b, sizeof a) != 0) return 4;
  b.state_h[0] += 1;  // the state is there to be set
  return b.step(ids, more, shares, best) ? 0 : 5;
}
)");
  const std::string command = "cd '" + directory.path() +
                              "' && " REEL_TEST_COMPILER
                              " -std=c++17 -Wall -Wextra -Wpedantic -Werror -O1 main.cpp -o main && " REEL_TEST_RUNNER " ./main";
  CHECK(std::system(command.c_str()) == 0);
}

TEST_CASE("emit_cpp: a window that slides, and a run of several steps") {
  Compiled program;
  const auto window = std::make_unique<Step>([](ParameterSet& set, Tape& tape) {
    const SequenceConvolution conv(set, "conv", 5, I, 4);
    const Var x = tape.input("x", {B, 1, I}), past = tape.carried("past", {B, 4, I});
    const Var all = concat({past, x}, 0);
    tape.carry(past, slice(all, 0, 1, 5));
    return tanh(conv(all));
  });
  const auto several = std::make_unique<Step>([](ParameterSet& set, Tape& tape) {
    const Lstm cell(set, "lstm", I, H, drawn());
    const auto run = unroll(cell, tape.input("x", 4, {B, I}), carried_state(tape, cell, "state"));
    return concat(run.outputs);
  });
  const std::vector<float> x = numbers<float>(400 * I, 4);
  for (const auto& [name, step] : {std::pair("window", window.get()), std::pair("several", several.get())}) {
    program.add(name, emit(*step, name));
    program.give(name, x);
  }
  program.compile(kFast);
  CHECK(program.run());
  CHECK(worst(window->expected(x), program.result("window")) < 1e-5);
  CHECK(worst(several->expected(x), program.result("several")) < 1e-5);
}

TEST_CASE("emit_cpp: what cannot be said in C++ is refused by name") {
  ParameterSet set;
  const Linear layer(set, "layer", I, 2);
  Tape tape;
  const Var x = tape.input("x", {B, I}), y = layer(x);
  const auto values = set.initial<float>(1);
  const auto refused = [&](std::vector<Result> results, const CppOptions& options = {}) {
    return emit_cpp(results, values, options);
  };
  CHECK_THROWS_WITH_AS(refused({{"y", dropout(y, .5, Mode::training)}}), doctest::Contains("[dropout_mask] draws random numbers"),
                       InputError);
  CHECK_THROWS_WITH_AS(refused({{"y", cross_entropy_rows(y, tape.ids("id", {B}))}}),
                       doctest::Contains("emit_cpp: [cross_entropy] has no form in C++ (emit_cpp_test.cpp:"), InputError);
  CHECK_THROWS_WITH_AS(refused({{"y", sum(y)}}), doctest::Contains("no row of its own"), InputError);
  CHECK_THROWS_WITH_AS(refused({}), doctest::Contains("there is no output"), InputError);
  for (const char* name : {"", "2fast", "my model", "class", "a__b", "std"}) {
    CAPTURE(name);
    CHECK_THROWS_WITH_AS(refused({{"y", y}}, {.name = name}), doctest::Contains("is no name for a namespace"), InputError);
  }
  CHECK_THROWS_WITH_AS(refused({{"y", y}}, {.test_steps = 0}), doctest::Contains("1 step or more, not 0"), InputError);
  const ParameterSet other;
  CHECK_THROWS_AS(emit_cpp({{"y", y}}, other.initial<float>(1)), InputError);
}
