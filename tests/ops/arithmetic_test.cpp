#include <reel/ops/arithmetic.h>
#include <reel/ops/reduction.h>

#include "ops/values.h"

using namespace reel;
using namespace reel::test;

namespace {

struct Pair {
  Shape a, b, result;
  Index rows;
};

const std::vector<Pair>& pairs() {
  static const std::vector<Pair> all{
      {{}, {}, {}, 1},
      {{B, 7}, {B, 7}, {B, 7}, 3},
      {{B, 7}, {7}, {B, 7}, 3},
      {{7}, {B, 7}, {B, 7}, 3},
      {{B, 7}, {}, {B, 7}, 3},
      {{B, 7}, {B}, {B, 7}, 3},
      {{B}, {B, 1}, {B, 1}, 4},
      {{B}, {7}, {B, 7}, 3},
      {{B, 1}, {B, 7}, {B, 7}, 1},
      {{B, 2, 3}, {3}, {B, 2, 3}, 3},
      {{B, 2, 1}, {3}, {B, 2, 3}, 3},
      {{B, 1, 3}, {B, 2, 1}, {B, 2, 3}, 2},
      {{2, 1}, {1, 3}, {2, 3}, 1},
      {{B, 7}, {7}, {B, 7}, 0},
      {{B, 7}, {B}, {B, 7}, 0},
      {{B, 0}, {B}, {B, 0}, 3},
      {{0}, {1}, {0}, 1},
      {{B, 257}, {257}, {B, 257}, 130},
      {{B, 257}, {B, 1}, {B, 257}, 130},
  };
  return all;
}

template <class F>
void check_binary(F f) {
  for (const Pair& p : pairs()) {
    INFO(p.a.text(), " and ", p.b.text(), " with ", p.rows, " rows");
    Tape tape;
    const Var a = tape.input("a", p.a), b = tape.input("b", p.b);
    const Data data =
        Data().add("a", uniform_tensor(p.a.bind(p.rows), 5, -2, 2)).add("b", uniform_tensor(p.b.bind(p.rows), 6, 0.6, 2));
    const Var y = f(a, b);
    CHECK(y.shape() == p.result);
    if (p.result.elements(p.rows) > 0 && p.rows < 100)
      check_op(y, {{a, b}}, data);
    else
      check_op_by_plan(y, {a, b}, data);
  }
}

// Two inputs of the same three elements.
struct Operands {
  Tape tape;
  Var a = tape.input("a", {3}), b = tape.input("b", {3});
  Data data;
  Operands(const std::vector<double>& x, const std::vector<double>& y) {
    data.add("a", Tensor<double>(Shape{3}, x)).add("b", Tensor<double>(Shape{3}, y));
  }
};

}  // namespace

TEST_CASE("add: broadcasting, gradients and plan") { check_binary(add); }
TEST_CASE("subtract: broadcasting, gradients and plan") { check_binary(subtract); }
TEST_CASE("multiply: broadcasting, gradients and plan") { check_binary(multiply); }
TEST_CASE("divide: broadcasting, gradients and plan") { check_binary(divide); }
TEST_CASE("negate: gradients and plan") { check_unary(negate); }

TEST_CASE("arithmetic: values of every operator, with a Var or a number on either side") {
  Operands o({1, -2, 0.5}, {4, 8, -2});
  check_values(o.a + o.b, o.data, {{5, 6, -1.5}});
  check_values(o.a - o.b, o.data, {{-3, -10, 2.5}});
  check_values(o.a * o.b, o.data, {{4, -16, -1}});
  check_values(o.a / o.b, o.data, {{0.25, -0.25, -0.25}});
  check_values(-o.a, o.data, {{-1, 2, -0.5}});
  check_values(2.0 - o.a, o.data, {{1, 4, 1.5}});
  check_values(o.a - 2.0, o.data, {{-1, -4, -1.5}});
  check_values(2.0 / o.b, o.data, {{0.5, 0.25, -1}});
  check_values(o.b / 2.0, o.data, {{2, 4, -1}});
}

TEST_CASE("arithmetic: [B] holds one number per row") {
  Tape tape;
  const Var x = tape.input("x", {B, 2}), scale = tape.input("scale", {B});
  const Data data =
      Data().add("x", Tensor<double>(Shape{3, 2}, {1, 2, 3, 4, 5, 6})).add("scale", Tensor<double>(Shape{3}, {10, 20, 30}));
  check_values(x * scale, data, {{10, 20, 60, 80, 150, 180}});
  check_values(gradient(sum(x * scale), scale), data, {{3, 7, 11}});
}

TEST_CASE("divide: IEEE results for division by zero") {
  Operands o({1, -1, 0}, {0, 0, 0});
  check_values(o.a / o.b, o.data, {{kInfinity, -kInfinity, kNaN}});
}

TEST_CASE("arithmetic: overflow gives an infinity by the type's own range") {
  Operands o({1e30, -1e308, 3e38}, {1e30, 10, 3e38});
  check_values(o.a * o.b, o.data, {{1e60, -kInfinity, 9e76}, {kInfinity, -kInfinity, kInfinity}});
  check_values(o.a + o.a, o.data, {{2e30, -kInfinity, 6e38}, {2e30, -kInfinity, kInfinity}});
}

TEST_CASE("multiply: one Var on both sides gets both terms of its gradient") {
  Tape tape;
  const Var x = tape.input("x", {3});
  const Data data = Data().add("x", Tensor<double>(Shape{3}, {1, -2, 3}));
  check_values(gradient(sum(x * x), x), data, {{2, -4, 6}});
  check_values(gradient(sum(x * x * x), x), data, {{3, 12, 27}});
}

TEST_CASE("arithmetic: shapes that do not broadcast are named with the caller's line") {
  Tape tape;
  const Var a = tape.input("a", {B, 3}), b = tape.input("b", {4}), c = tape.input("c", {2, 4});
  check_throws<ShapeError>([&] { a + b; }, {"[add]", "a [B, 3]", "b [4]", "arithmetic_test.cpp:"});
  check_throws<ShapeError>([&] { a - b; }, {"[subtract]", "a [B, 3]", "b [4]", "arithmetic_test.cpp:"});
  check_throws<ShapeError>([&] { a* c; }, {"[multiply]", "a [B, 3]", "c [2, 4]", "arithmetic_test.cpp:"});
  check_throws<ShapeError>([&] { b / a; }, {"[divide]", "a [B, 3]", "b [4]", "arithmetic_test.cpp:"});
}

TEST_CASE("arithmetic: refuses ids, other tapes and empty Vars") {
  Tape tape, other;
  const Var x = tape.input("x", {B, 3}), ids = tape.ids("words", {B, 3}), column = tape.ids("column", {B, 1});
  check_throws<ShapeError>([&] { x + ids; }, {"[add]", "ids words [B, 3]", "arithmetic_test.cpp:"});
  check_throws<ShapeError>([&] { x* column; }, {"[multiply]", "ids column [B, 1]", "arithmetic_test.cpp:"});
  check_throws<ShapeError>([&] { -ids; }, {"[negate]", "ids words [B, 3]", "arithmetic_test.cpp:"});
  check_throws<InputError>([&] { x + other.input("x", {B, 3}); }, {"[add]", "tape", "arithmetic_test.cpp:"});
  check_throws<InputError>([&] { x + other.input("y", {3}); }, {"[add]", "tape", "arithmetic_test.cpp:"});
  check_throws<InputError>([&] { x / Var(); }, {"[divide]", "empty", "arithmetic_test.cpp:"});
  check_throws<InputError>([&] { Var() - x; }, {"[subtract]", "empty", "arithmetic_test.cpp:"});
}

TEST_CASE("arithmetic: a common shape that overflows is refused by name") {
  Tape tape;
  const Var tall = tape.input("tall", {Index{1} << 40, 1}), wide = tape.input("wide", {1, Index{1} << 40});
  check_throws<ShapeError>([&] { tall + wide; }, {"[add]", "overflow", "tall", "wide", "arithmetic_test.cpp:"});
}
