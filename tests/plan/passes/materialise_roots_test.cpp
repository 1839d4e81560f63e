#include <reel/graph/print.h>
#include <reel/graph/verify.h>
#include <reel/ops/activation.h>
#include <reel/ops/arithmetic.h>
#include <reel/ops/joining.h>
#include <reel/plan/passes/dead_code.h>
#include <reel/plan/passes/materialise_roots.h>

#include "network.h"

using namespace reel;
using namespace reel::test;

TEST_CASE("materialise_roots: leaves and views are copied, computed roots are not: 4 nodes become 7") {
  Tape tape;
  const Var x = tape.input("x", {B, 4}), ids = tape.ids("ids", {B});
  const Var h = tanh(x), part = slice(h, -1, 0, 2);
  const Program before = passes::live_part(tape, {h.id(), part.id(), x.id(), ids.id()});
  CHECK(text(*before.tape) ==
        "%0 = input(x) : [B, 4]\n"
        "%1 = input(ids) : ids [B]\n"
        "%2 = tanh %0 : [B, 4]\n"
        "%3 = slice(axis=-1 0:2) %2 : [B, 2]\n");
  const Program after = passes::materialise_roots(before, Element::f64);
  CHECK(text(*after.tape) == text(*before.tape) +
                                 "%4 = copy %3 : [B, 2]\n"
                                 "%5 = copy %0 : [B, 4]\n"
                                 "%6 = copy %1 : ids [B]\n");
  CHECK(after.roots == std::vector<NodeId>{2, 4, 5, 6});
  verify(*after.tape);
  const Tensor<double> vx = random_tensor({3, 4}, 1);
  const Tensor<std::int32_t> vi = random_ids({3}, 2, 5);
  check_same_values(before, after, std::array{Binding{"x", vx}, Binding{"ids", vi}});
}

TEST_CASE("materialise_roots: a slice that is no view is a root of its own") {
  Tape tape;
  const Var x = tape.input("x", {B, 3, 4});
  const Var view = slice(x, 0, 1, 2), gathered = slice(x, 1, 1, 2);
  const Program before = passes::live_part(tape, {view.id(), gathered.id()});
  const Program after = passes::materialise_roots(before, Element::f64);
  CHECK(count_ops(*after.tape, "copy") == 1);
  CHECK(after.roots[1] == before.roots[1]);
}
