#include <reel/graph/verify.h>
#include <reel/models/cells/lstm.h>
#include <reel/ops/activation.h>
#include <reel/ops/arithmetic.h>
#include <reel/ops/reduction.h>

#include "network.h"

using namespace reel;
using namespace reel::test;

namespace {

// Copies the first nodes of a tape as they are, then one more node over the given inputs, unchecked.
void copy_with(Tape& to, const Tape& from, NodeId last, std::vector<NodeId> inputs) {
  for (NodeId id = 0; id < last; ++id) to.copy(from, id, from.inputs(id));
  to.copy(from, last, inputs);
}

}  // namespace

TEST_CASE("verify: accepts what was recorded, gradients included, and what every pass makes of it") {
  Network<Lstm> network(3);
  CHECK_NOTHROW(verify(network.tape));
  CHECK_NOTHROW(compile<float>(network.tape, network.outputs, {.verify = true}));
}

TEST_CASE("verify: an input that does not come before its user is named") {
  Tape good;
  const Var x = good.input("x", {B, 3});
  const Var y = tanh(x);
  Tape bad(good.pool());
  copy_with(bad, good, y.id(), {1});
  check_throws<Error>([&] { verify(bad); }, {"%1", "[tanh]", "does not come before"});
}

TEST_CASE("verify: a shape that is not what the op infers is named") {
  Tape good;
  const Var x = good.input("x", {B, 3}), other = good.input("other", {B, 4});
  const Var y = tanh(x);
  Tape bad(good.pool());
  copy_with(bad, good, y.id(), {other.id()});
  check_throws<Error>([&] { verify(bad); }, {"%2", "[tanh]", "[B, 3]", "infers [B, 4]"});
}

TEST_CASE("verify: inputs that the op refuses are named") {
  Tape good;
  const Var x = good.input("x", {B, 3}), ids = good.ids("ids", {B, 3});
  const Var y = tanh(x);
  Tape bad(good.pool());
  copy_with(bad, good, y.id(), {ids.id()});
  check_throws<Error>([&] { verify(bad); }, {"%2", "[tanh]", "ids [B, 3]"});
}

TEST_CASE("verify: compile checks after each pass when asked") {
  Tape tape;
  const Var x = tape.input("x", {B, 3});
  const Var y = tanh(x + 1.0);
  // A broken pass: the last node reads itself.
  const Pass broken{"broken", [](const Program& program, Element) {
                      Program result{std::make_shared<Tape>(program.tape->pool()), program.roots};
                      const NodeId last = program.tape->size() - 1;
                      copy_with(*result.tape, *program.tape, last, {last});
                      return result;
                    }};
  check_throws<Error>([&] { compile<double>(tape, {y}, {.passes = std::vector{broken}, .verify = true}); }, {"verify", "[tanh]"});
}

TEST_CASE("verify: a pass that changes the shape of an output is named") {
  Tape tape;
  const Var x = tape.input("x", {B, 3}), y = sum(x, -1);
  const Pass broken{"broken", [](const Program& program, Element) { return Program{program.tape, {0}}; }};
  check_throws<Error>([&] { compile<double>(tape, {y}, {.passes = std::vector{broken}, .verify = true}); },
                      {"the pass broken", "x [B, 3]", "[B]"});
}
