#include <reel/models/cells/elman.h>
#include <reel/models/layers.h>
#include <reel/models/parameter_set.h>
#include <reel/models/unroll.h>
#include <reel/ops/arithmetic.h>
#include <reel/ops/dropout.h>
#include <reel/ops/joining.h>
#include <reel/ops/loss.h>
#include <reel/ops/reduction.h>
#include <reel/train/trainer.h>

#include "support.h"

using namespace reel;
using namespace reel::test;

namespace {

struct Line {
  ParameterSet set;
  Linear layer{set, "line", 2, 3};
  Tensor<double> x = random_tensor({4, 2}, 1), y = random_tensor({4, 3}, 2);
  TrainerOptions one{.threads = ThreadPool(1)};

  std::vector<double> by_hand(const Trainer<double>& trainer) const {
    Tape tape;
    const Var out = layer(tape.input("x", {B, 2}));
    const auto run = interpret<double>(tape, {{"x", x}}, &trainer.parameters());
    return {run.value(out).begin(), run.value(out).end()};
  }
};

}  // namespace

TEST_CASE("trainer: predicts a Var with the parameters of now, without the inputs of the loss") {
  const Line m;
  Tape tape;
  const Var out = m.layer(tape.input("x", {B, 2}));
  Trainer<double> trainer(half_squared_error(out, tape.input("y", {B, 3})), m.set, Sgd{.lr = .1}, {}, m.one);
  check_close(trainer.predict(out, {{"x", m.x}}), m.by_hand(trainer), 1e-14);
  trainer.step({{"x", m.x}, {"y", m.y}});
  const Tensor<double> after = trainer.predict(out, {{"x", m.x}});
  check_close(after, m.by_hand(trainer), 1e-14);
  trainer.step({{"x", m.x}, {"y", m.y}});
  CHECK(std::ranges::equal(after, after));  // a copy
  CHECK_FALSE(std::ranges::equal(trainer.predict(out, {{"x", m.x}}), after));
}

TEST_CASE("trainer: predicts several results by name, reals and ids") {
  const Line m;
  Tape tape;
  const Var out = m.layer(tape.input("x", {B, 2}));
  Trainer<double> trainer(half_squared_error(out, tape.input("y", {B, 3})), m.set, Sgd{.lr = .1}, {}, m.one);
  const auto p = trainer.predict({{"out", out}, {"best", argmax(out)}}, {{"x", m.x}});
  CHECK(p.size() == 2);
  check_close(p["out"], m.by_hand(trainer), 1e-14);
  CHECK(p.ids("best").shape() == Shape{4});
  CHECK(p[0].shape() == Shape{4, 3});
  check_throws<InputError>([&] { p["best"]; }, {"\"best\"", "ids()"});
  check_throws<InputError>([&] { p.ids("out"); }, {"\"out\"", "no ids"});
  check_throws<InputError>([&] { p["other"]; }, {"\"other\""});
  check_throws<InputError>([&] { p[2]; }, {"result 2 of 2"});
}

TEST_CASE("trainer: predicts by name what its builder returns after the loss, of any length, without dropout") {
  ParameterSet set;
  const Elman cell(set, "cell", 2, 5);
  const Builder builder([&](Tape& tape, Index T, Mode mode) {
    const Sequence h = unroll(cell, tape.input("x", T, {B, 2}), zero_state(tape, cell)).outputs;
    const Var last = dropout(h.back(), .5, mode);
    return std::vector<Result>{{"loss", half_squared_error(last, tape.input("y", {B, 5}))}, {"last", last}, {"all", stack(h)}};
  });
  Trainer<double> trainer(builder, set, Adam{}, {}, {.threads = ThreadPool(1)});
  const Tensor<double> y = random_tensor({3, 5}, 1);
  for (Index T : {4, 7, 4}) {
    const Tensor<double> x = random_tensor({T, 3, 2}, static_cast<std::uint64_t>(T));
    trainer.step({{"x", x}, {"y", y}}, T);
    const Tensor<double> last = trainer.predict("last", {{"x", x}}, T), all = trainer.predict("all", {{"x", x}}, T);
    CHECK(all.shape() == Shape{3, T, 5});
    for (Index r = 0; r < 3; ++r)
      for (Index u = 0; u < 5; ++u) CHECK(last[r * 5 + u] == all[(r * T + T - 1) * 5 + u]);
  }
  check_throws<InputError>([&] { trainer.predict("first", {{"x", random_tensor({4, 3, 2}, 1)}}, 4); }, {"\"first\""});
  check_throws<InputError>([&] { trainer.predict("last", {}, 4); }, {"x [T=4, B, 2]", "not bound"});
}

TEST_CASE("trainer: predicts what another builder records, planned once for the same builder") {
  const Line m;
  Tape tape;
  const Var out = m.layer(tape.input("x", {B, 2}));
  Trainer<double> trainer(half_squared_error(out, tape.input("y", {B, 3})), m.set, Sgd{.lr = .1}, {}, m.one);
  int recorded = 0;
  const Builder twice([&](Tape& t, Index) {
    ++recorded;
    return Result("twice", 2.0 * m.layer(t.input("x", {B, 2})));
  });
  const auto a = trainer.predict(twice, {{"x", m.x}});
  const int once = recorded;
  trainer.step({{"x", m.x}, {"y", m.y}});
  const auto b = trainer.predict(twice, {{"x", m.x}});
  CHECK(recorded == once);
  const auto now = m.by_hand(trainer);
  for (Index i = 0; i < b["twice"].size(); ++i) CHECK(b["twice"][i] == doctest::Approx(2 * now[static_cast<std::size_t>(i)]));
  CHECK_FALSE(std::ranges::equal(a["twice"], b["twice"]));
}

TEST_CASE("trainer: lives on when the tape of its loss has left its scope") {
  const Line m;
  Var out;
  const auto make = [&] {
    Tape tape;
    out = m.layer(tape.input("x", {B, 2}));
    return Trainer<double>(half_squared_error(out, tape.input("y", {B, 3})), m.set, Sgd{.lr = .1}, {}, m.one);
  };
  Trainer<double> trainer = make();
  const double first = trainer.step({{"x", m.x}, {"y", m.y}});
  CHECK(trainer.evaluate({{"x", m.x}, {"y", m.y}}) < first);
  check_close(trainer.predict(out, {{"x", m.x}}), m.by_hand(trainer), 1e-14);
  CHECK(trainer.summary().find("tape nodes") != std::string::npos);
}

TEST_CASE("trainer: refuses builders that return no loss, and names without a builder") {
  const Line m;
  Trainer<double> empty(Builder([](Tape&, Index) { return std::vector<Result>{}; }), m.set, Sgd{}, {}, m.one);
  check_throws<InputError>([&] { empty.step({}, 1); }, {"first result must be the loss"});
  const Builder only([&](Tape& tape, Index) { return half_squared_error(m.layer(tape.input("x", {B, 2})), 0.0); });
  Trainer<double> alone(only, m.set, Sgd{}, {}, m.one);
  check_throws<InputError>([&] { alone.predict("out", {{"x", m.x}}, 1); }, {"no other result"});
  Tape tape;
  Trainer<double> fixed(half_squared_error(m.layer(tape.input("x", {B, 2})), 0.0), m.set, Sgd{}, {}, m.one);
  check_throws<InputError>([&] { fixed.predict("out", {{"x", m.x}}); }, {"\"out\"", "no builder"});
  check_throws<InputError>([&] { fixed.predict(Builder(), {{"x", m.x}}); }, {"builder is empty"});
}

TEST_CASE("trainer: two hundred lengths hold little more than the longest one") {
  ParameterSet set;
  const Elman cell(set, "cell", 3, 8);
  const Builder builder([&](Tape& tape, Index T) {
    return half_squared_error(unroll(cell, tape.input("x", T, {B, 3}), zero_state(tape, cell)).last, 0.0);
  });
  const auto step = [](Trainer<float>& trainer, Index T) {
    const Tensor<float> x(Shape{T, 4, 3});
    trainer.step({{"x", x}}, T);
  };
  Trainer<float> one(builder, set, Sgd{}, {}, {.threads = ThreadPool(1)}),
      all(builder, set, Sgd{}, {}, {.threads = ThreadPool(1)});
  step(one, 200);
  for (Index T = 1; T <= 200; ++T) step(all, T);
  CHECK(static_cast<double>(all.bytes()) <= 1.3 * static_cast<double>(one.bytes()));
}
