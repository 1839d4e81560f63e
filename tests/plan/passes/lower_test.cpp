#include <reel/graph/print.h>
#include <reel/graph/verify.h>
#include <reel/ops/activation.h>
#include <reel/ops/arithmetic.h>
#include <reel/ops/matmul.h>
#include <reel/ops/transpose.h>
#include <reel/plan/passes/dead_code.h>
#include <reel/plan/passes/lower.h>

#include "network.h"

using namespace reel;
using namespace reel::test;

namespace {

// A product by a weight is lowered twice: to a products node, and that to one over packed weights.
Program lowered(const Program& program, Element element) {
  return passes::dead_code(passes::lower(passes::lower(program, element), element), element);
}

}  // namespace

TEST_CASE("lower: a product by a weight becomes one by a packed weight: 3 nodes become 4") {
  Tape tape;
  const Var x = tape.input("x", {B, 3}), w = tape.input("w", {3, 5});
  const Program before = passes::live_part(tape, {matmul(x, w).id()});
  CHECK(text(*before.tape) ==
        "%0 = input(x) : [B, 3]\n"
        "%1 = input(w) : [3, 5]\n"
        "%2 = matmul %0 %1 : [B, 5]\n");
  const Tensor<double> vx = random_tensor({4, 3}, 1), vw = random_tensor({3, 5}, 2);
  for (Element element : {Element::f32, Element::f64}) {
    const Program after = lowered(before, element);
    CHECK(after.tape->size() == 4);
    const Tape& t = *after.tape;
    CHECK(t.node(2).op->name() == "pack");
    CHECK(t.node(3).op->name() == "packed_matmul");
    CHECK(std::ranges::equal(t.inputs(3), std::array<NodeId, 2>{0, 2}));
    CHECK(t.node(3).shape == Shape{B, 5});
    verify(t);
    check_same_values(before, after, std::array{Binding{"x", vx}, Binding{"w", vw}}, 1e-14);
  }
}

TEST_CASE("lower: a product by a transpose packs the transpose without making it: 4 nodes become 4") {
  Tape tape;
  const Var x = tape.input("x", {B, 5}), w = tape.input("w", {3, 5});
  const Program before = passes::live_part(tape, {matmul(x, transpose(w)).id()});
  const Program after = lowered(before, Element::f64);
  CHECK(before.tape->size() == 4);
  CHECK(after.tape->size() == 4);
  CHECK(count_ops(*after.tape, "transpose") == 0);
  CHECK(text(*after.tape).find("pack(transposed) %1") != std::string::npos);
  const Tensor<double> vx = random_tensor({4, 5}, 1), vw = random_tensor({3, 5}, 2);
  check_same_values(before, after, std::array{Binding{"x", vx}, Binding{"w", vw}}, 1e-14);
}

TEST_CASE("lower: keeps scopes and places, and leaves other ops alone") {
  Tape tape;
  const Var x = tape.input("x", {B, 3}), w = tape.input("w", {3, 5});
  Var y;
  {
    const auto scope = tape.scope("layer");
    y = matmul(x, w);
  }
  const Var z = tanh(y);
  const Program after = lowered(passes::live_part(tape, {z.id()}), Element::f32);
  const NodeId product = after.tape->inputs(after.roots[0])[0];
  CHECK(after.tape->place(product) == tape.place(y.id()));
  CHECK(after.tape->node(after.roots[0]).op == tape.node(z.id()).op);
}
