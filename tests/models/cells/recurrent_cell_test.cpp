#include <reel/models/cells/any_cell.h>
#include <reel/models/cells/deep.h>
#include <reel/models/cells/elman.h>
#include <reel/models/cells/jordan.h>
#include <reel/models/cells/lstm.h>
#include <reel/models/cells/recurrent_cell.h>
#include <reel/models/initializers.h>
#include <reel/models/parameter_set.h>
#include <reel/models/unroll.h>
#include <reel/ops/activation.h>
#include <reel/ops/arithmetic.h>
#include <reel/ops/elementary.h>
#include <reel/ops/loss.h>
#include <reel/ops/matmul.h>
#include <reel/train/optimizers.h>
#include <reel/train/trainer.h>

#include "models/evaluated_twice.h"

using namespace reel;
using namespace reel::test;

namespace {

// A cell as a user writes it (Zhou et al., 2016): x: [B, I], h: [B, H]; no name, no state layout.
struct MinimalGatedUnit {
  Parameter U, W, b, Uc, Wc, bc;
  using State = Var;
  State step(Var x, State h) const {
    const Var f = sigmoid(matmul(x, U) + matmul(h, W) + b);
    const Var c = tanh(matmul(x, Uc) + matmul(f * h, Wc) + bc);
    return (1.0 - f) * h + f * c;
  }
};
static_assert(RecurrentCell<MinimalGatedUnit>);
static_assert(!SizedCell<MinimalGatedUnit>);
static_assert(SizedCell<Elman> && SizedCell<Jordan> && SizedCell<Lstm> && SizedCell<AnyCell> && SizedCell<Deep>);

struct Four {
  Var a, b, c, d;
};
struct Nested {
  Lstm::State lower;
  Var upper;
};
struct Single {
  Var only;
};

// The parts are those of the members, in order.
template <class S>
void check_parts(S& state, const std::vector<Var*>& expected) {
  CHECK(state_parts(state) == expected);
}

}  // namespace

TEST_CASE("state parts: a Var, structs of Vars, containers and nested states") {
  Var v;
  check_parts(v, {&v});
  Single one;
  check_parts(one, {&one.only});
  Lstm::State two;
  check_parts(two, {&two.h, &two.c});
  Four four;
  check_parts(four, {&four.a, &four.b, &four.c, &four.d});
  std::vector<Var> many(3);
  check_parts(many, {&many[0], &many[1], &many[2]});
  std::array<Lstm::State, 2> layers;
  check_parts(layers, {&layers[0].h, &layers[0].c, &layers[1].h, &layers[1].c});
  Nested nested;
  check_parts(nested, {&nested.lower.h, &nested.lower.c, &nested.upper});
  std::vector<Var> none;
  check_parts(none, {});
}

TEST_CASE("state parts: parts() leaves out what a step does not hand on") {
  Jordan::State state;
  check_parts(state, {&state.y});
  Deep::State deep(2);
  deep[0].vars.resize(2);
  deep[1].vars.resize(1);
  check_parts(deep, {&deep[0].vars[0], &deep[0].vars[1], &deep[1].vars[0]});
}

TEST_CASE("cell output: the state, its member h, or what output() says") {
  Tape tape;
  ParameterSet set;
  const Var h = tape.input("h", {B, 3}), c = tape.input("c", {B, 3});
  CHECK(cell_output(MinimalGatedUnit{}, h) == h);
  CHECK(cell_output(Lstm(set, "lstm", 2, 3), {h, c}) == h);
  CHECK(cell_output(Jordan(set, "jordan", 2, 4, 3, sigmoid), {h, c}) == h);
}

TEST_CASE("make_state: the parts of the layout, in order") {
  Tape tape;
  ParameterSet set;
  const Var h = tape.input("h", {B, 3}), c = tape.input("c", {B, 3});
  const Lstm::State state = make_state(Lstm(set, "lstm", 2, 3), {{h, c}});
  CHECK(state.h == h);
  CHECK(state.c == c);
  struct Listed {  // without a make_state, though its new state is an empty list
    using State = std::vector<Var>;
    State step(Var x, State) const { return {x}; }
    std::vector<StatePart> state_layout() const { return {{"h", {B, 3}}}; }
  };
  check_throws<InputError>([&] { make_state(Listed(), {{h}}); }, {"0 parts", "1", "make_state"});
  check_throws<InputError>([&] { make_state(Lstm(set, "one", 2, 3), {{h}}); }, {"1 parts", "2"});
  check_throws<InputError>([&] { make_state(Lstm(set, "three", 2, 3), {{h, c, h}}); }, {"3 parts", "2"});
}

TEST_CASE("user-defined cell: trains with a carried state and passes the gradient check") {
  ParameterSet set;
  const auto weight = [&](const char* name, Shape shape) { return set.add(name, shape, init::uniform(0.6)); };
  const MinimalGatedUnit cell{weight("U", {2, 3}),  weight("W", {3, 3}),  weight("b", {3}),
                              weight("Uc", {2, 3}), weight("Wc", {3, 3}), weight("bc", {3})};
  Tape tape;
  const Var h0 = tape.carried("h0", {B, 3});
  const auto run = unroll(cell, tape.input("x", 4, {B, 2}), h0);
  const Var loss = half_squared_error(run.last, 0.25);
  std::vector<Var> wrt{h0};
  for (const Parameter& p : set.all()) wrt.push_back(tape.parameter(p));
  const auto values = set.initial<double>(1);
  const Data data = Data().add("x", random_tensor(Shape{4, 2, 2}, 3));
  check_gradient(loss, wrt, data, &values);
  check_plan(tape, {{loss, run.last}}, data, &values, &set);

  Trainer<double> trainer(loss, set, Sgd{.lr = 0.2}, {}, {.threads = ThreadPool(1)});
  const double first = trainer.step(data.bindings<double>());
  double last = first;
  for (int i = 0; i < 100; ++i) last = trainer.step(data.bindings<double>());
  CHECK(last < first / 10);
}
