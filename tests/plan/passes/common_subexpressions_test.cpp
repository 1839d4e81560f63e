#include <reel/graph/print.h>
#include <reel/graph/verify.h>
#include <reel/ops/activation.h>
#include <reel/ops/arithmetic.h>
#include <reel/ops/dropout.h>
#include <reel/ops/elementary.h>
#include <reel/ops/joining.h>
#include <reel/plan/passes/common_subexpressions.h>
#include <reel/plan/passes/dead_code.h>

#include "network.h"

using namespace reel;
using namespace reel::test;

TEST_CASE("common_subexpressions: 6 nodes become 4, values equal to the bit") {
  Tape tape;
  const Var x = tape.input("x", {B, 2});
  const Var a = tanh(x), b = tanh(x), c = exp(a), d = exp(b);
  const Var y = c * d;
  const Program before = program_of(tape, {y});
  CHECK(text(*before.tape) ==
        "%0 = input(x) : [B, 2]\n"
        "%1 = tanh %0 : [B, 2]\n"
        "%2 = tanh %0 : [B, 2]\n"
        "%3 = exp %1 : [B, 2]\n"
        "%4 = exp %2 : [B, 2]\n"
        "%5 = multiply %3 %4 : [B, 2]\n");
  const Program after = passes::common_subexpressions(before, Element::f64);
  CHECK(text(*after.tape) ==
        "%0 = input(x) : [B, 2]\n"
        "%1 = tanh %0 : [B, 2]\n"
        "%2 = exp %1 : [B, 2]\n"
        "%3 = multiply %2 %2 : [B, 2]\n");
  verify(*after.tape);
  const Tensor<double> data = random_tensor({3, 2}, 1);
  check_same_values(before, after, std::array{Binding{"x", data}});
}

TEST_CASE("common_subexpressions: attributes and the order of inputs tell nodes apart") {
  Tape tape;
  const Var x = tape.input("x", {B, 4}), z = tape.input("z", {B, 2});
  const Var a = slice(x, -1, 0, 2), b = slice(x, -1, 1, 3), c = a - z, d = z - a, e = slice(x, -1, 0, 2);
  const Program before = program_of(tape, {a, b, c, d, e});
  const Program after = passes::common_subexpressions(before, Element::f64);
  CHECK(before.tape->size() == 7);
  CHECK(after.tape->size() == 6);  // only e is a
  CHECK(after.roots[4] == after.roots[0]);
  const Tensor<double> four = random_tensor({3, 4}, 1), two = random_tensor({3, 2}, 2);
  check_same_values(before, after, std::array{Binding{"x", four}, Binding{"z", two}});
}

TEST_CASE("common_subexpressions: random sources with different keys stay apart") {
  Tape tape;
  const Var a = dropout_mask(tape, {B, 64}, 0.5), b = dropout_mask(tape, {B, 64}, 0.5);
  const Program after = passes::common_subexpressions(program_of(tape, {a, b}), Element::f64);
  CHECK(after.tape->size() == 2);
  CHECK(after.roots[0] != after.roots[1]);
}
