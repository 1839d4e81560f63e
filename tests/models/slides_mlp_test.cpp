// The feed-forward network of the slides, 3-2-2 with sigmoid: bias as row 0 of each weight, E = 1/2 sum (a2 - y)^2.
#include <cmath>

#include <reel/models/cells/elman.h>
#include <reel/models/initializers.h>
#include <reel/models/layers.h>
#include <reel/models/parameter_set.h>
#include <reel/models/unroll.h>
#include <reel/ops/activation.h>
#include <reel/ops/arithmetic.h>
#include <reel/ops/embedding.h>
#include <reel/ops/joining.h>
#include <reel/ops/loss.h>
#include <reel/ops/matmul.h>
#include <reel/ops/rows.h>
#include <reel/train/optimizers.h>
#include <reel/train/trainer.h>

#include "models/evaluated_twice.h"

using namespace reel;
using namespace reel::test;

namespace {

const std::vector<double> kInputs = {1, 4, 5, .1, -5, 3, 6, -5.542, 4.897, 4, 8, 9, 12, -2, .0063, 6, -5.5, 4.897};
const std::vector<double> kTargets = {.1, .05, .1221, .0964, .1061, .0702, .0996, .0641, .1110, .0732, .1060, .0701};
const std::vector<double> kW1 = {.5, .5, .1, .2, .3, .4, .5, .6};
const std::vector<double> kW2 = {.5, .5, .7, .8, .9, .1};

Data first_rows(Index rows) {
  Tensor<double> x(Shape{rows, 3}, std::vector<double>(kInputs.begin(), kInputs.begin() + 3 * rows));
  Tensor<double> y(Shape{rows, 2}, std::vector<double>(kTargets.begin(), kTargets.begin() + 2 * rows));
  return Data().add("x", std::move(x)).add("y", std::move(y));
}

// As on the slide: a0 = [1, x], s1 = a0 w1, a1 = sigmoid(s1), s2 = [1, a1] w2, a2 = sigmoid(s2).
struct SlideNetwork {
  Tape tape;
  ParameterSet set;
  Parameter w1 = set.add("w1", {4, 2}, init::values(kW1)), w2 = set.add("w2", {3, 2}, init::values(kW2));
  Var x = tape.input("x", {B, 3}), y = tape.input("y", {B, 2});
  Var one = tape.fill({B, 1}, 1);
  Var s1 = matmul(concat({one, x}), w1);
  Var a1 = sigmoid(s1);
  Var s2 = matmul(concat({one, a1}), w2);
  Var a2 = sigmoid(s2);
  Var E = half_squared_error(a2, y);
  ParameterValues<double> values = set.initial<double>(1);
};

const std::vector<double> kC1 = {.06037707209620377,  .033174773908875355, .11336557525455167, .042727225598607046,
                                 -.29291875549714674, -.16576794302048664, .21932030050979434, .11290642042314274};
const std::vector<double> kC2 = {.34468719711483603, .4815644551803616,  .29288016186305016,
                                 .41761802810762866, .29301029795234784, .419118054517917};
const std::vector<double> kW1AfterStep = {.499396229279038,   .49966825226091127, .09886634424745448, .19957272774401394,
                                          .30292918755497145, .40165767943020486, .49780679699490205, .5988709357957686};
const std::vector<double> kW2AfterStep = {.49655312802885165, .4951843554481964, .6970711983813694,
                                          .7958238197189238,  .8970698970204766, .09580881945482084};

}  // namespace

TEST_CASE("mlp of the slides: values and gradients of row 1") {
  SlideNetwork net;
  const std::vector<Var> g = gradients(net.E, {{net.tape.parameter(net.w1), net.tape.parameter(net.w2), net.a1}});
  check_twice(
      net.tape,
      {{"s1", net.s1, {4.3, 5.3}},
       {"a1", net.a1, {.9866130821723351, .995033198349943}},
       {"s2", net.s2, {2.0861590360355833, 1.3887937855728625}},
       {"a2", net.a2, {.889550613969795, .8003996080673895}},
       {"E", net.E, {.593244871903886}},
       {"dE/dw1",
        g[0],
        {.0019839118724015218, .00040428932133007264, .0019839118724015218, .00040428932133007264, .007935647489606087,
         .0016171572853202905, .00991955936200761, .0020214466066503633}},
       {"dE/dw2",
        g[1],
        {.0775735998121553, .11988389801972481, .07653512840587381, .11827902212807459, .07718830712860741, .11928845847722518}},
       {"dE/da1", g[2], {.15020863828428857, .08180462963291225}}},
      first_rows(1), &net.values);
}

TEST_CASE("mlp of the slides: gradients are sums over the first four rows") {
  SlideNetwork net;
  const std::vector<Var> g = gradients(net.E, {{net.w1, net.w2}});
  check_twice(net.tape, {{"E", net.E, {2.173810}}}, first_rows(4), &net.values, 1e-6);
  check_twice(net.tape, {{"c1", g[0], kC1}, {"c2", g[1], kC2}}, first_rows(4), &net.values);
  check_gradient(net.E, {{net.tape.parameter(net.w1), net.tape.parameter(net.w2)}}, first_rows(6), &net.values);
}

TEST_CASE("mlp of the slides: one step with rate .01") {
  SlideNetwork net;
  Trainer<double> trainer(net.E, net.set, Sgd{.lr = .01});
  const Data data = first_rows(4);
  CHECK(trainer.step(data.bindings<double>()) == doctest::Approx(2.173810).epsilon(1e-6));
  check_close(trainer.get("w1"), kW1AfterStep);
  check_close(trainer.get("w2"), kW2AfterStep);
  CHECK(trainer.evaluate(data.bindings<double>()) == doctest::Approx(2.163122).epsilon(1e-6));
}

TEST_CASE("mlp of the slides: the Mlp class with its bias apart is the same network") {
  Tape tape;
  ParameterSet set;
  const Mlp mlp(set, "net", {3, 2, 2}, sigmoid, sigmoid);
  const Var E = half_squared_error(mlp(tape.input("x", {B, 3})), tape.input("y", {B, 2}));
  auto values = set.initial<double>(1);
  const auto put = [&](const char* name, const std::vector<double>& w, std::size_t from, Shape shape) {
    const auto count = static_cast<std::size_t>(shape.row_size());
    set_values<double>(set, values, name, Tensor<double>(shape, std::span(w).subspan(from, count)));
  };
  put("net.0.b", kW1, 0, {2});
  put("net.0.W", kW1, 2, {3, 2});
  put("net.1.b", kW2, 0, {2});
  put("net.1.W", kW2, 2, {2, 2});
  const std::vector<Var> g = gradients(E, {{set.find("net.0.b"), set.find("net.0.W"), set.find("net.1.b"), set.find("net.1.W")}});
  const auto part = [](const std::vector<double>& c, int from, int to) {
    return std::vector<double>(c.begin() + from, c.begin() + to);
  };
  check_twice(tape,
              {{"b1", g[0], part(kC1, 0, 2)},
               {"W1", g[1], part(kC1, 2, 8)},
               {"b2", g[2], part(kC2, 0, 2)},
               {"W2", g[3], part(kC2, 2, 6)}},
              first_rows(4), &values);
}

namespace {

// "hello", one character after the other: h e l l -> e l l o, with ids in the order h e l o.
struct Hello {
  Tape tape;
  ParameterSet set;
  Sequence x, targets = tape.ids("targets", 4, {B});
  Data data;
  Hello() {
    for (const Var& id : tape.ids("ids", 4, {B})) x.push_back(one_hot(id, 4));
    data.add("ids", Tensor<std::int32_t>(Shape{4, 1}, {0, 1, 2, 2}))
        .add("targets", Tensor<std::int32_t>(Shape{4, 1}, {1, 2, 2, 3}));
  }
};

const double kMemorylessBound = std::log(2.0) / 2;  // two of four characters follow an l: each a toss of a coin

}  // namespace

TEST_CASE("hello: a network without memory reaches .346574 and no less") {
  CHECK(kMemorylessBound == doctest::Approx(.346574).epsilon(1e-6));
  Hello hello;
  const Mlp mlp(hello.set, "net", {4, 6, 4}, tanh);
  const Var loss = cross_entropy(map_steps(hello.x, mlp), hello.targets);
  Trainer<double> trainer(loss, hello.set, Adam{.lr = .03}, {}, {.threads = ThreadPool(1)});
  double last = 0;
  for (int i = 0; i < 600; ++i) {
    last = trainer.step(hello.data.bindings<double>());
    REQUIRE(last >= kMemorylessBound);
  }
  CHECK(last < kMemorylessBound + 2e-3);
}

TEST_CASE("hello: a recurrent network goes to 0") {
  Hello hello;
  const Elman cell(hello.set, "elman", 4, 6);
  const Linear head(hello.set, "head", 6, 4);
  const auto run = unroll(cell, hello.x, zero_state(hello.tape, cell));
  const Var loss = cross_entropy(map_steps(run.outputs, head), hello.targets);
  Trainer<double> trainer(loss, hello.set, Adam{.lr = .03}, {}, {.threads = ThreadPool(1)});
  double last = 1;
  for (int i = 0; i < 600; ++i) last = trainer.step(hello.data.bindings<double>());
  CHECK(last < 5e-3);
}
