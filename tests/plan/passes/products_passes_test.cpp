// sum_products, join_products and hoist_products: each on the smallest tape that shows it, before and after as text, then all of
// them on the library's cells.
#include <reel/graph/print.h>
#include <reel/graph/verify.h>
#include <reel/models/cells/any_cell.h>
#include <reel/models/cells/cell_kinds.h>
#include <reel/models/cells/deep.h>
#include <reel/models/cells/elman.h>
#include <reel/models/cells/gru.h>
#include <reel/models/cells/jordan.h>
#include <reel/models/cells/lstm.h>
#include <reel/models/parameter_set.h>
#include <reel/models/unroll.h>
#include <reel/ops/activation.h>
#include <reel/ops/arithmetic.h>
#include <reel/ops/elementary.h>
#include <reel/ops/grouped_matmul.h>
#include <reel/ops/joining.h>
#include <reel/ops/matmul.h>
#include <reel/ops/reduction.h>
#include <reel/ops/weight_gradient.h>
#include <reel/plan/passes/dead_code.h>
#include <reel/plan/passes/hoist_products.h>
#include <reel/plan/passes/join_products.h>
#include <reel/plan/passes/lower.h>
#include <reel/plan/passes/sum_products.h>

#include "support.h"

using namespace reel;
using namespace reel::test;

namespace {

Program live_part(const Tape& tape, const std::vector<Var>& roots) {
  std::vector<NodeId> ids;
  for (const Var& v : roots) ids.push_back(v.id());
  return passes::live_part(tape, ids);
}

// The live part of a tape with its matmuls as products nodes.
Program products_of(const Tape& tape, const std::vector<Var>& roots) {
  return passes::dead_code(passes::lower(live_part(tape, roots), Element::f64), Element::f64);
}

Program run(Program (*pass)(const Program&, Element), const Program& p) {
  const Program after = passes::dead_code(pass(p, Element::f64), Element::f64);
  verify(*after.tape);
  return after;
}

Index count(const Program& p, std::string_view op) {
  Index n = 0;
  for (NodeId id = 0; id < p.tape->size(); ++id) n += p.tape->node(id).op->name() == op;
  return n;
}

void check_equal(const Program& before, const Program& after, const Data& data, const ParameterValues<double>* values = nullptr) {
  const auto a = interpret<double>(*before.tape, data.bindings<double>(), values);
  const auto b = interpret<double>(*after.tape, data.bindings<double>(), values);
  for (std::size_t i = 0; i < before.roots.size(); ++i) {
    const auto x = a.value(before.roots[i]), y = b.value(after.roots[i]);
    REQUIRE(x.size() == y.size());
    for (Index k = 0; k < x.size(); ++k) CHECK(std::abs(x[k] - y[k]) <= 1e-12 * std::max(1.0, std::abs(x[k])));
  }
}

}  // namespace

TEST_CASE("sum_products: two products and a bias become one node that begins from the bias: 10 nodes become 7") {
  Tape tape;
  const Var x = tape.input("x", {B, 2}), h = tape.input("h", {B, 3});
  const Var U = tape.input("U", {2, 3}), W = tape.input("W", {3, 3}), b = tape.constant(Tensor<double>(Shape{3}, {1, 2, 3}));
  const Program before = products_of(tape, {matmul(x, U) + matmul(h, W) + b});
  CHECK(before.tape->size() == 10);
  const Program after = run(passes::sum_products, before);
  CHECK(after.tape->size() == 7);
  CHECK(text(*after.tape).find("%6 = grouped_matmul(1 steps 2 terms 1 groups +init) %0 %1 %2 %3 %5 : [B, 3]") !=
        std::string::npos);
  Data data;
  data.add("x", random_tensor({4, 2}, 1))
      .add("h", random_tensor({4, 3}, 2))
      .add("U", random_tensor({2, 3}, 3))
      .add("W", random_tensor({3, 3}, 4));
  check_equal(before, after, data);
}

TEST_CASE("sum_products: a product that something else uses stays by itself") {
  Tape tape;
  const Var x = tape.input("x", {B, 2}), U = tape.input("U", {2, 2});
  const Var p = matmul(x, U);
  const Program before = products_of(tape, {p + x, tanh(p)});
  const Program after = run(passes::sum_products, before);
  CHECK(text(*after.tape) == text(*before.tape));
}

TEST_CASE("join_products: two products of one operand become one with two results: 5 nodes become 6") {
  Tape tape;
  const Var x = tape.input("x", {B, 2}), U = tape.input("U", {2, 3}), V = tape.input("V", {2, 3});
  const Program before = products_of(tape, {matmul(x, U), matmul(x, V)});
  CHECK(text(*before.tape) ==
        "%0 = input(x) : [B, 2]\n"
        "%1 = input(U) : [2, 3]\n"
        "%2 = input(V) : [2, 3]\n"
        "%3 = grouped_matmul(1 steps 1 terms 1 groups) %0 %1 : [B, 3]\n"
        "%4 = grouped_matmul(1 steps 1 terms 1 groups) %0 %2 : [B, 3]\n");
  const Program after = run(passes::join_products, before);
  CHECK(text(*after.tape) ==
        "%0 = input(x) : [B, 2]\n"
        "%1 = input(U) : [2, 3]\n"
        "%2 = input(V) : [2, 3]\n"
        "%3 = grouped_matmul(1 steps 1 terms 2 groups) %0 %1 %2 : [B, 2, 3]\n"
        "%4 = output(0) %3 : [B, 3]\n"
        "%5 = output(1) %3 : [B, 3]\n");
  Data data;
  data.add("x", random_tensor({4, 2}, 1)).add("U", random_tensor({2, 3}, 2)).add("V", random_tensor({2, 3}, 3));
  check_equal(before, after, data);
}

TEST_CASE("join_products: a product whose weight depends on the first one stays behind it") {
  Tape tape;
  const Var x = tape.input("x", {B, 2}), U = tape.input("U", {2, 2});
  const Var first = matmul(x, U);
  const Var second = matmul(x, weight_gradient(first, x));
  const Program before = products_of(tape, {second});
  const Program after = run(passes::join_products, before);
  CHECK(text(*after.tape) == text(*before.tape));
}

TEST_CASE("join_products: what a later product begins from is computed earlier where it can be") {
  Tape tape;
  const Var x = tape.input("x", {B, 2}), U = tape.input("U", {2, 3}), V = tape.input("V", {2, 3});
  const Var a = tape.input("a", {B, 3});
  const Var first = grouped_matmul({1, 1, 1, true}, {{x}}, {{U}}, {{a}}, {});
  const Var second = grouped_matmul({1, 1, 1, true}, {{x}}, {{V}}, {{tanh(a) * 2.0}}, {});
  const Var third = grouped_matmul({1, 1, 1, true}, {{x}}, {{V}}, {{tanh(first)}}, {});  // not before the first
  const Program before = live_part(tape, {first, second, third});
  const Program after = run(passes::join_products, before);
  CHECK(count(before, "grouped_matmul") == 3);
  CHECK(count(after, "grouped_matmul") == 2);
  CHECK(text(*after.tape).find("grouped_matmul(1 steps 1 terms 2 groups +init)") != std::string::npos);
  Data data;
  data.add("x", random_tensor({4, 2}, 1)).add("U", random_tensor({2, 3}, 2)).add("V", random_tensor({2, 3}, 3));
  check_equal(before, after, data.add("a", random_tensor({4, 3}, 4)));
}

// Two would join at once and leave the first alone.
TEST_CASE("join_products: products wait for those that they begin from to join") {
  Tape tape;
  const Var x = tape.input("x", {B, 2}), h = tape.input("h", {B, 2}), c = tape.input("c", {B, 3});
  Data data;
  data.add("x", random_tensor({4, 2}, 1)).add("h", random_tensor({4, 2}, 2)).add("c", random_tensor({4, 3}, 3));
  const auto weight = [&](const std::string& name) {
    data.add(name, random_tensor({2, 3}, 4));
    return tape.input(name, {2, 3});
  };
  std::vector<Var> roots;
  for (const char* gate : {"r", "z"}) {
    const Var of_x = grouped_matmul({1, 1, 1, false}, {{x}}, {{weight(std::string("U_") + gate)}}, {}, {});
    roots.push_back(grouped_matmul({1, 1, 1, true}, {{h}}, {{weight(std::string("W_") + gate)}}, {{of_x}}, {}));
  }
  roots.push_back(grouped_matmul({1, 1, 1, true}, {{h}}, {{weight("W_n")}}, {{c}}, {}));
  const Program before = live_part(tape, roots);
  const Program after = run(passes::join_products, before);
  CHECK(count(before, "grouped_matmul") == 5);
  CHECK(count(after, "grouped_matmul") == 2);
  CHECK(text(*after.tape).find("grouped_matmul(1 steps 1 terms 3 groups +init)") != std::string::npos);
  check_equal(before, after, data);
}

TEST_CASE("hoist_products: products of every step by one weight become one: 7 nodes become 8") {
  Tape tape;
  const Sequence x = tape.input("x", 3, {B, 2});
  const Var U = tape.input("U", {2, 2});
  const Program before = products_of(tape, {matmul(x[0], U), matmul(x[1], U), matmul(x[2], U)});
  CHECK(before.tape->size() == 7);
  const Program after = run(passes::hoist_products, before);
  CHECK(after.tape->size() == 8);
  CHECK(text(*after.tape).find("grouped_matmul(3 steps 1 terms 1 groups) %0 %1 %2 %3 : [B, 3, 2]") != std::string::npos);
  Data data;
  data.add("x", random_tensor({3, 4, 2}, 1)).add("U", random_tensor({2, 2}, 2));
  check_equal(before, after, data);
}

TEST_CASE("hoist_products: products that feed one another are gathered level by level") {
  Tape tape;
  const Sequence x = tape.input("x", 2, {B, 2});
  const Var U = tape.input("U", {2, 2});
  std::vector<Var> roots;
  for (const Var& v : x) roots.push_back(matmul(tanh(matmul(v, U)), U));
  const Program before = products_of(tape, roots);
  const Program after = run(passes::hoist_products, before);
  CHECK(count(before, "grouped_matmul") == 4);
  CHECK(count(after, "grouped_matmul") == 2);
  Data data;
  data.add("x", random_tensor({2, 4, 2}, 1)).add("U", random_tensor({2, 2}, 2));
  check_equal(before, after, data);
}

TEST_CASE("hoist_products: a recurrence by one weight has nothing to gather") {
  Tape tape;
  Var h = tape.input("h", {B, 2});
  const Var W = tape.input("W", {2, 2});
  for (int t = 0; t < 4; ++t) h = tanh(matmul(h, W));
  const Program before = products_of(tape, {h});
  CHECK(text(*run(passes::hoist_products, before).tape) == text(*before.tape));
}

TEST_CASE("products passes: the steps of a cell hoist its input's products and join its gates") {
  constexpr Index T = 6;
  const auto products_in = [](auto make_cell, Index I = 16) {
    ParameterSet set;
    const auto cell = make_cell(set);
    Tape tape;
    const Sequence x = tape.input("x", T, {B, I});
    const Sequence y = unroll(cell, x, zero_state(tape, cell)).outputs;
    std::vector<Var> wrt = x, outputs{y.back()};
    for (const Parameter& p : set.all()) wrt.push_back(tape.parameter(p));
    for (const Var& g : gradients(sum(square(y.back())), wrt)) outputs.push_back(g);
    const auto plan = compile<double>(tape, outputs, {.verify = true});
    return count(plan.program(), "packed_matmul");
  };
  // Forward: one node for all x, one per step for h; backward: one per step for dh but the first, one for all dx.
  CHECK(products_in([](ParameterSet& set) { return Elman(set, "cell", 16, 4); }) == 1 + T + (T - 1) + 1);
  CHECK(products_in([](ParameterSet& set) { return Lstm(set, "cell", 16, 4); }) == 1 + T + (T - 1) + 1);
  // Of a GRU the candidate's product of (r * h) goes by itself, in both directions, and back at the first step too.
  CHECK(products_in([](ParameterSet& set) { return Gru(set, "cell", 16, 4); }) == 1 + 2 * T + T + (T - 1) + 1);
  // Of a narrow input the product is a term of the recurrence's.
  CHECK(products_in([](ParameterSet& set) { return Lstm(set, "cell", 15, 4); }, 15) == T + (T - 1) + 1);
  // A stack: once the lower layer is done, the upper one's input products are one node, and so are the gradients that come down.
  const auto stack = [](ParameterSet& set) {
    return Deep({AnyCell(Lstm(set, "lower", 16, 16)), AnyCell(Lstm(set, "upper", 16, 16))});
  };
  CHECK(products_in(stack) == 2 * (1 + T + (T - 1) + 1));
  // Jordan: the outputs feed back through W and V, so nothing but the input's products moves.
  CHECK(products_in([](ParameterSet& set) { return Jordan(set, "cell", 16, 4, 5, tanh); }) == 1 + 2 * T + (T + T - 1) + 1);
}
