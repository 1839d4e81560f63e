#include <reel/models/initializers.h>
#include <reel/models/layers.h>
#include <reel/models/parameter_set.h>
#include <reel/ops/activation.h>
#include <reel/ops/arithmetic.h>
#include <reel/ops/elementary.h>
#include <reel/ops/embedding.h>
#include <reel/ops/matmul.h>
#include <reel/ops/reduction.h>

#include "models/evaluated_twice.h"

using namespace reel;
using namespace reel::test;

namespace {

std::vector<Var> all_parameters(Tape& tape, const ParameterSet& set) {
  std::vector<Var> all;
  for (const Parameter& p : set.all()) all.push_back(tape.parameter(p));
  return all;
}

}  // namespace

TEST_CASE("linear: x W + b") {
  Tape tape;
  ParameterSet set;
  const Linear layer(set, "head", 2, 3, init::values({1, 2, 3, 4, 5, 6}), init::values({.1, .2, .3}));
  CHECK(layer.W.name() == "head.W");
  CHECK(layer.b.name() == "head.b");
  const auto values = set.initial<double>(1);
  check_twice(tape, {{"y", layer(tape.input("x", {B, 2})), {1.1, 2.2, 3.3, 7.1, 8.2, 9.3}}},
              Data().add("x", Tensor<double>(Shape{2, 2}, {1, 0, -1, 2})), &values, 1e-14);
}

TEST_CASE("linear: any leading dimensions") {
  for (const Shape& shape : {Shape{2}, Shape{B, 2}, Shape{4, 2}, Shape{B, 4, 2}}) {
    CAPTURE(shape.text());
    Tape tape;
    ParameterSet set;
    const Linear layer(set, "l", 2, 3, init::uniform(1), init::uniform(1));
    const Var x = tape.input("x", shape);
    const Var y = layer(x);
    CHECK(y.shape() == shape.with_dim(-1, 3));
    const auto values = set.initial<double>(2);
    std::vector<Var> wrt = all_parameters(tape, set);
    wrt.push_back(x);
    check_gradient(sum(square(y)), wrt, Data().add("x", random_tensor(shape.batched() ? shape.bind(3) : shape, 2)), &values);
  }
}

TEST_CASE("linear: a wrong input is refused with the caller's line") {
  Tape tape;
  ParameterSet set;
  const Linear layer(set, "head", 5, 3);
  const Var x = tape.input("x", {B, 4});
  check_throws<ShapeError>([&] { layer(x); }, {"matmul", "[B, 4]", "head.W [5, 3]", "layers_test.cpp"});
}

TEST_CASE("identity: the Var itself") {
  Tape tape;
  const Var x = tape.input("x", {B, 4});
  CHECK(identity(x) == x);
}

TEST_CASE("embedding layer: rows of the table, equal to one-hot times the matrix") {
  Tape tape;
  ParameterSet set;
  const Embedding table(set, "words", 4, 3);
  CHECK(table.table.shape() == Shape{4, 3});
  const Var ids = tape.ids("ids", {B, 2});
  const Var a = table(ids), b = matmul(one_hot(ids, 4), table.table);
  CHECK(a.shape() == Shape{B, 2, 3});
  const auto values = set.initial<double>(3);
  const Data data = Data().add("ids", Tensor<std::int32_t>(Shape{3, 2}, {0, 3, 3, 3, 1, 0}));
  const Var ga = gradients(sum(square(a)), {{table.table}})[0], gb = gradients(sum(square(b)), {{table.table}})[0];
  check_twice(tape,
              {{"rows", sum(abs(a - b)), {0}}, {"gradients", sum(abs(ga - gb)), {0}}, {"something", step(sum(abs(ga))), {1}}},
              data, &values, 1e-13);
  check_gradient(sum(square(a)), {{tape.parameter(table.table)}}, data, &values);
}

TEST_CASE("embedding layer: an id out of range is named") {
  Tape tape;
  ParameterSet set;
  const Embedding table(set, "words", 4, 3);
  const Var y = table(tape.ids("ids", {B}));
  const auto values = set.initial<double>(3);
  const auto plan = compile<double>(tape, {y});
  Workspace<double> workspace(plan, &values);
  const Tensor<std::int32_t> ids(Shape{2}, {1, 4});
  check_throws<InputError>([&] { plan.run(workspace, {{"ids", ids}}); }, {"4"});
}

TEST_CASE("mlp: activations between the layers and after the last") {
  Tape tape;
  ParameterSet set;
  const Mlp net(set, "net", {2, 3, 3, 1}, tanh, sigmoid);
  CHECK(net.layers.size() == 3);
  CHECK(set.find("net.2.W").shape() == Shape{3, 1});
  const Var x = tape.input("x", {B, 2});
  const Var by_hand = sigmoid(net.layers[2](tanh(net.layers[1](tanh(net.layers[0](x))))));
  const Var y = net(x);
  const auto values = set.initial<double>(1);
  const Data data = Data().add("x", random_tensor(Shape{3, 2}, 4));
  const auto run = interpret<double>(tape, data.bindings<double>(), &values);
  check_twice(tape, {{"y", y, {run.value(by_hand).begin(), run.value(by_hand).end()}}}, data, &values, 1e-14);
  check_gradient(sum(square(y)), all_parameters(tape, set), data, &values);
}

TEST_CASE("mlp: one layer is linear, fewer than two sizes are refused") {
  Tape tape;
  ParameterSet set;
  const Mlp net(set, "net", {2, 1}, tanh);
  const Var x = tape.input("x", {B, 2});
  const auto values = set.initial<double>(1);
  check_twice(tape, {{"y", sum(abs(net(x) - net.layers[0](x))), {0}}}, Data().add("x", random_tensor(Shape{3, 2}, 4)), &values);
  check_throws<InputError>([&] { Mlp(set, "short", {2}, tanh); }, {"short", "size"});
  check_throws<InputError>([&] { Mlp(set, "net", {2, 1}, tanh); }, {"net.0.W"});
}
