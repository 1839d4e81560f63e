#include <reel/models/hopfield.h>
#include <reel/models/parameter_set.h>
#include <reel/ops/arithmetic.h>
#include <reel/ops/elementary.h>
#include <reel/ops/reduction.h>

#include "models/evaluated_twice.h"

using namespace reel;
using namespace reel::test;

namespace {

Tensor<double> drawn_patterns(Index P, Index N, std::uint64_t seed) {
  Tensor<double> a(Shape{P, N});
  RandomStream random(seed);
  for (double& x : a) x = random.below(2) ? 1 : -1;
  return a;
}

double satlins_of(double x) { return std::clamp(x, -1.0, 1.0); }

// What unit i is sent by the others.
double sent(const Tensor<double>& W, const std::vector<double>& a, std::size_t i) {
  double sum = 0;
  for (std::size_t j = 0; j < a.size(); ++j) sum += a[j] * W[static_cast<Index>(j * a.size() + i)];
  return sum;
}

std::vector<double> plain_step(const Tensor<double>& W, const std::vector<double>& b, const std::vector<double>& a) {
  std::vector<double> next;
  for (std::size_t i = 0; i < a.size(); ++i) next.push_back(satlins_of(sent(W, a, i) + b[i]));
  return next;
}

double plain_energy(const Tensor<double>& W, const std::vector<double>& b, const std::vector<double>& a) {
  double e = 0;
  for (std::size_t i = 0; i < a.size(); ++i) e -= a[i] * (sent(W, a, i) / 2 + b[i]);
  return e;
}

std::vector<double> row(const Tensor<double>& a, Index r) {
  const Index N = a.shape().dim(1);
  return {a.data() + r * N, a.data() + (r + 1) * N};
}

void check_symmetric_without_diagonal(const Tensor<double>& W) {
  const Index N = W.shape().dim(0);
  for (Index i = 0; i < N; ++i) {
    CHECK(W[i * N + i] == 0);
    for (Index j = 0; j < i; ++j) CHECK(W[i * N + j] == doctest::Approx(W[j * N + i]).epsilon(1e-10));
  }
}

}  // namespace

TEST_CASE("hebbian: sums of products without a diagonal") {
  const Tensor<double> W = hebbian(Tensor<double>(Shape{2, 3}, {1, -1, 1, 1, 1, -1}));
  check_close(W, {0, 0, 0, 0, 0, -2, 0, -2, 0}, 0);
  check_symmetric_without_diagonal(hebbian(drawn_patterns(5, 9, 1)));
  CHECK(hebbian(Tensor<double>(Shape{0, 2})).shape() == Shape{2, 2});
}

TEST_CASE("hopfield: recall equals plain loops step by step") {
  constexpr Index N = 7, rows = 4, steps = 4;
  const Tensor<double> W = random_tensor({N, N}, 1, 0.6), begin = random_tensor({rows, N}, 2);  // any weights, any state
  const std::vector<double> b{.1, -.2, .3, 0, -.1, .2, .4};
  Tape tape;
  ParameterSet set;
  const Hopfield network(set, "net", W);
  auto values = set.initial<double>(1);
  check_close(values[network.W], {W.begin(), W.end()}, 0);
  check_close(values[network.b], std::vector<double>(N, 0.0), 0);
  set_values<double>(set, values, "net.b", Tensor<double>(Shape{N}, b));
  const Var a = tape.input("a", {B, N});
  const Sequence states = network.recall(a, steps);
  REQUIRE(states.size() == steps);
  std::vector<reel::test::ExpectedVar> expected;
  std::vector<std::vector<double>> now;
  std::vector<double> energies;
  for (Index r = 0; r < rows; ++r) {
    now.push_back(row(begin, r));
    energies.push_back(plain_energy(W, b, now.back()));
  }
  for (const Var& state : states) {
    std::vector<double> all;
    for (std::vector<double>& v : now) {
      v = plain_step(W, b, v);
      all.insert(all.end(), v.begin(), v.end());
    }
    expected.push_back({"state", state, all});
  }
  expected.push_back({"energy", network.energy(a), energies});
  check_twice(tape, expected, Data().add("a", begin), &values, 1e-13);
  CHECK(network.recall(a, 0).empty());
  CHECK(network.energy(a).shape() == Shape{B});
}

TEST_CASE("hopfield: a stored pattern and its reverse stay, and a damaged one comes back") {
  constexpr Index N = 40, P = 3;
  const Tensor<double> patterns = drawn_patterns(P, N, 3);
  for (const bool project : {false, true}) {
    CAPTURE(project);
    const Tensor<double> W = project ? projection(patterns) : hebbian(patterns);
    check_symmetric_without_diagonal(W);
    Tape tape;
    ParameterSet set;
    const Hopfield network(set, "net", W);
    const Var a = tape.input("a", {B, N});
    const Sequence states = network.recall(a, 6);
    const auto values = set.initial<double>(1);
    Tensor<double> reversed = patterns, damaged = patterns;
    for (double& x : reversed) x = -x;
    for (Index p = 0; p < P; ++p)
      for (Index i = 0; i < 5; ++i) damaged[p * N + 7 * i + p] *= -1;
    for (const Tensor<double>& begin : {patterns, reversed}) {
      const auto run = interpret<double>(tape, {{"a", begin}}, &values);
      for (const Var& state : states) check_close(run.value(state), {begin.begin(), begin.end()}, 0);
    }
    const auto run = interpret<double>(tape, {{"a", damaged}}, &values);
    check_close(run.value(states.back()), {patterns.begin(), patterns.end()}, 0);
  }
}

TEST_CASE("projection: independent patterns stay where they are, however many and alike they are") {
  for (const auto& size : {std::pair<Index, Index>{1, 2}, {2, 5}, {4, 6}, {10, 16}, {14, 16}, {28, 32}})
    for (std::uint64_t seed = 1; seed <= 8; ++seed) {
      const Index P = size.first, N = size.second;
      CAPTURE(P);
      CAPTURE(N);
      CAPTURE(seed);
      const Tensor<double> patterns = drawn_patterns(P, N, seed);
      Tensor<double> W;
      try {
        W = projection(patterns);
      } catch (const InputError&) {
        continue;  // drawn dependent, or a unit follows from no others
      }
      check_symmetric_without_diagonal(W);
      for (Index p = 0; p < P; ++p)
        for (std::size_t i = 0; i < static_cast<std::size_t>(N); ++i)
          CHECK(satlins_of(sent(W, row(patterns, p), i)) == row(patterns, p)[i]);
    }
}

TEST_CASE("projection: without the diagonal and its scale it is the projection on the patterns") {
  // Two orthogonal patterns: A^T (A A^T)^-1 A = A^T A / 4.
  const Tensor<double> A(Shape{2, 4}, {1, 1, 1, 1, 1, -1, 1, -1});
  check_close(projection(A), {0, 0, 2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 2, 0, 0}, 1e-12);
}

TEST_CASE("hopfield: one unit at a time, energy never rises from -1, 0 and 1") {
  constexpr Index N = 16;
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    const Tensor<double> W = hebbian(drawn_patterns(3, N, seed));
    Tape tape;
    ParameterSet set;
    const Hopfield network(set, "net", W);
    const Var a = tape.input("a", {B, N}), next = network.step(a), energy = network.energy(a);
    const auto plan = compile<double>(tape, {next, energy});
    const auto values = set.initial<double>(1);
    Workspace<double> workspace(plan, &values);
    Tensor<double> state(Shape{1, N});
    RandomStream random(seed);
    for (double& x : state) x = static_cast<double>(random.below(3)) - 1;
    double before = INFINITY;
    bool moved = false;
    for (int i = 0; i < 200; ++i) {
      plan.run(workspace, {{"a", state}});
      const double now = workspace.value(energy)[0];
      CHECK(now <= before);
      CHECK(now == plain_energy(W, std::vector<double>(N, 0.0), row(state, 0)));
      before = now;
      const Index unit = random.below(N);
      moved |= state[unit] != workspace.value(next)[unit];
      state[unit] = workspace.value(next)[unit];
    }
    CHECK(moved);
  }
}

TEST_CASE("hopfield: gradients of the weights") {
  Tape tape;
  ParameterSet set;
  const Hopfield network(set, "net", random_tensor({4, 4}, 1, 0.3));
  const Var a = tape.input("a", {B, 4}), loss = sum(square(network.recall(a, 3).back())) + sum(network.energy(a));
  const auto values = set.initial<double>(1);
  const Data data = Data().add("a", random_tensor({3, 4}, 2, 0.4));
  const std::vector<Var> wrt{a, tape.parameter(network.W), tape.parameter(network.b)};
  check_gradient(loss, wrt, data, &values);
  check_plan(tape, gradients(loss, wrt), data, &values, &set);
}

TEST_CASE("hopfield: errors") {
  const auto both = [](const Tensor<double>& patterns, std::initializer_list<const char*> parts) {
    check_throws<InputError>([&] { hebbian(patterns); }, parts);
    check_throws<InputError>([&] { projection(patterns); }, parts);
  };
  both(Tensor<double>(Shape{4}, {1, 1, 1, 1}), {"[P, N]", "[4]"});
  both(Tensor<double>(Shape{1, 3}, {1, 0, 1}), {"element 1", "0", "-1"});
  both(Tensor<double>(Shape{1, 2}, {1, std::nan("")}), {"element 1", "nan"});
  check_throws<InputError>([] { projection(Tensor<double>(Shape{2, 3}, {1, -1, 1, -1, 1, -1})); }, {"dependent"});
  check_throws<InputError>([] { projection(drawn_patterns(5, 3, 1)); }, {"dependent"});
  check_throws<InputError>([] { projection(Tensor<double>(Shape{2, 2}, {1, 1, 1, -1})); }, {"too many", "unit 0"});
  // (1, 1, 1), (1, 1, -1): the third unit changes while the others do not.
  check_throws<InputError>([] { projection(Tensor<double>(Shape{2, 3}, {1, 1, 1, 1, 1, -1})); }, {"unit 2"});
  ParameterSet set;
  check_throws<ShapeError>([&] { Hopfield(set, "net", Tensor<double>(Shape{2, 3})); }, {"Hopfield net", "[N, N]", "[2, 3]"});
  check_throws<ShapeError>([&] { Hopfield(set, "net", Tensor<double>(Shape{4})); }, {"[4]"});
  CHECK(set.size() == 0);  // nothing was added, so the name is free
  Tape tape;
  const Hopfield network(set, "net", Tensor<double>(Shape{3, 3}));
  check_throws<ShapeError>([&] { network.step(tape.input("a", {B, 4})); }, {"a [B, 4]", "net.W [3, 3]"});
  check_throws<InputError>([&] { network.recall(tape.input("b", {B, 3}), -1); }, {"Hopfield", "-1 steps"});
}
