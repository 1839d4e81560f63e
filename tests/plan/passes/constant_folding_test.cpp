#include <reel/graph/print.h>
#include <reel/graph/verify.h>
#include <reel/ops/activation.h>
#include <reel/ops/arithmetic.h>
#include <reel/ops/broadcast.h>
#include <reel/ops/dropout.h>
#include <reel/ops/elementary.h>
#include <reel/ops/embedding.h>
#include <reel/ops/joining.h>
#include <reel/ops/matmul.h>
#include <reel/ops/reduction.h>
#include <reel/ops/selection.h>
#include <reel/ops/softmax.h>
#include <reel/ops/transpose.h>
#include <reel/plan/passes/constant_folding.h>
#include <reel/plan/passes/dead_code.h>

#include "network.h"

using namespace reel;
using namespace reel::test;

namespace {

Program folded(const Program& program) {
  return passes::dead_code(passes::constant_folding(program, Element::f64), Element::f64);
}

}  // namespace

TEST_CASE("constant_folding: 8 nodes become 3") {
  Tape tape;
  const Var x = tape.input("x", {B, 2});
  const Var two = tape.constant(2.0), three = tape.constant(3.0);
  const Var sum = two + three, root = sqrt(sum), wide = broadcast(root, {B, 2}), minus = -wide, y = x * minus;
  const Program before = program_of(tape, {y});
  CHECK(text(*before.tape) ==
        "%0 = input(x) : [B, 2]\n"
        "%1 = constant(2) : []\n"
        "%2 = constant(3) : []\n"
        "%3 = add %1 %2 : []\n"
        "%4 = sqrt %3 : []\n"
        "%5 = broadcast([B, 2]) %4 : [B, 2]\n"
        "%6 = negate %5 : [B, 2]\n"
        "%7 = multiply %0 %6 : [B, 2]\n");
  const Program after = folded(before);
  CHECK(text(*after.tape) ==
        "%0 = input(x) : [B, 2]\n"
        "%1 = constant(-2.23606797749979) : [B, 2]\n"
        "%2 = multiply %0 %1 : [B, 2]\n");
  verify(*after.tape);
  const Tensor<double> data = random_tensor({3, 2}, 1);
  check_same_values(before, after, std::array{Binding{"x", data}});
}

TEST_CASE("constant_folding: tensors are folded by the ops' own formulas") {
  Tape tape;
  const Var a = tape.constant(random_tensor({3, 4}, 1)), b = tape.constant(random_tensor({4, 2}, 2));
  const Var y = softmax(matmul(a, b)), picked = slice(transpose(y), 0, 1, 2);
  const Program before = program_of(tape, {picked});
  const Program after = folded(before);
  CHECK(after.tape->size() == 1);
  check_same_values(before, after, {});
}

TEST_CASE("constant_folding: leaves alone what is large, batched, varies, or is no constant") {
  Tape tape;
  const Var large = tanh(tape.constant(random_tensor({65'537}, 1)));
  const Var number = tape.batch_size() * 2.0;
  const Var mask = dropout_mask(tape, {2}, 0.5);
  const Var parameter = tanh(tape.input("x", {2}));
  const Var rows = broadcast(tape.constant(Tensor<double>({2}, {1, 2})), {B, 2});
  const Program before = program_of(tape, {large, number, mask, parameter, rows});
  const Program after = folded(before);
  CHECK(text(*after.tape) == text(*before.tape));
  const Tensor<double> x = random_tensor({2}, 3);
  check_same_values(before, after, std::array{Binding{"x", x}});
}

TEST_CASE("constant_folding: ids made from constants are kept, what comes of them is right") {
  Tape tape;
  const Var scores = tape.constant(Tensor<double>({3}, {1, 5, 2}));
  const Var best = argmax(scores);
  const Var y = one_hot(best, 3) * 4.0;
  const Program before = program_of(tape, {y, best});
  const Program after = folded(before);
  check_same_values(before, after, {});
  CHECK(root_values(after, {}) == std::vector<double>{0, 4, 0, 1});
}

TEST_CASE("constant_folding: a plan of constants alone delivers them") {
  Tape tape;
  const Var y = exp(tape.constant(1.0)) + tape.constant(Tensor<double>({2}, {1, 2}));
  check_plan(tape, {{y}}, Data());
}
