#include <reel/models/cells/gru.h>
#include <reel/models/cells/lstm.h>
#include <reel/models/layers.h>
#include <reel/models/lengths.h>
#include <reel/models/parameter_set.h>
#include <reel/models/unroll.h>
#include <reel/ops/arithmetic.h>
#include <reel/ops/joining.h>
#include <reel/plan/session_family.h>

#include "support.h"

using namespace reel;
using namespace reel::test;

namespace {

struct Net {
  ParameterSet set;
  Gru cell{set, "cell", 2, 6};
  ParameterValues<double> values = set.initial<double>(1);
  mutable int recorded = 0;

  Builder plain(bool carried) const {
    return Builder([this, carried](Tape& tape, Index T) {
      ++recorded;
      const Var begin = carried ? carried_state(tape, cell, "s") : zero_state(tape, cell);
      const auto run = unroll(cell, tape.input("x", T, {B, 2}), begin);
      return std::vector<Result>{{"outputs", stack(run.outputs)}, {"last", run.last}};
    });
  }
  Builder masked() const {
    return Builder([this](Tape& tape, Index T) {
      ++recorded;
      const Lengths lengths = Lengths::padded(tape.input("mask", T, {B}));
      return Result("last", unroll(cell, tape.input("x", T, {B, 2}), carried_state(tape, cell, "s"), lengths).last);
    });
  }
};

std::vector<double> numbers(TensorView<const double> v) { return {v.begin(), v.end()}; }

// Steps [begin, end) of x [T, B, I].
Tensor<double> window(const Tensor<double>& x, Index begin, Index end) {
  const Index step = x.size() / x.shape().dim(0);
  return {x.shape().with_dim(0, end - begin), std::span(x.data() + begin * step, static_cast<std::size_t>((end - begin) * step))};
}

}  // namespace

TEST_CASE("session family: windows of any lengths continue one another as one long sequence") {
  const Net net;
  const Tensor<double> x = random_tensor({24, 3, 2}, 1);
  SessionFamily<double> whole(net.plain(true), &net.values);
  const std::vector<double> expected = numbers(whole.run({{"x", x}}, 24)["last"]);
  for (const std::vector<Index>& lengths : {std::vector<Index>{3, 5, 3, 1, 12}, {12, 12}, {1, 2, 1, 2, 18}}) {
    SessionFamily<double> family(net.plain(true), &net.values);
    std::vector<double> last;
    Index begin = 0;
    for (Index T : lengths) {
      last = numbers(family.run({{"x", window(x, begin, begin + T)}}, T)["last"]);
      begin += T;
    }
    CHECK(last == expected);
    CHECK(family.runs() == lengths.size());
    family.reset();
    begin = 0;
    for (Index T : lengths) last = numbers(family.run({{"x", window(x, begin, begin + T)}}, T)["last"]), begin += T;
    CHECK(last == expected);
  }
}

TEST_CASE("session family: a run that fails, or waits for its commit, leaves the state as it was") {
  const Net net;
  const Tensor<double> x = random_tensor({9, 3, 2}, 1), wrong(Shape{4, 3, 5});
  SessionFamily<double> family(net.plain(true), &net.values), other(net.plain(true), &net.values);
  family.run({{"x", window(x, 0, 3)}}, 3);
  other.run({{"x", window(x, 0, 3)}}, 3);
  check_throws<InputError>([&] { family.run({{"x", wrong}}, 4); }, {"x [T=4, B, 2]"});
  family.run({{"x", window(x, 3, 8)}}, 5, {.commit = false});  // and never committed
  family.run({{"x", window(x, 0, 2)}}, 2, {.commit = false});
  const auto a = numbers(family.run({{"x", window(x, 3, 9)}}, 6)["last"]);
  CHECK(a == numbers(other.run({{"x", window(x, 3, 9)}}, 6)["last"]));
  CHECK(family.runs() == 2);
}

TEST_CASE("session family: a state that waits becomes the next one's first at commit()") {
  const Net net;
  const Tensor<double> x = random_tensor({8, 2, 2}, 1);
  SessionFamily<double> family(net.plain(true), &net.values), whole(net.plain(true), &net.values);
  family.run({{"x", window(x, 0, 5)}}, 5, {.commit = false});
  family.commit();
  CHECK(numbers(family.run({{"x", window(x, 5, 8)}}, 3)["last"]) == numbers(whole.run({{"x", x}}, 8)["last"]));
}

TEST_CASE("session family: lengths rounded up, with a mask made by the family or given") {
  const Net net;
  SessionFamily<double> rounded(net.masked(), &net.values, {}, {.round_to = 4}), exact(net.plain(true), &net.values);
  for (Index T : {1, 2, 3, 4, 5, 7, 8, 3}) {
    CAPTURE(T);
    const Tensor<double> x = random_tensor({T, 3, 2}, static_cast<std::uint64_t>(T));
    const auto expected = numbers(exact.run({{"x", x}}, T)["last"]);
    CHECK(numbers(rounded.run({{"x", x}}, T)["last"]) == expected);
  }
  CHECK(net.recorded <= 8 + 8);
  // Rows of different lengths: the mask that is given is padded as every time-major input is.
  const Tensor<double> x = random_tensor({3, 2, 2}, 9), mask(Shape{3, 2}, {1, 1, 1, 0, 1, 0});
  rounded.reset();
  const auto both = numbers(rounded.run({{"x", x}, {"mask", mask}}, 3)["last"]);
  exact.reset();
  const auto whole = numbers(exact.run({{"x", x}}, 3)["last"]);
  CHECK(std::equal(both.begin(), both.begin() + 6, whole.begin()));
  exact.reset();
  const auto one = numbers(exact.run({{"x", window(x, 0, 1)}}, 1)["last"]);
  CHECK(std::equal(both.begin() + 6, both.end(), one.begin() + 6));
}

TEST_CASE("session family: what the other lengths hold is bounded, and they share one memory") {
  ParameterSet set;
  const Lstm cell(set, "cell", 4, 16);
  const auto values = set.initial<float>(1);
  const Builder builder([&](Tape& tape, Index T) {
    return Result("last", unroll(cell, tape.input("x", T, {B, 4}), zero_state(tape, cell)).last.h);
  });
  const auto run = [&](SessionFamily<float>& family, Index T) {
    const Tensor<float> x(Shape{T, 8, 4});
    family.run({{"x", x}}, T);
  };
  SessionFamily<float> alone(builder, &values);
  run(alone, 100);
  SessionFamily<float> family(builder, &values);
  for (Index T = 1; T <= 100; ++T) run(family, T);
  CHECK(static_cast<double>(family.bytes()) <= 1.3 * static_cast<double>(alone.bytes()));
  CHECK(family.lengths() < 10);
  SessionFamily<float> generous(builder, &values, {}, {.spare = 1000});
  for (Index T = 1; T <= 20; ++T) run(generous, T);
  CHECK(generous.lengths() == 20);
  // Those that were used last stay.
  SessionFamily<float> few(builder, &values, {}, {.spare = 2.5});
  for (Index T : {50, 51, 52, 53, 54, 51, 50}) run(few, T);
  CHECK(few.lengths() <= 4);
}

TEST_CASE("session family: equal lengths are recorded once, copies of a builder are equal") {
  const Net net;
  SessionFamily<double> family(net.plain(false), &net.values, {}, {.spare = 100});
  const Tensor<double> x = random_tensor({5, 1, 2}, 1), y = random_tensor({4, 1, 2}, 1);
  for (int i = 0; i < 3; ++i) family.run({{"x", x}}, 5), family.run({{"x", y}}, 4);
  CHECK(net.recorded == 2);
  const Builder builder = net.plain(false), copy = builder;
  CHECK(copy == builder);
  CHECK_FALSE(net.plain(false) == builder);
}

TEST_CASE("session family: refuses an empty builder and lengths that cannot be") {
  const Net net;
  check_throws<InputError>([&] { SessionFamily<double> f{Builder()}; }, {"builder is empty"});
  check_throws<InputError>([&] { SessionFamily<double> f(net.plain(false), &net.values, {}, {.round_to = 0}); },
                           {"multiples", "0"});
  check_throws<InputError>([&] { SessionFamily<double> f(net.plain(false), &net.values, {}, {.spare = -1}); }, {"share", "-1"});
  SessionFamily<double> family(Builder([](Tape&, Index) { return std::vector<Result>{}; }));
  check_throws<InputError>([&] { family.run({}, 3); }, {"no output"});
}
