#include <reel/models/cells/lstm.h>
#include <reel/models/layers.h>
#include <reel/models/parameter_set.h>
#include <reel/models/unroll.h>
#include <reel/ops/activation.h>
#include <reel/ops/arithmetic.h>
#include <reel/ops/reduction.h>
#include <reel/plan/session.h>

#include "support.h"

using namespace reel;
using namespace reel::test;

namespace {

struct Small {
  ParameterSet set;
  Linear layer{set, "layer", 2, 3};
  ParameterValues<double> values = set.initial<double>(1);
};

}  // namespace

TEST_CASE("session: results by name and by Var equal the interpreter's") {
  const Small m;
  Tape tape;
  const Var x = tape.input("x", {B, 2}), logits = m.layer(x), best = argmax(logits);
  const Tensor<double> data = random_tensor({4, 2}, 1);
  Session session({{"logits", logits}, {"best", best}, tanh(logits)}, &m.values);
  session.run({{"x", data}});
  const auto expected = interpret<double>(tape, {{"x", data}}, &m.values);
  const auto by_oracle = expected.value(logits);
  check_close(session["logits"], {by_oracle.begin(), by_oracle.end()}, 1e-14);
  CHECK(std::ranges::equal(session[logits], session["logits"]));
  CHECK(std::ranges::equal(session.ids("best"), expected.ids(best)));
  CHECK(session.ids(best).shape() == Shape{4});
  CHECK(session.results().size() == 3);
}

TEST_CASE("session: a Var alone has the name that the tape gives it") {
  Tape tape;
  const Var x = tape.input("x", {2}), y = 2.0 * x;
  tape.name(y, "twice");
  const std::vector<Var> outputs{y};
  Session<float> session(outputs);
  const Tensor<float> one(Shape{2}, {1, 2});
  session.run({{"x", one}});
  CHECK(session["twice"][1] == 4);
}

TEST_CASE("session: keeps the tape of its outputs alive") {
  Var y;
  const auto make = [&] {
    Tape tape;
    y = 2.0 * tape.input("x", {2});
    return Session<double>({{"y", y}});
  };
  Session<double> session = make();
  const Tensor<double> one(Shape{2}, {1, 2});
  session.run({{"x", one}});
  CHECK(session["y"][0] == 2);
  CHECK(session[y][1] == 4);  // a Var of the tape that its maker has left
  CHECK(y.shape() == Shape{2});
  Session<double> more({{"z", y + 1.0}});  // which may even be recorded on
  more.run({{"x", one}});
  CHECK(more["z"][1] == 5);
}

TEST_CASE("session: carried state, runs and the same bits for every number of threads") {
  ParameterSet set;
  const Lstm cell(set, "cell", 2, 5);
  const auto values = set.initial<float>(1);
  std::vector<float> first;
  for (int threads : {1, 2, 3}) {
    Tape tape;
    const Var h = unroll(cell, tape.input("x", 3, {B, 2}), carried_state(tape, cell, "s")).outputs.back();
    Session session({{"h", h}}, &values, {.threads = ThreadPool(threads)});
    const Tensor<float> x = cast<float>(random_tensor({3, 4, 2}, 2));
    session.run({{"x", x}});
    session.run({{"x", x}});
    CHECK(session.workspace().runs() == 2);
    CHECK(std::ranges::equal(session.workspace().carried("s.h"), session["h"]));
    const std::vector<float> h2(session["h"].begin(), session["h"].end());
    if (first.empty()) first = h2;
    CHECK(h2 == first);
  }
}

TEST_CASE("session: refuses what it cannot be asked for, by name") {
  Tape tape, other;
  const Var x = tape.input("x", {2}), y = 2.0 * x;
  const std::vector<Var> none;
  check_throws<InputError>([&] { Session<double> s(none); }, {"no output"});
  check_throws<InputError>([&] { Session<double> s({{"y", Var()}}); }, {"\"y\"", "empty Var"});
  check_throws<InputError>([&] { Session<double> s({{"y", y}, {"z", 2.0 * other.input("x", {2})}}); }, {"\"z\"", "another tape"});
  check_throws<InputError>([&] { Session<double> s({{"y", y}, {"y", 3.0 * x}}); }, {"two outputs", "\"y\""});
  Session<double> session({{"y", y}, {"z", argmax(y)}});
  check_throws<InputError>([&] { session["y"]; }, {"no value yet"});
  const Tensor<double> one(Shape{2}, {1, 2});
  session.run({{"x", one}});
  check_throws<InputError>([&] { session["logits"]; }, {"no output \"logits\"", "y, z"});
  check_throws<InputError>([&] { session["z"]; }, {"ids"});
  check_throws<InputError>([&] { session[3.0 * x]; }, {"not compiled for this output"});
  check_throws<InputError>([&] { session[""]; }, {"no output"});
}

TEST_CASE("session: of two that share their memory, the values of the first are gone when the second has run") {
  Tape tape;
  const Var x = tape.input("x", {B, 2}), y = tanh(x), z = tanh(x + 1.0);
  Session<double> a({{"y", y}});
  const Tensor<double> one = random_tensor({2, 2}, 1), many = random_tensor({500, 2}, 2);
  a.run({{"x", one}});
  Session<double> b({{"z", z}}, nullptr, {.memory = a.workspace().memory()});
  CHECK(a["y"].size() == 4);
  b.run({{"x", many}});
  CHECK(b["z"].size() == 1000);
  check_throws<InputError>([&] { a["y"]; }, {"shares"});
  a.run({{"x", one}});
  CHECK(a["y"][0] == doctest::Approx(std::tanh(one[0])));
  check_throws<InputError>([&] { b["z"]; }, {"shares"});
}

TEST_CASE("session: packed weights are made anew when another has used their memory") {
  ParameterSet set;
  const Linear wide(set, "wide", 20, 30), narrow(set, "narrow", 20, 7);
  const auto values = set.initial<double>(1);
  Tape tape;
  const Var x = tape.input("x", {B, 20}), y = wide(x), z = narrow(x);
  Session<double> a({{"y", y}}, &values);
  Session<double> b({{"z", z}}, &values, {.memory = a.workspace().memory()});
  const Tensor<double> data = random_tensor({3, 20}, 1);
  const auto expected = interpret<double>(tape, {{"x", data}}, &values);
  for (int i = 0; i < 3; ++i) {
    a.run({{"x", data}});
    for (Index k = 0; k < a["y"].size(); ++k) CHECK(a["y"][k] == doctest::Approx(expected.value(y)[k]));
    b.run({{"x", data}});
    for (Index k = 0; k < b["z"].size(); ++k) CHECK(b["z"][k] == doctest::Approx(expected.value(z)[k]));
  }
}
