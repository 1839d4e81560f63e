#include <reel/graph/print.h>
#include <reel/graph/verify.h>
#include <reel/models/cells/lstm.h>
#include <reel/ops/activation.h>
#include <reel/ops/arithmetic.h>
#include <reel/ops/elementary.h>
#include <reel/ops/softmax.h>
#include <reel/plan/rewriter.h>

#include "network.h"

using namespace reel;
using namespace reel::test;

namespace {

using Groups = std::vector<std::vector<NodeId>>;

// Keeps the members of every group side by side, and notes the calls.
struct Regrouped {
  Groups calls;
  Program program;

  Regrouped(const Program& p, const Groups& groups) {
    program = rewrite_groups(p, groups, [&](Rewriter& rewriter, std::span<const NodeId> members) {
      calls.emplace_back(members.begin(), members.end());
      for (NodeId id : members) {
        for (NodeId x : rewriter.from().inputs(id)) CHECK(rewriter.has(x));
        rewriter.keep(id);
      }
    });
    verify(*program.tape);
  }
};

std::vector<NodeId> ids_of(const std::vector<Var>& vars) {
  std::vector<NodeId> ids;
  for (const Var& v : vars) ids.push_back(v.id());
  return ids;
}

std::string names(const Program& p) {
  std::string all;
  for (NodeId id = 0; id < p.tape->size(); ++id) {
    if (p.tape->node(id).op->leaf()) continue;
    if (!all.empty()) all += ' ';
    all += p.tape->node(id).op->name();
  }
  return all;
}

}  // namespace

TEST_CASE("rewrite_groups: without groups the program is as it was") {
  const Network<Lstm> network(2);
  const Program before = program_of(network.tape, network.outputs);
  const Regrouped after(before, {});
  CHECK(after.calls.empty());
  CHECK(text(*after.program.tape) == text(*before.tape));
  CHECK(after.program.roots == before.roots);
}

TEST_CASE("rewrite_groups: the members of a group are emitted together, after all that they need") {
  Tape tape;
  const Var x = tape.input("x", {B, 3});
  const Var a = tanh(x), use = exp(a), late = sigmoid(x), b = square(late), end = use + b;
  // `use` reads a member, and b needs what was recorded after `use`.
  const Program before = program_of(tape, {end, a});
  const Regrouped after(before, {ids_of({a, b})});
  CHECK(names(before) == "tanh exp sigmoid square add");
  CHECK(names(after.program) == "sigmoid tanh square exp add");
  CHECK(after.calls == Groups{ids_of({a, b})});
  const Tensor<double> data = random_tensor({4, 3}, 1);
  check_same_values(before, after.program, std::array{Binding{"x", data}});
}

TEST_CASE("rewrite_groups: groups that need one another's members follow, whatever their order in the list") {
  Tape tape;
  const Sequence x = tape.input("x", 3, {B, 2});
  std::vector<std::vector<NodeId>> layers(3);
  std::vector<Var> ends;
  for (const Var& v : x) {
    const Var first = tanh(v), second = exp(first), third = square(second);
    layers[0].push_back(first.id());
    layers[1].push_back(second.id());
    layers[2].push_back(third.id());
    ends.push_back(third);
  }
  const Program before = program_of(tape, ends);
  for (const Groups& groups : {Groups{layers[0], layers[1], layers[2]}, Groups{layers[2], layers[0], layers[1]}}) {
    const Regrouped after(before, groups);
    CHECK(names(after.program) == "tanh tanh tanh exp exp exp square square square");
    CHECK(after.calls == layers);
    const Tensor<double> data = random_tensor({3, 4, 2}, 1);
    check_same_values(before, after.program, std::array{Binding{"x", data}});
  }
}

TEST_CASE("rewrite_groups: members may feed one another directly") {
  Tape tape;
  const Var x = tape.input("x", {B, 3});
  const Var a = tanh(x), b = exp(a), other = softmax(x), c = b * other;
  const Regrouped after(program_of(tape, {c}), {ids_of({a, b, c})});
  CHECK(names(after.program) == "softmax tanh exp multiply");
  CHECK(after.calls.size() == 1);
}

TEST_CASE("rewrite_groups: what rewrite replaces besides its members is not kept") {
  Tape tape;
  const Var x = tape.input("x", {B, 3});
  const Var a = tanh(x), b = exp(x), c = square(a);
  const Program before = program_of(tape, {b, c});
  int calls = 0;
  const Program after = rewrite_groups(before, {ids_of({a})}, [&](Rewriter& rewriter, std::span<const NodeId> members) {
    ++calls;
    const Var stand_in = sigmoid(rewriter.to().var(rewriter.mapped(x.id())));
    rewriter.replace(members[0], stand_in);
    rewriter.replace(b.id(), stand_in);
  });
  CHECK(calls == 1);
  CHECK(names(after) == "sigmoid square");
  CHECK(after.roots == std::vector<NodeId>{1, 2});
}

TEST_CASE("rewrite_groups: roots are mapped, also where they are members") {
  Tape tape;
  const Var x = tape.input("x", {B, 3});
  const Var a = tanh(x), middle = softmax(x), b = exp(middle);
  const Program before = program_of(tape, {b, a, b, x});
  const Regrouped after(before, {ids_of({b, a})});
  CHECK(after.program.roots == std::vector<NodeId>{2, 3, 2, 0});  // in the order of the group
  const Tensor<double> data = random_tensor({4, 3}, 1);
  check_same_values(before, after.program, std::array{Binding{"x", data}});
}

TEST_CASE("rewrite_groups: a group at the end of a long chain needs no recursion") {
  Tape tape;
  const Var x = tape.input("x", {B, 1});
  const Var first = exp(x);
  Var y = x;
  for (int i = 0; i < 100000; ++i) y = tanh(y);
  const Var last = exp(y);
  const Program before = program_of(tape, {first + last});
  const Regrouped after(before, {ids_of({first, last})});
  CHECK(after.program.tape->size() == before.tape->size());
}
