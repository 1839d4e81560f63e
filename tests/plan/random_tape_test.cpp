// Every plan of a random tape equals the interpreter, in both types, and gives the same bits with 1, 2, 3 and 8 threads; with
// bf16 products, the same by instructions and by multiply-adds; with the forward part computed again; and in shards.
//
// Tapes come from seeds 1, 2, ...: some hundreds in the normal suite, 10,000 in the slow one. REEL_RANDOM_TAPES=count and
// REEL_RANDOM_SEED=first change that, e.g. to see once more a tape that failed:
//   REEL_RANDOM_SEED=4711 REEL_RANDOM_TAPES=1 build/release/bin/reel_tests --test-case='random tapes: plans*'
// A failing tape is shrunk, and printed with its values and its plan.
#include <cstdlib>

#include <fmt/format.h>

#include <reel/graph/print.h>
#include <reel/ops/activation.h>
#include <reel/ops/arithmetic.h>

#include "random_tape/generate.h"
#include "random_tape/shrink.h"

using namespace reel;
using namespace reel::test;

namespace {

std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
  const char* given = std::getenv(name);
  return given ? std::strtoull(given, nullptr, 10) : otherwise;
}

std::optional<std::string> failure(const Recipe& recipe, const CompileOptions& options) {
  const Trial trial(recipe);
  return trial.fair() ? difference(trial, options) : std::nullopt;
}

Recipe shrunk(const Recipe& recipe, const CompileOptions& options) {
  return shrink(recipe, [&](const Recipe& r) { return failure(r, options).has_value(); });
}

std::string report(const Trial& trial, const std::string& found, const CompileOptions& options) {
  const Trial small(shrunk(trial.recipe, options));
  const Recipe& r = small.recipe;
  std::string text = fmt::format("seed {}: {}\nshrunk to T = {}, {} rows, {} runs, data times {}: {}\n", r.seed, found, r.T,
                                 r.rows, r.runs, r.scale, difference(small, options).value_or("no difference now: of chance"));
  text += reel::text(small.random->tape, {.values = &small.exact.front()}) + "outputs:";
  for (const Var& v : small.random->outputs) text += fmt::format(" %{}", v.id());
  try {
    text += "\n" + compile<double>(small.random->tape, small.random->outputs, options).text();
  } catch (const std::exception&) {  // that may be what fails
  }
  return text;
}

// False when a plan differs. What is wrong in one place is often wrong in many tapes: only the first ones are shrunk.
bool check(const Trial& trial, const CompileOptions& options, int failed, Margins& margins) {
  const auto found = difference(trial, options, &margins);
  if (!found) return true;
  if (failed < 3)
    FAIL_CHECK(report(trial, *found, options));
  else
    FAIL_CHECK(fmt::format("seed {}: {}", trial.recipe.seed, *found));
  return false;
}

void check_random_tapes(std::uint64_t count) {
  const std::uint64_t first = from_environment("REEL_RANDOM_SEED", 1);
  count = from_environment("REEL_RANDOM_TAPES", count);
  std::uint64_t replaced = 0;
  int failed = 0;
  Margins margins;
  for (std::uint64_t seed = first; seed < first + count; ++seed) {
    CAPTURE(seed);  // printed on a crash too
    const Trial trial = random_trial(seed);
    replaced += trial.recipe.seed != seed;
    failed += !check(trial, {.verify = seed % 8 == 0}, failed, margins);
    if (seed % 4 == 0) failed += !check(trial, fewest_passes(), failed, margins);
    if (const auto found = difference_in_bf16(trial)) FAIL_CHECK(fmt::format("seed {}: {}", seed, *found));
    if (seed % 4 == 2)
      if (const auto found = difference_in_shards(trial)) FAIL_CHECK(fmt::format("seed {}: {}", seed, *found));
    if (seed % 4 == 1)
      if (const auto found = difference_with_recompute(trial)) FAIL_CHECK(fmt::format("seed {}: {}", seed, *found));
  }
  MESSAGE(count, " tapes from seed ", first, ", ", replaced, " replaced; largest error as a share of what is allowed: double ",
          margins.f64, ", float ", margins.f32);
  CHECK(replaced <= 1 + count / 25);
}

// The first recipe from `seed` on of which this holds.
template <class F>
Recipe find_recipe(std::uint64_t seed, F holds) {
  while (!holds(random_trial(seed).recipe)) ++seed;
  return random_trial(seed).recipe;
}

bool has(const Recipe& recipe, std::string_view name) {
  return std::ranges::any_of(recipe.instructions, [&](const Instruction& i) { return i.rule->name == name; });
}

bool has_softmax_of_concat(const Recipe& recipe) {
  return std::ranges::any_of(recipe.instructions, [&](const Instruction& i) {
    return i.rule->name == "softmax" && recipe.instructions[static_cast<std::size_t>(i.x[0])].rule->name == "concat";
  });
}

// The ops that take or give a value of a count of rows, with how often they do.
void add_counted_ops(const Tape& tape, std::map<std::string_view, int>& ops) {
  const auto counted = [&](NodeId id) { return tape.node(id).shape.rows().is_counted(); };
  for (NodeId id = 0; id < tape.size(); ++id)
    if (counted(id) || std::ranges::any_of(tape.inputs(id), counted)) ++ops[tape.node(id).op->name()];
}

// A pass with an error: sigmoid becomes tanh.
Program mistake(const Program& program, Element) {
  Rewriter rewriter(program);
  for (NodeId id = 0; id < program.tape->size(); ++id)
    if (program.tape->node(id).op->name() == "sigmoid")
      rewriter.replace(id, tanh(rewriter.to().var(rewriter.mapped(program.tape->inputs(id)[0]))));
    else
      rewriter.keep(id);
  return rewriter.finish();
}

}  // namespace

#ifdef __SANITIZE_ADDRESS__
constexpr int kTapes = 80;  // each is slow there
#else
constexpr int kTapes = 400;
#endif
TEST_CASE("random tapes: plans equal the interpreter") { check_random_tapes(kTapes); }

TEST_SUITE("slow") {
  TEST_CASE("random tapes: ten thousand plans equal the interpreter") { check_random_tapes(10'000); }
}

TEST_CASE("random tapes: gradients agree with the complex step") {
  int checked = 0;
  for (std::uint64_t seed = 1; checked < 60; ++seed) {
    const Recipe recipe = random_trial(seed).recipe;
    // stop_gradient differs from the derivative by design; the others only take long.
    if (has(recipe, "stop_gradient") || recipe.rows > 7 || recipe.T > 6) continue;
    const auto random = build(recipe);
    std::erase_if(random->wrt, [](Var v) {
      const LeafInfo* leaf = v.tape().node(v.id()).op->leaf();
      return !leaf || leaf->kind == LeafInfo::Kind::constant;
    });
    if (!random->loss || random->wrt.empty()) continue;
    CAPTURE(seed);
    GradientCheckOptions options{.most_elements = 4, .rows = recipe.rows};
    options.context.seed = recipe.seed;
    const auto bindings = random->bindings<double>(0);
    const GradientReport report = check_gradients(random->loss, random->wrt, bindings, &random->values, options);
    INFO(report.text());
    CHECK(report.ok());
    ++checked;
  }
}

TEST_CASE("random tapes: a seed makes the same tape again") {
  for (std::uint64_t seed : {3, 4, 5}) {
    const auto a = random_trial(seed), b = random_trial(seed);
    CHECK(text(a.random->tape, {.values = &a.exact.front()}) == text(b.random->tape, {.values = &b.exact.front()}));
  }
}

TEST_CASE("random tapes: cells and graphs of every kind occur") {
  std::map<std::string_view, int> rules;
  int unrolled = 0, longest = 0, empty_batch = 0, no_step = 0, again = 0, second_order = 0;
  int counted = 0, packed = 0, joining = 0, no_row = 0, every_row = 0;
  std::map<std::string_view, int> counted_ops;
  for (std::uint64_t seed = 1; seed <= 400; ++seed) {
    const Recipe recipe = random_trial(seed).recipe;
    for (const Instruction& i : recipe.instructions) ++rules[i.rule->name];
    const bool recurrent =
        std::ranges::any_of(recipe.instructions, [](const Instruction& i) { return i.section == Section::step; });
    unrolled += recurrent && recipe.T > 0;
    no_step += recurrent && recipe.T == 0;
    longest += recipe.T == 12;
    empty_batch += recipe.rows == 0;
    again += recipe.runs > 1;
    second_order += recipe.second_order;
    counted += has(recipe, "first_rows") && recipe.counts > 0;
    const auto random = build(recipe);
    add_counted_ops(random->tape, counted_ops);
    if (!has(recipe, "step_rows") || recipe.T < 2 || recipe.rows == 0) continue;
    ++packed;
    joining += recipe.joining;
    for (const Tensor<std::int32_t>& n : random->counts) {
      no_row += n[recipe.counts + recipe.T - 1] == 0;
      every_row += n[recipe.counts] == recipe.rows;
    }
  }
  CHECK(unrolled > 150);
  CHECK(std::min({longest, empty_batch, no_step, again, second_order}) > 0);
  CHECK(counted > 100);
  CHECK(packed > 40);
  for (std::string_view op :
       {"first_rows", "update_rows", "matmul", "weight_gradient", "batch_sum", "sum_to", "softmax", "scatter_add", "concat",
        "cross_entropy", "embedding", "dropout_mask", "select", "one_hot", "broadcast"})
    CHECK_MESSAGE(counted_ops[op] > 0, "no counted ", std::string(op));
  CHECK(std::min({joining, no_row, every_row}) > 0);
  for (const Rule& r : all_rules()) CHECK_MESSAGE(rules[r.name] > 0, "no ", std::string(r.name));
}

TEST_CASE("random tapes: what shrinks keeps its property and nothing that it can do without") {
  for (std::uint64_t seed : {1, 100, 300}) {
    CAPTURE(seed);
    const Recipe large = find_recipe(seed, has_softmax_of_concat);
    const Recipe small = shrink(large, has_softmax_of_concat);
    INFO(text(build(small)->tape));
    CHECK(build(large)->tape.size() > 15);
    CHECK(has_softmax_of_concat(small));
    CHECK(small.instructions.size() == 3);  // a leaf, the concat, the softmax
    CHECK(build(small)->tape.size() == 3);
    CHECK(small.T + small.rows + small.runs <= 3);
  }
}

TEST_CASE("random tapes: a pass with an error is found and the tape shrinks to it") {
  CompileOptions wrong{.passes = default_passes()};
  wrong.passes.insert(wrong.passes.begin(), {"mistake", mistake});
  const Recipe large = find_recipe(1, [&](const Recipe& r) { return failure(r, wrong).has_value(); });
  CHECK_FALSE(failure(large, {}).has_value());
  const Recipe small = shrunk(large, wrong);
  CHECK(failure(small, wrong).has_value());
  CHECK(text(build(small)->tape).find("sigmoid") != std::string::npos);
  CHECK(build(small)->tape.size() <= 3);
}
