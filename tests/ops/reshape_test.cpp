#include <reel/ops/activation.h>
#include <reel/ops/arithmetic.h>
#include <reel/ops/elementary.h>
#include <reel/ops/reshape.h>

#include "ops/values.h"

using namespace reel;
using namespace reel::test;

namespace {

struct Turn {
  Shape from, to;
  Index rows;
};

}  // namespace

TEST_CASE("reshape: gradients, second gradients and plan") {
  const std::vector<Turn> turns{
      {{}, {1, 1}, 1},           {{6}, {2, 3}, 1},       {{B, 6}, {B, 3, 2}, 3}, {{B}, {B, 1}, 4}, {{B, 2, 3}, {B, 6}, 1},
      {{B, 1}, {B, 1, 1, 1}, 2}, {{B, 6}, {B, 3, 2}, 0}, {{B, 0}, {B, 5, 0}, 3}, {{0, 4}, {0}, 1}, {{B, 257}, {B, 1, 257}, 130}};
  for (const Turn& t : turns) {
    INFO(t.from.text(), " to ", t.to.text());
    Tape tape;
    const Var x = tape.input("x", t.from);
    const Data data = Data().add("x", random_tensor(t.from.bind(t.rows), 4));
    const Var y = square(reshape(x, t.to));
    CHECK(y.shape() == t.to);
    if (t.from.elements(t.rows) > 0 && t.rows < 100)
      check_op(y, {{x}}, data);
    else
      check_op_by_plan(y, {x}, data);
  }
}

TEST_CASE("reshape: keeps the order of the numbers") {
  Tape tape;
  const Var x = tape.input("x", {B, 2, 2});
  const Data data = Data().add("x", Tensor<double>(Shape{2, 2, 2}, {1, 2, 3, 4, 5, 6, 7, 8}));
  check_values(reshape(x, {B, 4}), data, {{1, 2, 3, 4, 5, 6, 7, 8}});
}

TEST_CASE("reshape: costs no kernel in a plan") {
  Tape tape;
  const Var x = tape.input("x", {B, 6});
  const Var direct = tanh(x), turned = tanh(reshape(x, {B, 2, 3}));
  CHECK(compile<double>(tape, {turned}).kernels() == compile<double>(tape, {direct}).kernels());
}

TEST_CASE("reshape: to its own shape is the Var itself") {
  Tape tape;
  const Var x = tape.input("x", {B, 6});
  CHECK(reshape(x, {B, 6}) == x);
}

TEST_CASE("reshape: refuses another number of elements, a gained or lost B, and ids") {
  Tape tape;
  const Var x = tape.input("x", {B, 6}), v = tape.input("v", {6}), ids = tape.ids("words", {6});
  check_throws<ShapeError>([&] { reshape(x, {B, 5}); }, {"[reshape]", "x [B, 6]", "[B, 5]", "reshape_test.cpp:"});
  check_throws<ShapeError>([&] { reshape(x, {6}); }, {"[reshape]", "x [B, 6]", "[6]", "reshape_test.cpp:"});
  check_throws<ShapeError>([&] { reshape(v, {B, 6}); }, {"[reshape]", "v [6]", "[B, 6]", "reshape_test.cpp:"});
  check_throws<ShapeError>([&] { reshape(v, {0}); }, {"[reshape]", "v [6]", "[0]", "reshape_test.cpp:"});
  check_throws<ShapeError>([&] { reshape(ids, {2, 3}); }, {"[reshape]", "ids words [6]", "reshape_test.cpp:"});
  check_throws<ShapeError>([&] { reshape(v, {Index{1} << 40, Index{1} << 40}); }, {"overflow"});
}
