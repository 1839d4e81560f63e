#include <reel/ops/arithmetic.h>
#include <reel/ops/elementary.h>
#include <reel/ops/embedding.h>
#include <reel/ops/matmul.h>
#include <reel/ops/reduction.h>

#include "ops/values.h"

using namespace reel;
using namespace reel::test;

namespace {

struct Lookup {
  Shape ids;
  Index rows, V, E;
};

const std::vector<Lookup>& lookups() {
  static const std::vector<Lookup> all{{{}, 1, 3, 2},     {{4}, 1, 5, 3},       {{B}, 1, 1, 1},     {{B}, 6, 5, 3},
                                       {{B, 3}, 4, 5, 2}, {{B, 2, 2}, 3, 4, 1}, {{B}, 0, 5, 3},     {{0}, 1, 5, 3},
                                       {{B, 0}, 3, 5, 3}, {{B}, 3, 5, 0},       {{B}, 130, 17, 257}};
  return all;
}

bool small(const Lookup& l) { return l.E > 0 && l.rows < 100; }

Tensor<std::int32_t> ids_of(Shape shape, const std::vector<std::int32_t>& values) { return Tensor<std::int32_t>(shape, values); }

}  // namespace

TEST_CASE("embedding: gradients, second gradients and plan") {
  for (const Lookup& l : lookups()) {
    INFO("ids ", l.ids.text(), " with ", l.rows, " rows, V = ", l.V, ", E = ", l.E);
    Tape tape;
    const Var ids = tape.ids("ids", l.ids), table = tape.input("table", {l.V, l.E});
    const Data data = Data().add("ids", random_ids(l.ids.bind(l.rows), 1, l.V)).add("table", random_tensor({l.V, l.E}, 2));
    const Var y = square(embedding(ids, table));
    CHECK(y.shape() == l.ids.with_last(l.E));
    if (small(l))
      check_op(y, {{table}}, data);
    else
      check_op_by_plan(y, {table}, data);
  }
}

TEST_CASE("scatter_add: gradients, second gradients and plan") {
  for (const Lookup& l : lookups()) {
    INFO("ids ", l.ids.text(), " with ", l.rows, " rows, V = ", l.V, ", E = ", l.E);
    Tape tape;
    const Shape shape = l.ids.with_last(l.E);
    const Var ids = tape.ids("ids", l.ids), x = tape.input("x", shape);
    const Data data = Data().add("ids", random_ids(l.ids.bind(l.rows), 1, l.V)).add("x", random_tensor(shape.bind(l.rows), 2));
    const Var y = square(scatter_add(ids, x, l.V));
    CHECK(y.shape() == Shape{l.V, l.E});
    if (small(l) && shape.elements(l.rows) > 0)
      check_op(y, {{x}}, data);
    else
      check_op_by_plan(y, {x}, data);
  }
}

TEST_CASE("embedding: equals one_hot times the table, gradient too") {
  Tape tape;
  const Var ids = tape.ids("ids", {B, 2}), table = tape.input("table", {5, 3});
  const Data data = Data().add("ids", random_ids(Shape{7, 2}, 1, 5)).add("table", random_tensor({5, 3}, 2));
  const Var looked_up = embedding(ids, table), product = matmul(one_hot(ids, 5), table);
  check_values(looked_up, data, {interpreted<double>(product, data)});
  Expected expected(interpreted<double>(gradient(sum(square(product)), table), data));
  check_values(gradient(sum(square(looked_up)), table), data, expected);
}

TEST_CASE("embedding: rows by id; an id used twice gets both gradients, an unused one 0") {
  Tape tape;
  const Var ids = tape.ids("ids", {B}), table = tape.input("table", {3, 2});
  const Data data = Data().add("ids", ids_of({3}, {2, 0, 2})).add("table", Tensor<double>(Shape{3, 2}, {1, 2, 3, 4, 5, 6}));
  check_values(embedding(ids, table), data, {{5, 6, 1, 2, 5, 6}});
  check_values(gradient(sum(embedding(ids, table)), table), data, {{1, 1, 0, 0, 2, 2}});
}

TEST_CASE("embedding: lookups with and without B share one gradient") {
  Tape tape;
  const Var batched = tape.ids("batched", {B}), fixed = tape.ids("fixed", {4}), table = tape.input("table", {5, 3});
  const Data data = Data()
                        .add("batched", random_ids(Shape{6}, 1, 5))
                        .add("fixed", random_ids(Shape{4}, 2, 5))
                        .add("table", random_tensor({5, 3}, 3));
  check_op(sum(square(embedding(batched, table))) + sum(exp(embedding(fixed, table))), {{table}}, data);
}

TEST_CASE("scatter_add: adds in row order") {
  Tape tape;
  const Var ids = tape.ids("ids", {B}), x = tape.input("x", {B, 1});
  const Data data =
      Data().add("ids", ids_of({6}, {0, 1, 0, 1, 0, 1})).add("x", Tensor<double>(Shape{6, 1}, {1e8, 1e8, 1, -1e8, -1e8, 1}));
  check_values(scatter_add(ids, x, 2), data, {{1, 1}, {0, 1}});  // 1e8 + 1 is 1e8 in float
}

TEST_CASE("scatter_add: the error in float does not grow with how often a word occurs") {
  constexpr Index kRows = 3000000, V = 300;  // id 0 in half of them, id 1 in a quarter, the others are rarer
  Tensor<std::int32_t> ids(Shape{kRows});
  Tensor<float> x(Shape{kRows, 2});
  std::vector<double> exact(2 * V);
  RandomStream random(1);
  for (Index r = 0; r < kRows; ++r) {
    ids[r] = r % 2 == 0 ? 0 : r % 4 == 1 ? 1 : static_cast<std::int32_t>(r / 4 % (V - 3) + 2);  // the last one never
    x[2 * r] = 0.1f, x[2 * r + 1] = static_cast<float>(random.uniform());
    for (Index k = 0; k < 2; ++k) exact[static_cast<std::size_t>(2 * ids[r] + k)] += static_cast<double>(x[2 * r + k]);
  }
  Tape tape;
  const Var y = scatter_add(tape.ids("ids", {B}), tape.input("x", {B, 2}), V);
  const auto plan = compile<float>(tape, {y});
  Workspace<float> workspace(plan);
  plan.run(workspace, {{"ids", ids}, {"x", x}});
  const auto read = interpret<float>(tape, {{"ids", ids}, {"x", x}});
  double worst = 0;
  for (std::size_t i = 0; i < exact.size(); ++i)
    for (const float got : {workspace.value(y)[static_cast<Index>(i)], read.value(y)[static_cast<Index>(i)]}) {
      if (exact[i] == 0)
        CHECK(got == 0);
      else
        worst = std::max(worst, std::abs(static_cast<double>(got) / exact[i] - 1));
    }
  CHECK(worst < 1e-6);
}

TEST_CASE("scatter_add: of an empty batch is 0") {
  Tape tape;
  const Var ids = tape.ids("ids", {B}), x = tape.input("x", {B, 2});
  const Data data = Data().add("ids", ids_of({0}, {})).add("x", Tensor<double>(Shape{0, 2}));
  check_values(scatter_add(ids, x, 2), data, {{0, 0, 0, 0}});
}

TEST_CASE("one_hot: 1 at the id, 0 elsewhere") {
  Tape tape;
  const Var ids = tape.ids("ids", {B, 2}), one = tape.ids("one", {});
  const Data data = Data().add("ids", ids_of({2, 2}, {0, 2, 1, 1})).add("one", ids_of({}, {0}));
  check_values(one_hot(ids, 3), data, {{1, 0, 0, 0, 0, 1, 0, 1, 0, 0, 1, 0}});
  check_values(one_hot(one, 1), data, {{1}});
  check_plan(tape, std::vector<Var>{one_hot(ids, 3)}, Data().add("ids", ids_of({0, 2}, {})).add("one", ids_of({}, {0})));
}

TEST_CASE("embedding: an id out of range is refused, naming id, row and range") {
  for (const std::int32_t bad : {-1, 5, 1 << 30, std::numeric_limits<std::int32_t>::min()}) {
    const std::string named = "id " + std::to_string(bad);
    Tape lookup, scatter, hot;
    const Data data =
        Data().add("ids", ids_of({4}, {0, 4, 1, bad})).add("table", random_tensor({5, 3}, 1)).add("x", random_tensor({4, 3}, 1));
    check_refused(embedding(lookup.ids("ids", {B}), lookup.input("table", {5, 3})), data,
                  {"[embedding]", named.c_str(), "row 3", "[0, 5)", "embedding_test.cpp:"});
    check_refused(scatter_add(scatter.ids("ids", {B}), scatter.input("x", {B, 3}), 5), data,
                  {"[scatter_add]", named.c_str(), "row 3", "[0, 5)", "embedding_test.cpp:"});
    check_refused(one_hot(hot.ids("ids", {B}), 5), data, {"[one_hot]", named.c_str(), "row 3", "[0, 5)", "embedding_test.cpp:"});
  }
}

// The interpreter counted ids instead of rows.
TEST_CASE("embedding: the row named is that of the batch where a row has several ids") {
  Tape lookup, scatter, hot;
  const Data data = Data()
                        .add("ids", ids_of({3, 2}, {0, 1, 2, 9, 1, 0}))
                        .add("table", random_tensor({5, 3}, 1))
                        .add("x", random_tensor({3, 2, 3}, 1));
  check_refused(embedding(lookup.ids("ids", {B, 2}), lookup.input("table", {5, 3})), data, {"id 9 in row 1 "});
  check_refused(scatter_add(scatter.ids("ids", {B, 2}), scatter.input("x", {B, 2, 3}), 5), data, {"id 9 in row 1 "});
  check_refused(one_hot(hot.ids("ids", {B, 2}), 5), data, {"id 9 in row 1 "});
}

TEST_CASE("embedding: no id is in range of an empty vocabulary") {
  Tape tape;
  const Var y = one_hot(tape.ids("ids", {B}), 0);
  check_refused(y, Data().add("ids", ids_of({1}, {0})), {"[one_hot]", "id 0", "[0, 0)"});
}

TEST_CASE("embedding: a refused run leaves the workspace usable") {
  Tape tape;
  const Var y = embedding(tape.ids("ids", {B}), tape.input("table", {2, 1}));
  const Plan<double> plan = compile<double>(tape, {y});
  Workspace<double> workspace(plan);
  const Tensor<double> table(Shape{2, 1}, {3, 4});
  const auto good = ids_of({2}, {1, 0}), bad = ids_of({2}, {1, 2});
  check_throws<InputError>([&] { plan.run(workspace, {{"ids", bad}, {"table", table}}); }, {"id 2", "row 1"});
  plan.run(workspace, {{"ids", good}, {"table", table}});
  check_close(workspace.value(y), {4, 3});
}

TEST_CASE("embedding: refuses operands of the wrong type or shape") {
  Tape tape;
  const Var ids = tape.ids("ids", {B, 2}), table = tape.input("table", {5, 3}), x = tape.input("x", {B, 2, 3});
  const Var vector = tape.input("vector", {5}), rows = tape.input("rows", {B, 3}), words = tape.ids("words", {5, 3});
  check_throws<ShapeError>([&] { embedding(x, table); }, {"[embedding]", "x [B, 2, 3]", "embedding_test.cpp:"});
  check_throws<ShapeError>([&] { embedding(ids, vector); }, {"[embedding]", "vector [5]", "embedding_test.cpp:"});
  check_throws<ShapeError>([&] { embedding(ids, rows); }, {"[embedding]", "rows [B, 3]", "embedding_test.cpp:"});
  check_throws<ShapeError>([&] { embedding(ids, words); }, {"[embedding]", "words [5, 3]", "embedding_test.cpp:"});
  check_throws<ShapeError>([&] { scatter_add(ids, rows, 5); },
                           {"[scatter_add]", "ids [B, 2]", "rows [B, 3]", "embedding_test.cpp:"});
  check_throws<ShapeError>([&] { scatter_add(x, x, 5); }, {"[scatter_add]", "x [B, 2, 3]", "embedding_test.cpp:"});
  check_throws<ShapeError>([&] { scatter_add(ids, x, -1); }, {"[scatter_add]", "-1", "embedding_test.cpp:"});
  check_throws<ShapeError>([&] { one_hot(x, 5); }, {"[one_hot]", "x [B, 2, 3]", "embedding_test.cpp:"});
  check_throws<ShapeError>([&] { one_hot(ids, Index{1} << 62); }, {"[one_hot]", "overflow", "embedding_test.cpp:"});
  check_throws<InputError>([&] { embedding(Var(), table); }, {"[embedding]", "empty", "embedding_test.cpp:"});
  check_throws<InputError>([&] { scatter_add(Var(), x, 5); }, {"[scatter_add]", "empty", "embedding_test.cpp:"});
  check_throws<InputError>([&] { one_hot(Var(), 5); }, {"[one_hot]", "empty", "embedding_test.cpp:"});
}
