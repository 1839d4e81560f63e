#include <reel/ops/arithmetic.h>
#include <reel/ops/elementary.h>
#include <reel/ops/reduction.h>
#include <reel/ops/selection.h>

#include "ops/values.h"

using namespace reel;
using namespace reel::test;

namespace {

struct Choice {
  Shape condition, x, otherwise;
  Index rows;
};

}  // namespace

TEST_CASE("select: broadcasting, gradients and plan") {
  const std::vector<Choice> choices{{{}, {}, {}, 1},       {{B, 7}, {B, 7}, {B, 7}, 3},    {{B}, {B, 7}, {7}, 3},
                                    {{7}, {B, 1}, {}, 4},  {{B, 2, 1}, {3}, {B, 1, 3}, 2}, {{B, 1}, {B, 1}, {B, 1}, 1},
                                    {{B, 7}, {7}, {B}, 0}, {{B, 0}, {B}, {}, 3},           {{B, 257}, {B}, {257}, 130}};
  for (const Choice& c : choices) {
    INFO(c.condition.text(), ", ", c.x.text(), ", ", c.otherwise.text(), " with ", c.rows, " rows");
    Tape tape;
    const Var condition = tape.input("condition", c.condition), x = tape.input("x", c.x),
              otherwise = tape.input("otherwise", c.otherwise);
    Tensor<double> chosen(c.condition.bind(c.rows));
    for (Index i = 0; i < chosen.size(); ++i) chosen[i] = i % 3 == 0 ? 0 : static_cast<double>(i % 3) - 2.5;
    const Data data = Data()
                          .add("condition", chosen)
                          .add("x", random_tensor(c.x.bind(c.rows), 1))
                          .add("otherwise", random_tensor(c.otherwise.bind(c.rows), 2));
    const Var y = square(select(condition, x, otherwise));
    if (y.shape().elements(c.rows) > 0 && c.rows < 100)
      check_op(y, {{condition, x, otherwise}}, data);
    else
      check_op_by_plan(y, {condition, x, otherwise}, data);
  }
}

TEST_CASE("mask: gradients and plan") {
  check_unary([](Var x) { return mask(square(x), step(x)); });
}

TEST_CASE("select: true where the condition is not 0, NaN included") {
  Tape tape;
  const Var condition = tape.input("condition", {7}), x = tape.input("x", {});
  const Data data = Data()
                        .add("condition", Tensor<double>(Shape{7}, {0, 1, -0.0, -2, 1e-30, kNaN, kInfinity}))
                        .add("x", Tensor<double>(Shape{}, {3}));
  check_values(select(condition, x, -1.0), data, {{-1, 3, -1, 3, 3, 3, 3}});
  check_values(mask(x, condition), data, {{0, 3, 0, 3, 3, 3, 3}});
}

TEST_CASE("select: the branch not chosen has gradient exactly 0, NaN and infinity included") {
  Tape tape;
  const Var condition = tape.input("condition", {4}), x = tape.input("x", {4}), otherwise = tape.input("otherwise", {4});
  const Data data = Data()
                        .add("condition", Tensor<double>(Shape{4}, {0, 0, 1, 1}))
                        .add("x", Tensor<double>(Shape{4}, {kNaN, kInfinity, 2, 3}))
                        .add("otherwise", Tensor<double>(Shape{4}, {5, 6, kNaN, -kInfinity}));
  const Var y = select(condition, x, otherwise), loss = sum(y * y);
  check_values(y, data, {{5, 6, 2, 3}});
  check_values(gradient(loss, x), data, {{0, 0, 4, 6}});
  check_values(gradient(loss, otherwise), data, {{10, 12, 0, 0}});
  check_values(gradient(loss, condition), data, {{0, 0, 0, 0}});
  check_values(mask(x, condition), data, {{0, 0, 2, 3}});
}

TEST_CASE("select: an infinite gradient does not reach the branch not chosen") {
  Tape tape;
  const Var condition = tape.input("condition", {2}), x = tape.input("x", {2});
  const Data data = Data().add("condition", Tensor<double>(Shape{2}, {0, 1})).add("x", Tensor<double>(Shape{2}, {4, 4}));
  const Var y = sqrt(select(condition, x, 0.0));  // slope infinite at the 0
  check_values(gradient(sum(y), x), data, {{0, 0.25}});
}

TEST_CASE("select: refuses shapes that do not broadcast, and ids") {
  Tape tape;
  const Var x = tape.input("x", {B, 3}), v = tape.input("v", {4}), ids = tape.ids("words", {B, 3});
  check_throws<ShapeError>([&] { select(x, v, 0.0); }, {"[select]", "x [B, 3]", "v [4]", "selection_test.cpp:"});
  check_throws<ShapeError>([&] { mask(x, v); }, {"[select]", "x [B, 3]", "v [4]", "selection_test.cpp:"});
  check_throws<ShapeError>([&] { select(ids, x, x); }, {"[select]", "ids words [B, 3]", "selection_test.cpp:"});
  check_throws<InputError>([&] { select(1.0, 2.0, 3.0); }, {"[select]", "selection_test.cpp:"});
}
