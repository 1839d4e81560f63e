// Packed batches at their limits: no sequence, sequences without steps, state that is carried on, plans in several threads.
#include <thread>

#include <reel/graph/structural.h>
#include <reel/models/cells/gru.h>
#include <reel/models/cells/lstm.h>
#include <reel/models/initializers.h>
#include <reel/models/lengths.h>
#include <reel/models/parameter_set.h>
#include <reel/models/unroll.h>
#include <reel/ops/activation.h>
#include <reel/ops/arithmetic.h>
#include <reel/ops/elementary.h>
#include <reel/ops/reduction.h>

#include "models/cells/cell_table.h"
#include "models/plain_loops.h"
#include "network.h"

using namespace reel;
using namespace reel::test;

namespace {

constexpr Index I = 3, H = 4;

Tensor<std::int32_t> counts_of(const std::vector<std::int32_t>& n) {
  return Tensor<std::int32_t>(Shape{static_cast<Index>(n.size())}, n);
}

// A GRU over a packed batch in one direction, its final state, and the gradients of an uneven loss.
struct Packed {
  Index T;
  Tape tape;
  ParameterSet set;
  Gru cell{set, "cell", I, H, drawn()};
  ParameterValues<double> values = set.initial<double>(3);
  Sequence x;
  std::vector<RowCount> counts;
  Unrolled<Var> run;
  Var loss;
  std::vector<Var> outputs;

  explicit Packed(Index T, Direction direction = Direction::forward, bool carried = false)
      : T(T), x(tape.input("x", T, {B, I})), counts(tape.row_counts("counts", T)) {
    run = unroll(cell, x, carried ? carried_state(tape, cell, "state") : zero_state(tape, cell), Lengths::packed(counts),
                 direction);
    std::vector<Var> terms{sum(square(run.last))};
    for (std::size_t t = 0; t < run.outputs.size(); ++t)
      terms.push_back((0.5 + 0.1 * static_cast<double>(t)) * sum(tanh(run.outputs[t])));
    loss = accumulate(terms);
    outputs = gradients(loss, wrt());
    outputs.insert(outputs.end(), {loss, run.last});
    outputs.insert(outputs.end(), run.outputs.begin(), run.outputs.end());
  }

  std::vector<Var> wrt() {
    std::vector<Var> all(x.begin(), x.end());
    for (const Parameter& p : set.all()) all.push_back(tape.parameter(p));
    return all;
  }
  Tensor<double> numbers(Index rows, std::uint64_t seed = 5) const { return random_tensor(Shape{T, rows, I}, seed); }
  Data data(Index rows, const std::vector<std::int32_t>& n, std::uint64_t seed = 5) const {
    return Data().add("x", numbers(rows, seed)).add("counts", counts_of(n));
  }

  // What row r ends with, from h on, by plain loops.
  plain::Row alone(const Tensor<double>& x_numbers, const std::vector<std::int32_t>& n, Index rows, Index r, plain::Row h,
                   Direction direction = Direction::forward) const {
    for (Index i = 0; i < T; ++i) {
      const Index t = direction == Direction::forward ? i : T - 1 - i;
      if (r < n[static_cast<std::size_t>(t)])
        h = plain::step(plain::Numbers(values), cell, plain::row_of(x_numbers, t, rows, r, I), h);
    }
    return h;
  }
};

struct Counted {
  Index rows;
  std::vector<std::int32_t> counts;
};
const std::vector<Counted> kBatches{{0, {0, 0, 0}}, {1, {0, 0, 0}},         {1, {1, 0, 0}},     {1, {1, 1, 1}},
                                    {5, {0, 0, 0}}, {5, {5, 5, 5}},         {5, {3, 3, 3}},     {5, {5, 1, 0}},
                                    {5, {4, 4, 2}}, {300, {300, 129, 128}}, {300, {127, 1, 0}}, {130, {130, 128, 0}}};

}  // namespace

TEST_CASE("packed: no row, no step, all steps, blocks of rows: every row ends as plain loops do") {
  for (const Direction direction : {Direction::forward, Direction::backward})
    for (const Counted& batch : kBatches) {
      CAPTURE(static_cast<int>(direction));
      CAPTURE(batch.rows);
      CAPTURE(batch.counts[1]);
      Packed p(3, direction);
      const Data data = p.data(batch.rows, batch.counts);
      check_plan(p.tape, p.outputs, data, &p.values, &p.set);
      const auto run = interpret<double>(p.tape, data.bindings<double>(), &p.values);
      std::vector<double> expected;
      for (Index r = 0; r < batch.rows; ++r)
        for (double h : p.alone(p.numbers(batch.rows), batch.counts, batch.rows, r, plain::zeros(H), direction).v)
          expected.push_back(h);
      check_close(run.value(p.run.last), expected, 1e-14);
      for (std::size_t t = 0; t < 3; ++t) CHECK(run.value(p.run.outputs[t]).shape() == Shape{batch.counts[t], H});
    }
}

TEST_CASE("packed: one step, and one sequence") {
  for (const Direction direction : {Direction::forward, Direction::backward})
    for (const Index rows : {0, 1, 4})
      for (std::int32_t n = 0; n <= rows; ++n) {
        Packed p(1, direction);
        const Data data = p.data(rows, {n});
        check_plan(p.tape, p.outputs, data, &p.values, &p.set);
        if (rows > 0) check_gradient(p.loss, p.wrt(), data, &p.values);
      }
}

TEST_CASE("packed: a sequence of no step ends where it begins, whatever its lengths") {
  Packed p(1);
  const Sequence none;
  const Var h = p.tape.input("h", {B, H});
  CHECK(unroll(p.cell, none, h, Lengths::packed({})).last == h);
  CHECK(unroll(p.cell, none, h, Lengths::padded({})).last == h);
  check_throws<InputError>([&] { unroll(p.cell, p.x, h, Lengths::packed({})); }, {"1 steps", "0"});
  check_throws<InputError>([&] { unroll(p.cell, p.x, h, Lengths::padded({})); }, {"1 steps", "0"});
}

TEST_CASE("packed: all sequences may begin from one state, which is learned") {
  for (const Direction direction : {Direction::forward, Direction::backward}) {
    Packed p(3, direction);
    const Parameter h0 = p.set.add("h0", {H}, init::uniform(1));
    p.values = p.set.initial<double>(3);
    const Var learned = p.tape.parameter(h0), given = p.tape.input("given", {B, H});
    const auto of_one = unroll(p.cell, p.x, learned, Lengths::packed(p.counts), direction);
    const auto of_rows = unroll(p.cell, p.x, given, Lengths::packed(p.counts), direction);
    Tensor<double> repeated(Shape{4, H});
    for (Index i = 0; i < repeated.size(); ++i) repeated[i] = p.values[h0][i % H];
    const Data data = p.data(4, {3, 2, 1}).add("given", repeated);
    const Var loss = sum(square(of_one.last)) + sum(of_one.outputs[1]);
    check_gradient(loss, {{learned, p.x[0]}}, data, &p.values);
    check_plan(p.tape, {{of_one.last, of_rows.last, loss}}, data, &p.values, &p.set);
    const auto run = interpret<double>(p.tape, data.bindings<double>(), &p.values);
    CHECK(std::ranges::equal(run.value(of_one.last), run.value(of_rows.last)));
  }
}

TEST_CASE("packed: counts that grow are refused in both directions") {
  for (const Direction direction : {Direction::forward, Direction::backward}) {
    const Packed p(3, direction);
    const auto plan = compile<double>(p.tape, p.outputs);
    Workspace<double> workspace(plan, &p.values);
    const auto refused = [&](const std::vector<std::int32_t>& n) {
      const Data data = p.data(4, n);
      check_throws<InputError>([&] { plan.run(workspace, data.bindings<double>()); }, {"counts[", "falling length"});
      check_throws<InputError>([&] { interpret<double>(p.tape, data.bindings<double>(), &p.values); }, {"falling length"});
    };
    refused({2, 3, 1});
    refused({1, 1, 2});
    refused({0, 0, 4});
    plan.run(workspace, p.data(4, {4, 2, 2}).bindings<double>());
  }
}

TEST_CASE("packed: a carried state goes on from each row's own last step") {
  for (const Direction direction : {Direction::forward, Direction::backward}) {
    const Packed p(3, direction, true);
    const auto plan = compile<double>(p.tape, p.outputs);
    Workspace<double> workspace(plan, &p.values, ThreadPool(2));
    constexpr Index rows = 4;
    std::vector<plain::Row> h(rows, plain::zeros(H));
    std::uint64_t seed = 50;
    for (const std::vector<std::int32_t>& n : {std::vector<std::int32_t>{4, 2, 1}, {3, 3, 3}, {0, 0, 0}, {1, 0, 0}, {4, 4, 4}}) {
      const Data data = p.data(rows, n, ++seed);
      plan.run(workspace, data.bindings<double>());
      std::vector<double> expected;
      for (Index r = 0; r < rows; ++r) {
        plain::Row& mine = h[static_cast<std::size_t>(r)];
        mine = p.alone(p.numbers(rows, seed), n, rows, r, mine, direction);
        expected.insert(expected.end(), mine.v.begin(), mine.v.end());
      }
      check_close(workspace.carried("state.h"), expected, 1e-13);
      check_close(workspace.value(p.run.last), expected, 1e-13);
    }
  }
}

TEST_CASE("packed: gradients of gradients agree with the complex step") {
  for (const Direction direction : {Direction::forward, Direction::backward})
    for (const std::vector<std::int32_t>& n : {std::vector<std::int32_t>{3, 2, 1}, {2, 2, 0}, {0, 0, 0}}) {
      Packed p(3, direction);
      std::vector<Var> squares;
      for (const Var& g : gradients(p.loss, p.wrt())) squares.push_back(sum(square(g)));
      const Var second = accumulate(squares);
      const Data data = p.data(3, n);
      const auto report = check_gradients(second, p.wrt(), data.bindings<double>(), &p.values, {.most_elements = 6});
      INFO(report.text());
      CHECK(report.ok());
      check_plan(p.tape, gradients(second, p.wrt()), data, &p.values, &p.set);
    }
}

TEST_CASE("packed: one plan serves several workspaces at once, each with its own counts") {
  const Packed p(3);
  const auto plan = compile<float>(p.tape, p.outputs);
  const auto values = converted<float>(p.set, p.values);
  const auto bits = [&](Workspace<float>& workspace, const Counted& batch) {
    const Data data = p.data(batch.rows, batch.counts);
    plan.run(workspace, data.bindings<float>());
    return bits_of(workspace, std::span<const Var>(p.outputs));
  };
  std::vector<std::vector<std::string>> expected;
  for (const Counted& batch : kBatches) {
    Workspace<float> workspace(plan, &values);
    expected.push_back(bits(workspace, batch));
  }
  std::vector<int> wrong(4, 0);
  {
    std::vector<std::jthread> all;
    for (std::size_t thread = 0; thread < wrong.size(); ++thread)
      all.emplace_back([&, thread] {
        Workspace<float> workspace(plan, &values, ThreadPool(1 + static_cast<int>(thread % 2)));
        for (std::size_t i = 0; i < 4 * kBatches.size(); ++i) {
          const std::size_t b = (i * (thread + 1) + thread) % kBatches.size();
          wrong[thread] += bits(workspace, kBatches[b]) != expected[b];
        }
      });
  }
  CHECK(wrong == std::vector<int>(4, 0));
}

TEST_CASE("packed: several counts on one tape, of two sequences in one batch") {
  Tape tape;
  ParameterSet set;
  const Lstm cell(set, "cell", I, H, drawn());
  const Sequence question = tape.input("question", 3, {B, I}), answer = tape.input("answer", 2, {B, I});
  const Lengths of_question = Lengths::packed(tape.row_counts("q", 3)), of_answer = Lengths::packed(tape.row_counts("a", 2));
  const auto first = unroll(cell, question, zero_state(tape, cell), of_question);
  const auto second = unroll(cell, answer, first.last, of_answer);
  const Var loss = sum(square(second.last.h)) + sum(second.outputs[1]) + 0.3 * sum(first.outputs[2]);
  std::vector<Var> wrt{question[0], question[2], answer[0], answer[1]};
  for (const Parameter& p : set.all()) wrt.push_back(tape.parameter(p));
  std::vector<Var> outputs = gradients(loss, wrt);
  outputs.insert(outputs.end(), {second.last.c, second.outputs[1], first.outputs[2]});
  const auto values = set.initial<double>(3);
  // The counts of one sequence say nothing of those of the other.
  for (const auto& [q, a] : {std::pair<std::vector<std::int32_t>, std::vector<std::int32_t>>{{4, 2, 1}, {4, 3}},
                             {{1, 1, 1}, {4, 4}},
                             {{4, 4, 4}, {0, 0}}}) {
    const Data data = Data()
                          .add("question", random_tensor(Shape{3, 4, I}, 5))
                          .add("answer", random_tensor(Shape{2, 4, I}, 6))
                          .add("q", counts_of(q))
                          .add("a", counts_of(a));
    check_plan(tape, outputs, data, &values, &set);
    check_gradient(loss, wrt, data, &values);
  }
}
