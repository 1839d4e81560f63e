#include <reel/ops/weight_gradient.h>

#include <cmath>

#include <reel/graph/print.h>
#include <reel/graph/structural.h>
#include <reel/ops/activation.h>
#include <reel/ops/arithmetic.h>
#include <reel/ops/broadcast.h>
#include <reel/ops/joining.h>

#include "network.h"
#include "ops/values.h"

using namespace reel;
using namespace reel::test;

namespace {

constexpr Index kRows[] = {0, 1, 191, 192, 193, 400};

struct Case {
  std::vector<Index> lefts;  // widths
  Index N;
  Index groups = 1;
  bool sums = false;
  Index steps = 1;
  Shape lead = {B};      // dimensions before the columns
  bool strided = false;  // operands are parts of wider ones

  std::string text() const {
    return fmt::format("lefts {} N {} groups {} sums {} steps {} lead {} strided {}", fmt::join(lefts, ","), N, groups, sums,
                       steps, lead.text(), strided);
  }
};

// A weight gradient node over inputs of its own. Dense copies of the operands, row after row, are kept for naive loops.
template <class T>
class Contracted {
 public:
  Contracted(const Case& c, Index rows) : case_(c), rows_(c.lead.elements(rows)) {
    std::vector<Var> operands;
    for (Index s = 0; s < c.steps; ++s) {
      for (Index width : c.lefts) operands.push_back(add(width, rows));
      for (Index g = 0; g < c.groups; ++g) operands.push_back(add(c.N, rows));
    }
    const Var all = grouped_weight_gradient({static_cast<Index>(c.lefts.size()), c.groups, c.sums}, operands, {});
    for (Index g = 0; g < c.groups; ++g) outputs_.push_back(c.groups == 1 ? all : get_output(all, g, {}));
  }

  void check() const {
    INFO(case_.text(), ", ", rows_, " rows");
    const auto plan = compile<T>(tape_, outputs_, {.passes = std::vector<Pass>{}, .verify = true});
    std::vector<Binding> bindings;
    for (std::size_t i = 0; i < inputs_.size(); ++i) bindings.push_back({names_[i], inputs_[i]});
    Workspace<T> workspace(plan);
    plan.run(workspace, bindings);
    for (Index g = 0; g < case_.groups; ++g) check_group(g, workspace.value(outputs_[static_cast<std::size_t>(g)]));
    for (int threads : {2, 3, 8})
      CHECK(bits_of_run<T>(plan, outputs_, bindings, threads) == bits_of(workspace, std::span<const Var>(outputs_)));
  }

 private:
  // One operand [lead.., width].
  Var add(Index width, Index rows) {
    const bool rank_1 = case_.lead.rank() == 0;
    const Index inner = rank_1 ? width : case_.lead.dim(0) * width, gap = case_.strided ? (rank_1 ? 3 : width) : 0;
    Shape shape = case_.lead.with_last(width);
    if (case_.strided) shape = rank_1 ? shape.with_dim(-1, width + 3) : shape.with_dim(0, case_.lead.dim(0) + 1);
    names_.push_back(fmt::format("x{}", names_.size()));
    inputs_.push_back(cast<T>(uniform_tensor(shape.bind(rows), names_.size(), -1, 1)));
    std::vector<T> dense;
    const Tensor<T>& all = inputs_.back();
    for (Index r = 0; r < (shape.batched() ? rows : 1); ++r)
      for (Index i = 0; i < inner; ++i) dense.push_back(all[r * (inner + gap) + (gap ? (rank_1 ? 2 : width) : 0) + i]);
    dense_.push_back(std::move(dense));
    const Var x = tape_.input(names_.back(), shape);
    return !gap ? x : rank_1 ? slice(x, -1, 2, 2 + width) : slice(x, 0, 1, case_.lead.dim(0) + 1);
  }

  // Every element is one chain over steps and rows in order, fused or not as the machine has it.
  void check_group(Index g, TensorView<const T> y) const {
    Index m = 0, wrong = 0, chains[2] = {0, 0};
    const std::size_t L = case_.lefts.size(), each = L + static_cast<std::size_t>(case_.groups);
    const auto check_row = [&](std::size_t left, Index column) {
      for (Index n = 0; n < case_.N; ++n) {
        T fused{}, plain{}, fused_before{}, plain_before{};  // of a block of 192 rows, and of those before it
        double exact = 0, size = 0;
        Index row = 0;
        for (std::size_t s = 0; s < dense_.size(); s += each)
          for (Index r = 0; r < rows_; ++r) {
            const T a = left < L ? dense_[s + left][static_cast<std::size_t>(r * case_.lefts[left] + column)] : T(1);
            const T b = dense_[s + L + static_cast<std::size_t>(g)][static_cast<std::size_t>(r * case_.N + n)];
            if (row > 0 && row % 192 == 0) {
              fused_before = row == 192 ? fused : fused_before + fused;
              plain_before = row == 192 ? plain : plain_before + plain;
              fused = plain = T{};
            }
            ++row;
            fused = std::fma(a, b, fused);
            plain += a * b;
            exact += static_cast<double>(a) * static_cast<double>(b);
            size += 1;
          }
        if (row > 192) fused = fused_before + fused, plain = plain_before + plain;
        const T given = y[m * case_.N + n];
        wrong += std::abs(static_cast<double>(given) - exact) > std::numeric_limits<T>::epsilon() * (size * size / 4 + 1);
        chains[0] += given != fused;
        chains[1] += given != plain;
      }
      ++m;
    };
    for (std::size_t l = 0; l < L; ++l)
      for (Index column = 0; column < case_.lefts[l]; ++column) check_row(l, column);
    if (case_.sums) check_row(L, 0);
    REQUIRE(y.shape() == Shape{m, case_.N});
    CHECK(wrong == 0);
    CHECK(std::min(chains[0], chains[1]) == 0);
  }

  Case case_;
  Index rows_;
  Tape tape_;
  std::vector<std::string> names_;
  std::vector<Tensor<T>> inputs_;
  std::vector<std::vector<T>> dense_;
  std::vector<Var> outputs_;
};

template <class T>
void check(const Case& c, Index rows) {
  Contracted<T>(c, rows).check();
}

}  // namespace

TEST_CASE_TEMPLATE("weight gradient: operands of every small size, at the edges of the blocks of rows", T, float, double) {
  for (Index rows : kRows)
    for (Index M : {0, 1, 2, 7, 13})
      for (Index N : {0, 1, 5, 16, 33, 65}) check<T>({.lefts = {M}, .N = N}, rows);
}

TEST_CASE_TEMPLATE("weight gradient: more columns than one part takes, left and right", T, float, double) {
  for (Index M : {515, 516, 517, 1033}) check<T>({.lefts = {M}, .N = 3}, 193);
  for (Index N : {256, 257, 512, 513, 700}) check<T>({.lefts = {3}, .N = N}, 193);
  check<T>({.lefts = {530}, .N = 530}, 3);
  check<T>({.lefts = {530}, .N = 130, .groups = 4, .sums = true}, 2);
}

TEST_CASE_TEMPLATE("weight gradient: sums are the last row, also where they begin a part or stand alone in one", T, float,
                   double) {
  for (Index rows : kRows) check<T>({.lefts = {5}, .N = 9, .sums = true}, rows);
  for (Index M : {515, 516, 517, 1031, 1032}) check<T>({.lefts = {M}, .N = 2, .sums = true}, 5);
  check<T>({.lefts = {0}, .N = 9, .sums = true}, 5);
}

TEST_CASE_TEMPLATE("weight gradient: several left operands stand side by side, across parts too", T, float, double) {
  for (Index rows : {1, 193, 400}) {
    check<T>({.lefts = {3, 4}, .N = 5}, rows);
    check<T>({.lefts = {1, 0, 17, 2}, .N = 20, .sums = true}, rows);
  }
  check<T>({.lefts = {300, 300, 1}, .N = 4, .sums = true}, 130);
  check<T>({.lefts = {516, 516}, .N = 4}, 5);
  check<T>({.lefts = std::vector<Index>(15, 3), .N = 4}, 5);
}

TEST_CASE_TEMPLATE("weight gradient: several groups share their panels and parts", T, float, double) {
  for (Index rows : kRows) check<T>({.lefts = {3}, .N = 10, .groups = 4, .sums = true}, rows);
  for (Index N : {1, 15, 16, 17, 32, 100, 130}) check<T>({.lefts = {3, 2}, .N = N, .groups = 5}, 7);
  check<T>({.lefts = {2}, .N = 40, .groups = 14, .sums = true}, 3);
  check<T>({.lefts = {2}, .N = 0, .groups = 2}, 3);
}

TEST_CASE_TEMPLATE("weight gradient: rows of several steps are counted on, across blocks", T, float, double) {
  for (Index rows : {0, 1, 50, 64, 191, 192, 193}) {
    check<T>({.lefts = {3}, .N = 5, .steps = 3}, rows);
    check<T>({.lefts = {3, 2}, .N = 5, .groups = 2, .sums = true, .steps = 5}, rows);
  }
}

TEST_CASE_TEMPLATE("weight gradient: matrices and operands without B", T, float, double) {
  for (bool strided : {false, true}) {
    for (Index rows : {0, 1, 3, 50}) {
      check<T>({.lefts = {3}, .N = 5, .strided = strided}, rows);
      check<T>({.lefts = {3, 4}, .N = 5, .groups = 2, .sums = true, .steps = 2, .lead = {B, 7}, .strided = strided}, rows);
      check<T>({.lefts = {3}, .N = 5, .lead = {B, 130}, .strided = strided}, rows);
      check<T>({.lefts = {3}, .N = 5, .lead = {B, 1}, .strided = strided}, rows);
    }
    for (Index leading : {1, 7, 192, 300})
      check<T>({.lefts = {3, 1}, .N = 5, .sums = true, .steps = 2, .lead = {leading}, .strided = strided}, 1);
  }
  check<T>({.lefts = {3}, .N = 5, .lead = {B, 0}}, 4);
  check<T>({.lefts = {3}, .N = 5, .lead = {0}}, 1);
}

TEST_CASE("weight gradient: steps with and without B, of several ranks, and a row that all share") {
  Tape tape;
  const Var x = tape.input("x", {B, 3}), m = tape.input("m", {B, 2, 3}), p = tape.input("p", {4, 3}),
            row = tape.input("row", {2});
  const Var dx = tape.input("dx", {B, 2}), dm = tape.input("dm", {B, 2, 2}), dp = tape.input("dp", {4, 2});
  const Var shared = broadcast(row, {B, 2}), one = broadcast(tape.input("one", {B, 1}), {B, 3});
  const std::vector<Var> operands{x, dx, p, dp, m, dm, x, shared, one, dx};
  const Var y = grouped_weight_gradient({}, operands, {});
  std::vector<Var> outputs{y};
  for (Index rows : {0, 1, 5, 140}) {
    Data data;
    std::uint64_t seed = 1;
    for (const Var& v : {x, m, p, row, dx, dm, dp}) data.add(tape.name(v.id()), random_tensor(v.shape().bind(rows), seed++));
    data.add("one", random_tensor({rows, 1}, 9));
    check_plan(tape, outputs, data);
  }
}

TEST_CASE("weight gradient: the interpreter adds groups, left operands and sums as plans do") {
  Tape tape;
  const Var x = tape.input("x", {B, 2}), h = tape.input("h", {B, 3}), d = tape.input("d", {B, 4}), e = tape.input("e", {B, 4});
  const Var all = grouped_weight_gradient({2, 2, true}, std::vector<Var>{x, h, d, e, tanh(x), tanh(h), tanh(d), tanh(e)}, {});
  const std::vector<Var> outputs{get_output(all, 0, {}), get_output(all, 1, {})};
  CHECK(all.shape() == Shape{2, 6, 4});
  check_plan(tape, outputs,
             Data()
                 .add("x", random_tensor({5, 2}, 1))
                 .add("h", random_tensor({5, 3}, 2))
                 .add("d", random_tensor({5, 4}, 3))
                 .add("e", random_tensor({5, 4}, 4)));
}

TEST_CASE("weight gradient: layouts are told from other nodes") {
  Tape tape;
  const Var x = tape.input("x", {B, 2}), d = tape.input("d", {B, 4});
  const Var plain = weight_gradient(x, d), all = grouped_weight_gradient({1, 2, true}, std::vector<Var>{x, d, d}, {});
  CHECK(weight_gradient_layout(tape, x.id()) == nullptr);
  CHECK(weight_gradient_layout(tape, tanh(x).id()) == nullptr);
  REQUIRE(weight_gradient_layout(tape, plain.id()) != nullptr);
  CHECK(weight_gradient_layout(tape, plain.id())->key() == WeightGradientLayout{}.key());
  CHECK(weight_gradient_layout(tape, all.id())->key() == WeightGradientLayout{1, 2, true}.key());
  CHECK(weight_gradient_layout(tape, all.id())->operands() == 3);
}

TEST_CASE("weight gradient: operands that do not fit are refused with their shapes") {
  Tape tape;
  const Var x = tape.input("x", {B, 2}), d = tape.input("d", {B, 4}), e = tape.input("e", {B, 5}), m = tape.input("m", {B, 3, 4}),
            plain = tape.input("plain", {3, 4}), scalar = tape.input("scalar", {}), ids = tape.ids("ids", {B, 2});
  const auto of = [](const WeightGradientLayout& layout, std::vector<Var> operands) {
    return [=] { grouped_weight_gradient(layout, operands, {}); };
  };
  check_throws<ShapeError>([&] { weight_gradient(x, m); }, {"weight_gradient", "x [B, 2]", "m [B, 3, 4]"});
  check_throws<ShapeError>([&] { weight_gradient(x, plain); }, {"weight_gradient", "x [B, 2]", "plain [3, 4]"});
  check_throws<ShapeError>([&] { weight_gradient(scalar, scalar); }, {"weight_gradient", "scalar []"});
  check_throws<ShapeError>([&] { weight_gradient(ids, d); }, {"weight_gradient", "ids"});
  check_throws<ShapeError>(of({}, {x, d, d, d}), {"widths differ", "x [B, 2]", "d [B, 4]"});
  check_throws<ShapeError>(of({}, {x, d, x, e}), {"widths differ", "d [B, 4]", "e [B, 5]"});
  check_throws<ShapeError>(of({1, 2, false}, {x, d, e}), {"widths differ", "d [B, 4]", "e [B, 5]"});
  check_throws<ShapeError>(of({2, 1, false}, {x, d}), {"3 inputs per step", "given 2"});
}

TEST_CASE("weight gradient: the gradient of a sum of several steps") {
  Tape tape;
  const Var x = tape.input("x", {B, 2}), d = tape.input("d", {B, 3});
  const Var y = grouped_weight_gradient({}, std::vector<Var>{x, d, tanh(x), d, x, tanh(d)}, {});
  check_op(y, {{x, d}}, Data().add("x", random_tensor({4, 2}, 1)).add("d", random_tensor({4, 3}, 2)));
}

TEST_CASE("weight gradient: the error in float does not grow with the number of rows") {
  for (Index rows : {Index{192}, Index{9216}, Index{9217}, Index{100000}, Index{1000000}}) {
    CAPTURE(rows);
    for (const bool constant : {true, false}) {
      Tensor<float> x(Shape{rows, 3}), y(Shape{rows, 5});
      RandomStream random(1);
      for (float& v : x) v = constant ? 0.1f : static_cast<float>(random.uniform());
      for (float& v : y) v = constant ? 0.1f : static_cast<float>(random.uniform());
      Tape tape;
      const Var w = weight_gradient(tape.input("x", {B, 3}), tape.input("y", {B, 5}));
      const auto plan = compile<float>(tape, {w});
      Workspace<float> workspace(plan);
      plan.run(workspace, {{"x", x}, {"y", y}});
      for (Index m = 0; m < 3; ++m)
        for (Index n = 0; n < 5; ++n) {
          double exact = 0;
          for (Index r = 0; r < rows; ++r) exact += static_cast<double>(x[r * 3 + m]) * static_cast<double>(y[r * 5 + n]);
          CHECK(std::abs(static_cast<double>(workspace.value(w)[m * 5 + n]) / exact - 1) < 1e-5);
        }
    }
  }
}

TEST_CASE("weight gradient: where y is exactly 0, x counts for nothing, NaN and infinity included") {
  for (Index rows : {3, 400, 20000}) {  // in one block, in several, in several groups of blocks
    CAPTURE(rows);
    Tensor<double> x(Shape{rows, 2}), y(Shape{rows, 3});
    for (Index r = 0; r < rows; ++r) {
      const bool left_out = r % 2 == 1;
      x[2 * r] = left_out ? (r % 4 == 1 ? kNaN : -kInfinity) : 1;
      x[2 * r + 1] = r == 2 ? kInfinity : 2;
      for (Index n = 0; n < 3; ++n) y[3 * r + n] = left_out || (r == 2 && n < 2) ? 0 : static_cast<double>(n + 1);
    }
    const auto kept = static_cast<double>((rows + 1) / 2);
    Tape tape;
    const Var w = weight_gradient(tape.input("x", {B, 2}), tape.input("y", {B, 3}));
    check_values(w, Data().add("x", x).add("y", y),
                 {{kept - 1, 2 * (kept - 1), 3 * kept, 2 * (kept - 1), 4 * (kept - 1), kInfinity}});
  }
}
