#include <reel/graph/mode.h>
#include <reel/models/initializers.h>
#include <reel/models/parameter_set.h>
#include <reel/ops/arithmetic.h>
#include <reel/ops/dropout.h>
#include <reel/ops/elementary.h>
#include <reel/ops/reduction.h>
#include <reel/ops/selection.h>

#include "ops/values.h"

using namespace reel;
using namespace reel::test;

namespace {

constexpr double kRate = 0.3;

template <class T>
std::vector<double> mask_of(const Plan<T>& plan, Workspace<T>& workspace, Var mask, Index rows, bool commit = true) {
  plan.run(workspace, {}, {.rows = rows, .commit = commit});
  return widened<T>(workspace.value(mask));
}

template <class T>
std::vector<double> first_mask(Var mask, Index rows, std::uint64_t seed, std::uint64_t run = 0, int threads = 1) {
  const Plan<T> plan = compile<T>(mask.tape(), {mask});
  Workspace<T> workspace(plan, nullptr, ThreadPool(threads), seed);
  workspace.set_runs(run);
  return mask_of(plan, workspace, mask, rows);
}

// Which elements are dropped: what must be equal between float and double.
std::vector<bool> dropped(const std::vector<double>& mask) {
  std::vector<bool> d;
  for (double x : mask) d.push_back(x == 0);
  return d;
}

}  // namespace

TEST_CASE("dropout_mask: equal in interpreter and plans, float and double, for any number of threads") {
  Tape tape;
  const Var mask = dropout_mask(tape, {B, 37}, kRate);
  const Index rows = 130;
  for (const std::uint64_t seed : {std::uint64_t{0}, std::uint64_t{7} << 40}) {
    for (const std::uint64_t run : {0, 5}) {
      INFO("seed ", seed, ", run ", run);
      Interpreter<double> oracle(tape, {}, nullptr, RunContext{.rows = rows, .seed = seed, .run = run}, rows);
      oracle.evaluate();
      const std::vector<double> expected = widened<double>(oracle.value(mask));
      for (int threads : {1, 2, 3, 8}) {
        CAPTURE(threads);
        CHECK(first_mask<double>(mask, rows, seed, run, threads) == expected);
        CHECK(dropped(first_mask<float>(mask, rows, seed, run, threads)) == dropped(expected));
      }
    }
  }
}

TEST_CASE("dropout_mask: elements are 0 or 1 / (1 - rate), dropped at the rate") {
  Tape tape;
  const Index n = 100'000;
  for (const double rate : {0.05, 0.5, 0.9}) {
    CAPTURE(rate);
    double zeros = 0;
    for (double x : first_mask<double>(dropout_mask(tape, {n}, rate), 1, 3)) {
      if (x == 0)
        ++zeros;
      else
        REQUIRE(x == 1 / (1 - rate));
    }
    const double deviation = std::sqrt(rate * (1 - rate) / static_cast<double>(n));
    CHECK(std::abs(zeros / static_cast<double>(n) - rate) < 5 * deviation);
  }
}

TEST_CASE("dropout_mask: differs after each committed run, and only then") {
  Tape tape;
  const Var mask = dropout_mask(tape, {B, 37}, kRate);
  const Plan<double> plan = compile<double>(tape, {mask});
  Workspace<double> workspace(plan, nullptr, ThreadPool(1), 7);
  const auto first = mask_of(plan, workspace, mask, 3), second = mask_of(plan, workspace, mask, 3);
  CHECK(workspace.runs() == 2);
  CHECK(first != second);
  const auto third = mask_of(plan, workspace, mask, 3, false);
  CHECK(third != second);
  CHECK(workspace.runs() == 2);
  CHECK(mask_of(plan, workspace, mask, 3, false) == third);
  workspace.commit();
  CHECK(mask_of(plan, workspace, mask, 3, false) != third);
  workspace.set_runs(0);
  CHECK(mask_of(plan, workspace, mask, 3) == first);
}

TEST_CASE("dropout_mask: differs between seeds, rows, columns, and two masks of one tape") {
  Tape tape;
  const Var a = dropout_mask(tape, {B, 40}, 0.5), b = dropout_mask(tape, {B, 40}, 0.5);
  const auto mask = first_mask<double>(a, 2, 7);
  CHECK(mask != first_mask<double>(a, 2, 8));
  CHECK(mask != first_mask<double>(a, 2, 7 + (std::uint64_t{1} << 32)));
  CHECK(mask != first_mask<double>(b, 2, 7));
  CHECK_FALSE(std::equal(mask.begin(), mask.begin() + 40, mask.begin() + 40));
  CHECK_FALSE(std::equal(mask.begin(), mask.begin() + 20, mask.begin() + 20));
}

TEST_CASE("dropout_mask: two equal masks stay two through the passes of a plan") {
  Tape tape;
  const Var a = dropout_mask(tape, {B, 40}, 0.5), b = dropout_mask(tape, {B, 40}, 0.5), same = a * b;
  const Plan<double> plan = compile<double>(tape, {same, a});
  Workspace<double> workspace(plan, nullptr, ThreadPool(1), 1);
  plan.run(workspace, {}, {.rows = 5});
  CHECK(dropped(widened<double>(workspace.value(same))) != dropped(widened<double>(workspace.value(a))));
}

TEST_CASE("dropout_mask: a row's mask does not depend on the number of rows") {
  Tape tape;
  const Var mask = dropout_mask(tape, {B, 37}, kRate);
  const auto few = first_mask<double>(mask, 3, 7), many = first_mask<double>(mask, 130, 7);
  CHECK(std::equal(few.begin(), few.end(), many.begin()));
}

TEST_CASE("dropout_mask: odd shapes, without B, and no rows") {
  for (const Shape& shape : {Shape{}, Shape{5}, Shape{2, 3}, Shape{0}, Shape{B}, Shape{B, 1}, Shape{B, 2, 5}, Shape{B, 0}}) {
    INFO(shape.text());
    Tape tape;
    const Var mask = dropout_mask(tape, shape, 0.5);
    check_plan(tape, std::vector<Var>{mask}, Data());
    CHECK(static_cast<Index>(first_mask<double>(mask, 0, 1).size()) == shape.elements(0));
  }
}

TEST_CASE("dropout: gradients pass through the same mask, and plan") {
  check_unary([](Var x) { return dropout(x, kRate, Mode::training); });
  check_unary([](Var x) { return square(dropout(x, kRate, Mode::training)); });
}

TEST_CASE("dropout: the gradient is the mask of the forward pass") {
  Tape tape;
  const Var x = tape.input("x", {B, 37}), y = dropout(x, kRate, Mode::training);
  const Data data = Data().add("x", Tensor<double>(Shape{4, 37}, std::vector<double>(4 * 37, 1.0)));
  const auto mask = interpreted<double>(y, data);
  CHECK(std::ranges::count(mask, 0.0) > 0);
  Expected expected(mask);
  expected.tolerance64 = 0;
  check_values(gradient(sum(y), x), data, expected);
}

TEST_CASE("dropout_mask: one mask serves several steps") {
  Tape tape;
  const Sequence x = tape.input("x", 2, {B, 20});
  const Var mask = dropout_mask(tape, {B, 20}, 0.5), difference = x[0] * mask - x[1] * mask;
  const Data data = Data().add("x", Tensor<double>(Shape{2, 3, 20}, std::vector<double>(120, 1.0)));
  check_values(difference, data, {std::vector<double>(60, 0.0)});
  const Var fresh = dropout(x[0], 0.5, Mode::training) - dropout(x[1], 0.5, Mode::training);
  CHECK(std::ranges::count(planned<double>(fresh, data), 0.0) < 60);
}

TEST_CASE("dropout: x itself in inference and for rate 0") {
  Tape tape;
  const Var x = tape.input("x", {B, 3});
  const NodeId before = tape.size();
  CHECK(dropout(x, 0.5, Mode::inference) == x);
  CHECK(dropout(x, 0.0, Mode::training) == x);
  CHECK(tape.size() == before);
}

TEST_CASE("dropout_mask: of rate 0 is all ones") {
  Tape tape;
  CHECK(first_mask<double>(dropout_mask(tape, {B, 37}, 0), 3, 7) == std::vector<double>(3 * 37, 1.0));
}

TEST_CASE("dropout: a rate outside [0, 1) is refused with the caller's line") {
  Tape tape;
  const Var x = tape.input("x", {B, 3});
  for (const double rate : {-0.1, 1.0, 1.5, kInfinity, kNaN}) {
    CAPTURE(rate);
    check_throws<InputError>([&] { dropout(x, rate, Mode::training); }, {"[dropout", "rate", "[0, 1)", "dropout_test.cpp:"});
    check_throws<InputError>([&] { dropout_mask(tape, {B, 3}, rate); }, {"[dropout", "rate", "[0, 1)", "dropout_test.cpp:"});
  }
  check_throws<InputError>([&] { dropout(x, 1.5, Mode::training); }, {"1.5"});
}

TEST_CASE("dropout_mask: of any run it has nothing to do with the initial values of any parameter") {
  constexpr Index kNumbers = 1000;
  ParameterSet set;
  for (int p = 0; p < 6; ++p) set.add(fmt::format("p{}", p), {kNumbers}, init::uniform(1));
  Tape tape;
  const Var mask = dropout_mask(tape, {kNumbers}, 0.5);
  for (std::uint64_t run = 0; run < 6; ++run) {
    const auto values = set.initial<double>(3);
    const auto drawn = first_mask<double>(mask, 1, 3, run);
    for (Index p = 0; p < 6; ++p) {
      int alike = 0;
      for (Index i = 0; i < kNumbers; ++i) alike += (drawn[static_cast<std::size_t>(i)] > 0) == (values.at(p)[i] > 0);
      CHECK(std::abs(alike - 500) < 80);  // five standard deviations
    }
  }
}

TEST_CASE("dropout: the largest rate keeps the mean, and a larger one is refused") {
  Tape tape;
  const Var mask = dropout_mask(tape, {B, 4096}, 1 - 0x1p-8);
  const auto drawn = first_mask<double>(mask, 1000, 1);
  double mean = 0;
  for (double x : drawn) mean += x / static_cast<double>(drawn.size());
  CHECK(std::abs(mean - 1) < 0.05);
  for (double rate : {1 - 1e-12, 1 - 0x1p-21})
    check_throws<InputError>([&] { dropout_mask(tape, {4}, rate); }, {"dropout", "leaves nothing"});
  dropout_mask(tape, {4}, 1 - 0x1p-20);
}
