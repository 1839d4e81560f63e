#include <reel/graph/print.h>
#include <reel/graph/verify.h>
#include <reel/ops/activation.h>
#include <reel/ops/arithmetic.h>
#include <reel/ops/elementary.h>
#include <reel/ops/reduction.h>
#include <reel/plan/passes/dead_code.h>

#include "network.h"

using namespace reel;
using namespace reel::test;

TEST_CASE("dead_code: 7 nodes become 3, in their order and with their values") {
  Tape tape;
  const Var x = tape.input("x", {B, 2}), unused = tape.input("unused", {B, 2});
  const Var h = tanh(x), waste = exp(unused), y = sigmoid(h);
  sum(waste, -1);
  // sum over an axis is two nodes: the sum, and its view without the last dimension.
  CHECK(text(tape) ==
        "%0 = input(x) : [B, 2]\n"
        "%1 = input(unused) : [B, 2]\n"
        "%2 = tanh %0 : [B, 2]\n"
        "%3 = exp %1 : [B, 2]\n"
        "%4 = sigmoid %2 : [B, 2]\n"
        "%5 = sum_to([B, 1]) %3 : [B, 1]\n"
        "%6 = reshape([B]) %5 : [B]\n");
  const Program after = passes::live_part(tape, {y.id()});
  CHECK(text(*after.tape) ==
        "%0 = input(x) : [B, 2]\n"
        "%1 = tanh %0 : [B, 2]\n"
        "%2 = sigmoid %1 : [B, 2]\n");
  REQUIRE(after.roots == std::vector<NodeId>{2});
  verify(*after.tape);
  const Tensor<double> data = random_tensor({3, 2}, 1);
  const auto before = interpret<double>(tape, {{"x", data}, {"unused", data}});
  const auto values = root_values(after, std::array{Binding{"x", data}});
  check_close(before.value(y), values, 0);
}

TEST_CASE("dead_code: keeps roots that are leaves, used twice or named twice, and scopes and names") {
  Tape tape;
  const Var x = tape.input("x", {B, 2});
  const auto scope = tape.scope("layer");
  const Var h = tanh(x);
  exp(h);
  tape.name(h, "hidden");
  const Program after = passes::live_part(tape, {h.id(), x.id(), h.id()});
  CHECK(after.tape->size() == 2);
  CHECK(after.roots == std::vector<NodeId>{1, 0, 1});
  CHECK(after.tape->scope_label(1) == "layer");
  CHECK(after.tape->name(1) == "hidden");
  const Program again = passes::dead_code(after, Element::f32);
  CHECK(text(*again.tape) == text(*after.tape));
  CHECK(again.roots == after.roots);
}
