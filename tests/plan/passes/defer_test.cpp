#include <reel/graph/print.h>
#include <reel/graph/structural.h>
#include <reel/graph/verify.h>
#include <reel/models/cells/lstm.h>
#include <reel/ops/activation.h>
#include <reel/ops/arithmetic.h>
#include <reel/ops/elementary.h>
#include <reel/ops/embedding.h>
#include <reel/ops/weight_gradient.h>
#include <reel/plan/passes/dead_code.h>
#include <reel/plan/passes/defer.h>

#include "network.h"

using namespace reel;
using namespace reel::test;

namespace {

Program deferred(const Program& program) { return passes::dead_code(passes::defer(program, Element::f64), Element::f64); }

}  // namespace

TEST_CASE("defer: a sum of three products over the rows becomes one: 8 nodes become 5") {
  Tape tape;
  const Sequence x = tape.input("x", 3, {B, 2});
  const Var d = tape.input("d", {B, 4});
  const Var y = accumulate({{weight_gradient(x[0], d), weight_gradient(x[1], d), weight_gradient(x[2], d)}});
  const Program before = program_of(tape, {y});
  CHECK(text(*before.tape) ==
        "%0 = input(x[0]) : [B, 2]\n"
        "%1 = input(x[1]) : [B, 2]\n"
        "%2 = input(x[2]) : [B, 2]\n"
        "%3 = input(d) : [B, 4]\n"
        "%4 = weight_gradient %0 %3 : [2, 4]\n"
        "%5 = weight_gradient %1 %3 : [2, 4]\n"
        "%6 = weight_gradient %2 %3 : [2, 4]\n"
        "%7 = accumulate %4 %5 %6 : [2, 4]\n");
  const Program after = deferred(before);
  CHECK(text(*after.tape) ==
        "%0 = input(x[0]) : [B, 2]\n"
        "%1 = input(x[1]) : [B, 2]\n"
        "%2 = input(x[2]) : [B, 2]\n"
        "%3 = input(d) : [B, 4]\n"
        "%4 = weight_gradient %0 %3 %1 %3 %2 %3 : [2, 4]\n");
  verify(*after.tape);
  const Tensor<double> steps = random_tensor({3, 5, 2}, 1), four = random_tensor({5, 4}, 2);
  check_same_values(before, after, std::array{Binding{"x", steps}, Binding{"d", four}}, 1e-13);
}

TEST_CASE("defer: terms of several ops merge op by op; other terms and shared ones stay") {
  Tape tape;
  const Var x = tape.input("x", {B, 2}), y = tape.input("y", {B, 3}), w = tape.input("w", {2, 3});
  const Var ids = tape.ids("ids", {B});
  const Var a = weight_gradient(x, y), b = weight_gradient(tanh(x), y), shared = weight_gradient(exp(x), y);
  const Var s = scatter_add(ids, y, 2), t = scatter_add(ids, exp(y), 2);
  const Var total = accumulate({{w, a, s, b, shared, t, w}});
  const Program before = program_of(tape, {total, shared});
  const Program after = deferred(before);
  CHECK(count_ops(*before.tape, "weight_gradient") == 3);
  CHECK(count_ops(*after.tape, "weight_gradient") == 2);  // a and b; shared is a root
  CHECK(count_ops(*after.tape, "scatter_add") == 1);
  const auto terms = after.tape->inputs(after.roots[0]);
  CHECK(terms.size() == 5);  // w, (a, b), (s, t), shared, w
  CHECK(before.tape->size() - after.tape->size() == 2);
  verify(*after.tape);
  const Tensor<double> vx = random_tensor({4, 2}, 1), vy = random_tensor({4, 3}, 2), vw = random_tensor({2, 3}, 3);
  const Tensor<std::int32_t> vi = random_ids({4}, 4, 2);
  check_same_values(before, after, std::array{Binding{"x", vx}, Binding{"y", vy}, Binding{"w", vw}, Binding{"ids", vi}}, 1e-13);
}

TEST_CASE("defer: an accumulate without terms that merge is kept as it is") {
  Tape tape;
  const Var x = tape.input("x", {B, 2});
  const Program before = program_of(tape, {accumulate({{tanh(x), exp(x)}})});
  CHECK(text(*passes::defer(before, Element::f64).tape) == text(*before.tape));
}

TEST_CASE("defer: the weight gradients of an unrolled network are one node per weight") {
  const Network<Lstm> network(5);
  std::vector<Var> roots(network.outputs.begin() + 2, network.outputs.end());
  const Program before = program_of(network.tape, roots);
  const Program after = deferred(before);
  // Per gate U and W, and the head's W: nine weights. Per gate b, and the head's: five sums over the batch.
  CHECK(count_ops(*after.tape, "weight_gradient") == 9);
  CHECK(count_ops(*after.tape, "batch_sum") == 5);
  CHECK(count_ops(*before.tape, "weight_gradient") > 9 * 4 - 1);
  CHECK(count_ops(*after.tape, "accumulate") < count_ops(*before.tape, "accumulate"));
  const auto values = network.set.initial<double>(1);
  const Batch<double> batch(network, 3, 1);
  check_same_values(before, after, batch.bindings(), 1e-12, &values);
}
