#include <reel/graph/structural.h>
#include <reel/ops/activation.h>
#include <reel/ops/arithmetic.h>
#include <reel/ops/elementary.h>
#include <reel/ops/embedding.h>
#include <reel/ops/matmul.h>
#include <reel/ops/operand.h>
#include <reel/ops/reduction.h>
#include <reel/ops/rows.h>
#include <reel/ops/softmax.h>
#include <reel/ops/transpose.h>

#include "ops/values.h"

using namespace reel;
using namespace reel::test;

namespace {

Tensor<std::int32_t> counts(std::vector<std::int32_t> n) { return Tensor<std::int32_t>(Shape{static_cast<Index>(n.size())}, n); }

// x [B, 2] of 5 rows and two counts, of which the second is the smaller.
struct TwoCounts {
  Tape tape;
  Var x = tape.input("x", {B, 2});
  std::vector<RowCount> n = tape.row_counts("n", 2);
  Tensor<double> numbers = Tensor<double>(Shape{5, 2}, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9});
  Data data(std::vector<std::int32_t> bound) const { return Data().add("x", numbers).add("n", counts(std::move(bound))); }
};

}  // namespace

TEST_CASE("first_rows: takes the rows that its count says") {
  for (std::int32_t n : {0, 1, 3, 5}) {
    CAPTURE(n);
    TwoCounts c;
    const Var y = first_rows(c.x, c.n[0]) * 2.0;
    std::vector<double> expected;
    for (int i = 0; i < 2 * n; ++i) expected.push_back(2 * i);
    check_values(y, c.data({n, 0}), {expected});
  }
}

TEST_CASE("first_rows: of ids") {
  Tape tape;
  const Var ids = tape.ids("ids", {B});
  const RowCount n = tape.row_counts("n", 1)[0];
  const Var y = one_hot(first_rows(ids, n), 3);
  check_values(y, Data().add("ids", Tensor<std::int32_t>(Shape{3}, {2, 0, 1})).add("n", counts({2})), {{0, 0, 1, 1, 0, 0}});
}

TEST_CASE("first_rows: the rows beyond the count are not read") {
  TwoCounts c;
  c.numbers[8] = kNaN;
  const std::vector<Var> outputs{sum(square(first_rows(c.x, c.n[0]))), gradient(sum(square(first_rows(c.x, c.n[0]))), c.x)};
  const Data data = c.data({4, 0});
  check_values(outputs[0], data, {{140}});
  check_values(outputs[1], data, {{0, 2, 4, 6, 8, 10, 12, 14, 0, 0}});
}

TEST_CASE("first_rows: gradients, and plan against interpreter, for every count") {
  for (std::int32_t n : {0, 1, 2, 5})
    for (std::int32_t m : {0, 1, 2})
      if (m <= n) {
        CAPTURE(n);
        CAPTURE(m);
        TwoCounts c;
        const Var first = first_rows(c.x, c.n[0]);
        check_op(tanh(first_rows(first, c.n[1])) + first_rows(square(first), c.n[1]), {{c.x}}, c.data({n, m}));
      }
}

TEST_CASE("update_rows: the top's rows, then the base's") {
  TwoCounts c;
  const Var top = -first_rows(c.x, c.n[1]);
  check_values(update_rows(c.x, top), c.data({5, 2}), {{-0.0, -1, -2, -3, 4, 5, 6, 7, 8, 9}});
  check_values(update_rows(first_rows(c.x, c.n[0]), top), c.data({3, 2}), {{-0.0, -1, -2, -3, 4, 5}});
}

TEST_CASE("update_rows and extend_rows: gradients, and plan against interpreter") {
  for (std::int32_t n : {0, 1, 3, 5})
    for (std::int32_t m : {0, 1, 3})
      if (m <= n) {
        CAPTURE(n);
        CAPTURE(m);
        TwoCounts c;
        const Var base = first_rows(square(c.x), c.n[0]), top = first_rows(tanh(c.x), c.n[1]);
        check_op(update_rows(base, top) * base, {{c.x}}, c.data({n, m}));
        check_op(extend_rows(top, B) + c.x, {{c.x}}, c.data({n, m}));
        check_op(extend_rows(top, c.n[0]), {{c.x}}, c.data({n, m}));
      }
}

TEST_CASE("row_count: the number that was bound") {
  TwoCounts c;
  check_values(row_count(c.tape, c.n[0]), c.data({3, 1}), {{3}});
  check_values(row_count(c.tape, c.n[1]) + sum(first_rows(c.x, c.n[0])) * 0.0, c.data({3, 1}), {{1}});
  check_values(row_count(c.tape, B) + sum(c.x) * 0.0, c.data({3, 1}), {{5}});
}

TEST_CASE("counts of rows: means are of the rows that count, and 0 where there are none") {
  for (std::int32_t n : {0, 1, 3, 5}) {
    CAPTURE(n);
    TwoCounts c;
    const Var x = first_rows(c.x, c.n[0]);
    const double rows = std::max<double>(n, 1), total = n * (2 * n - 1);  // 0 + 1 + .. of two columns
    check_values(mean(x), c.data({n, 0}), {{total / (2 * rows)}});
    check_values(batch_mean(x), c.data({n, 0}), {{n * (n - 1) / rows, n * n / rows}});
    check_op(mean(square(x)), {{c.x}}, c.data({n, 0}));
    check_op(batch_mean(tanh(x)), {{c.x}}, c.data({n, 0}));
  }
}

TEST_CASE("counts of rows: matrix products, sums, softmax and lookups of counted rows") {
  for (std::int32_t n : {0, 1, 3}) {
    CAPTURE(n);
    TwoCounts c;
    const Var w = c.tape.input("w", {2, 20}), x = first_rows(c.x * 0.1, c.n[0]);
    Data data = c.data({n, 0});
    data.add("w", random_tensor({2, 20}, 3));
    check_op(softmax(matmul(tanh(matmul(x, w)), transpose(Operand(w)))), {{c.x, w}}, data);
  }
}

TEST_CASE("counts of rows: steps of different counts share their weights' gradient") {
  Tape tape;
  const Sequence x = tape.input("x", 3, {B, 17});
  const Var w = tape.input("w", {17, 9});
  const std::vector<RowCount> n = tape.row_counts("n", 3);
  std::vector<Var> sums;
  for (std::size_t t = 0; t < 3; ++t) sums.push_back(sum(square(matmul(first_rows(x[t], n[t]), w))));
  const Var loss = accumulate(sums);
  for (const std::vector<std::int32_t>& bound : {std::vector<std::int32_t>{4, 4, 4}, {4, 2, 1}, {3, 0, 0}, {0, 0, 0}}) {
    const Data data = Data().add("x", random_tensor({3, 4, 17}, 1)).add("w", random_tensor({17, 9}, 2)).add("n", counts(bound));
    check_gradient(loss, {{w, x[0], x[2]}}, data);
    const std::vector<Var> g = gradients(loss, {{w, x[1]}});
    check_plan(tape, std::vector<Var>{loss, g[0], g[1]}, data);
  }
}

TEST_CASE("counts of rows: refusals at record") {
  TwoCounts c;
  const Var some = first_rows(c.x, c.n[0]), fewer = first_rows(c.x, c.n[1]), one = c.tape.input("one", {2});
  check_throws<ShapeError>([&] { some + fewer; }, {"[add]", "counts of rows differ", "n0", "n1"});
  check_throws<ShapeError>([&] { some + c.x; }, {"counts of rows differ"});
  check_throws<ShapeError>([&] { first_rows(one, c.n[0]); }, {"[first_rows]", "one [2] has no rows"});
  check_throws<ShapeError>([&] { first_rows(c.x, RowCount()); }, {"[first_rows]"});
  check_throws<ShapeError>([&] { update_rows(some, c.x); }, {"[update_rows]", "x [B, 2]"});
  check_throws<ShapeError>([&] { update_rows(one, one); }, {"[update_rows]", "one [2]"});
  check_throws<ShapeError>([&] { c.tape.input("y", {c.n[0], 3}); }, {"y", "[n0, 3]"});
  check_throws<InputError>([&] { c.tape.row_counts("x", 2); }, {"\"x\" is already taken"});
  check_throws<InputError>([&] { c.tape.row_counts("m", -1); }, {"-1"});
}

TEST_CASE("counts of rows: refusals at run") {
  TwoCounts c;
  const Var y = first_rows(first_rows(c.x, c.n[0]), c.n[1]) * 2.0;
  check_refused(y, c.data({6, 1}), {"n[0] = 6", "5"});
  check_refused(y, c.data({-1, -1}), {"n[0] = -1"});
  check_refused(y, c.data({2, 3}), {"n[1] = 3", "n[0] = 2", "falling length"});
  check_refused(y, Data().add("x", c.numbers), {"n", "not bound"});
  check_refused(y, Data().add("x", c.numbers).add("n", counts({1, 1, 1})), {"n [T=2]", "[3]"});
}

TEST_CASE("counts of rows: a workspace serves other counts and other batches") {
  TwoCounts c;
  const Var squares = square(first_rows(c.x, c.n[0])), y = sum(squares);
  const auto plan = compile<double>(c.tape, {y, squares});
  Workspace<double> workspace(plan);
  for (std::int32_t n : {5, 0, 3, 4}) {
    const Data data = c.data({n, 0});
    plan.run(workspace, data.bindings<double>());
    CHECK(workspace.value(squares).shape() == Shape{n, 2});
    double expected = 0;
    for (int i = 0; i < 2 * n; ++i) expected += i * i;
    CHECK(workspace.value(y)[0] == expected);
  }
}
