#include <reel/graph/structural.h>
#include <reel/ops/activation.h>
#include <reel/ops/arithmetic.h>
#include <reel/ops/broadcast.h>
#include <reel/ops/reduction.h>

#include "ops/values.h"

using namespace reel;
using namespace reel::test;

namespace {

struct Repetition {
  Shape small, big;
  Index rows;
};

const std::vector<Repetition>& repetitions() {
  static const std::vector<Repetition> all{
      {{}, {5}, 1},
      {{}, {B}, 3},
      {{}, {B, 2, 3}, 3},
      {{B}, {B, 4}, 3},
      {{7}, {B, 7}, 3},
      {{1}, {B, 7}, 1},
      {{B, 1}, {B, 7}, 3},
      {{2, 1}, {2, 3}, 1},
      {{1, 3}, {2, 3}, 1},
      {{B, 2, 1}, {B, 2, 3}, 3},
      {{B, 1, 3}, {B, 2, 3}, 3},
      {{B, 3}, {B, 2, 3}, 3},
      {{2, 1, 2}, {B, 2, 3, 2}, 2},
      {{7}, {B, 7}, 0},
      {{B, 1}, {B, 7}, 0},
      {{B, 1}, {B, 0}, 3},
      {{}, {B, 0}, 3},
      {{257}, {B, 257}, 130},
      {{B, 1}, {B, 257}, 130},
  };
  return all;
}

// f(x) from shape `from` of the table to the other one.
template <class F>
void check_repetitions(F f, bool down) {
  for (const Repetition& r : repetitions()) {
    const Shape from = down ? r.big : r.small, to = down ? r.small : r.big;
    INFO(from.text(), " to ", to.text(), " with ", r.rows, " rows");
    Tape tape;
    const Var x = tape.input("x", from);
    const Var unused = tape.input("rows", {B});  // tells B where x has none
    const Data data = Data().add("x", random_tensor(from.bind(r.rows), 3)).add("rows", Tensor<double>(Shape{r.rows}));
    const Var y = f(x, to) + 0.0 * sum(unused);
    CHECK(y.shape() == to);
    if (r.rows > 0 && r.rows < 100 && r.big.row_size() > 0)
      check_op(y, {{x}}, data);
    else
      check_op_by_plan(y, {x}, data);
  }
}

}  // namespace

TEST_CASE("broadcast: every kind of repetition, gradients and plan") {
  check_repetitions([](Var x, Shape to) { return broadcast(x, to); }, false);
}

TEST_CASE("sum_to: every kind of repetition undone, gradients and plan") {
  check_repetitions([](Var x, Shape to) { return sum_to(x, to); }, true);
}

TEST_CASE("broadcast: values repeat along absent and size-1 dimensions") {
  Tape tape;
  const Var x = tape.input("x", {2, 1}), per_row = tape.input("per_row", {B});
  const Data data = Data().add("x", Tensor<double>(Shape{2, 1}, {1, 2})).add("per_row", Tensor<double>(Shape{2}, {5, 6}));
  check_values(broadcast(x, {2, 3}), data, {{1, 1, 1, 2, 2, 2}});
  check_values(broadcast(x, {B, 2, 2}), data, {{1, 1, 2, 2, 1, 1, 2, 2}});
  check_values(broadcast(per_row, {B, 3}), data, {{5, 5, 5, 6, 6, 6}});
}

TEST_CASE("sum_to: values summed over the dimensions that repeat") {
  Tape tape;
  const Var x = tape.input("x", {B, 2, 2});
  const Data data = Data().add("x", Tensor<double>(Shape{2, 2, 2}, {1, 2, 3, 4, 10, 20, 30, 40}));
  check_values(sum_to(x, {B, 2, 1}), data, {{3, 7, 30, 70}});
  check_values(sum_to(x, {B, 2}), data, {{4, 6, 40, 60}});
  check_values(sum_to(x, {B}), data, {{10, 100}});
  check_values(sum_to(x, {2, 1}), data, {{33, 77}});
  check_values(sum_to(x, {}), data, {{110}});
}

TEST_CASE("broadcast: to its own shape is the Var itself") {
  Tape tape;
  const Var x = tape.input("x", {B, 3});
  CHECK(broadcast(x, {B, 3}) == x);
  CHECK(sum_to(x, {B, 3}) == x);
}

TEST_CASE("broadcast: refuses what does not repeat evenly or would lose B") {
  Tape tape;
  const Var x = tape.input("x", {B, 3}), m = tape.input("m", {2, 3}), ids = tape.ids("words", {3});
  check_throws<ShapeError>([&] { broadcast(x, {3}); }, {"[broadcast]", "x [B, 3]", "[3]", "broadcast_test.cpp:"});
  check_throws<ShapeError>([&] { broadcast(x, {B, 4}); }, {"[broadcast]", "x [B, 3]", "[B, 4]", "broadcast_test.cpp:"});
  check_throws<ShapeError>([&] { broadcast(m, {3}); }, {"[broadcast]", "m [2, 3]", "[3]", "broadcast_test.cpp:"});
  check_throws<ShapeError>([&] { broadcast(m, {2, 1}); }, {"[broadcast]", "m [2, 3]", "[2, 1]", "broadcast_test.cpp:"});
  check_throws<ShapeError>([&] { broadcast(ids, {B, 3}); }, {"[broadcast]", "ids words [3]", "broadcast_test.cpp:"});
}

TEST_CASE("sum_to: refuses a shape that x does not repeat") {
  Tape tape;
  const Var x = tape.input("x", {B, 3}), v = tape.input("v", {3});
  check_throws<ShapeError>([&] { sum_to(x, {B, 2}); }, {"[sum_to]", "x [B, 3]", "[B, 2]", "broadcast_test.cpp:"});
  check_throws<ShapeError>([&] { sum_to(v, {2, 3}); }, {"[sum_to]", "v [3]", "[2, 3]", "broadcast_test.cpp:"});
  // Returned v as it was, without the B that was asked for.
  check_throws<ShapeError>([&] { sum_to(v, {B, 3}); }, {"[sum_to]", "v [3]", "[B, 3]", "broadcast_test.cpp:"});
}

TEST_CASE("shape: sizes that overflow are refused before anything is recorded") {
  Tape tape;
  const Var x = tape.input("x", {});
  const NodeId before = tape.size();
  check_throws<ShapeError>([&] { broadcast(x, {B, Index{1} << 40, Index{1} << 40}); }, {"overflow"});
  check_throws<ShapeError>([&] { broadcast(x, {Index{1} << 40, Index{1} << 40, 0}); }, {"overflow"});
  CHECK(tape.size() == before);
}

TEST_CASE("broadcast_together: names the op, every shape and the line") {
  Tape tape;
  Var ok[] = {tape.input("a", {B, 1, 3}), tape.input("b", {2, 1}), tape.input("c", {})};
  broadcast_together("three", ok, CallSite::current());
  for (const Var& v : ok) CHECK(v.shape() == Shape{B, 2, 3});
  Var bad[] = {tape.input("d", {B, 3}), tape.input("e", {4}), tape.input("f", {})};
  check_throws<ShapeError>([&] { broadcast_together("three", bad, CallSite::current()); },
                           {"[three]", "d [B, 3]", "e [4]", "f []", "broadcast_test.cpp:"});
  Var mixed[] = {tape.input("g", {B, 3}), tape.ids("words", {3})};
  check_throws<ShapeError>([&] { broadcast_together("two", mixed, CallSite::current()); }, {"[two]", "ids words [3]"});
}

// The plan read row r of a [3] that has only one.
TEST_CASE("broadcast: a shape without B repeats over the batch and within a row at once") {
  Tape tape;
  const Var x = tape.input("x", {B, 2, 3}), v = tape.input("v", {3}), m = tape.input("m", {2, 1});
  const Data data = Data()
                        .add("x", Tensor<double>(Shape{2, 2, 3}))
                        .add("v", Tensor<double>(Shape{3}, {1, 2, 3}))
                        .add("m", Tensor<double>(Shape{2, 1}, {4, 5}));
  check_values(x + v, data, {{1, 2, 3, 1, 2, 3, 1, 2, 3, 1, 2, 3}});
  check_values(x + tanh(m) / tanh(m) * m, data, {{4, 4, 4, 5, 5, 5, 4, 4, 4, 5, 5, 5}});
}

TEST_CASE("broadcast: what has B does not gain the dimensions of a matrix") {
  Tape tape;
  const Var x = tape.input("x", {B, 3}), w = tape.input("w", {3, 3}), one = tape.input("one", {B, 1, 3}),
            per_row = tape.input("r", {B}), v = tape.input("v", {3});
  check_throws<ShapeError>([&] { x* w; }, {"multiply", "x [B, 3]", "w [3, 3]", "matmul", "reshape"});
  check_throws<ShapeError>([&] { w - x; }, {"subtract", "matmul"});
  CHECK((one * w).shape() == Shape{B, 3, 3});
  CHECK((per_row * v).shape() == Shape{B, 3});
  CHECK((x * v).shape() == Shape{B, 3});
}
