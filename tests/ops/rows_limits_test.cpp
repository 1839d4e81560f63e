// Counts of rows where plans end or begin: as the only outputs, without a batched input, after a refusal, in other ops.
#include <reel/graph/mode.h>
#include <reel/ops/activation.h>
#include <reel/ops/arithmetic.h>
#include <reel/ops/broadcast.h>
#include <reel/ops/dropout.h>
#include <reel/ops/elementary.h>
#include <reel/ops/embedding.h>
#include <reel/ops/layer_norm.h>
#include <reel/ops/loss.h>
#include <reel/ops/matmul.h>
#include <reel/ops/reduction.h>
#include <reel/ops/rows.h>
#include <reel/ops/softmax.h>

#include "network.h"
#include "ops/values.h"

using namespace reel;
using namespace reel::test;

namespace {

Tensor<std::int32_t> counts_of(const std::vector<std::int32_t>& n) {
  return Tensor<std::int32_t>(Shape{static_cast<Index>(n.size())}, n);
}

}  // namespace

TEST_CASE("counts of rows: a plan may give counted values alone, views of inputs and ids too") {
  Tape tape;
  const Var x = tape.input("x", {B, 3}), ids = tape.ids("ids", {B});
  const std::vector<RowCount> n = tape.row_counts("n", 2);
  const Var view = first_rows(x, n[0]), smaller = first_rows(view, n[1]);
  std::vector<Var> outputs{view,
                           smaller,
                           tanh(view),
                           softmax(smaller),
                           first_rows(ids, n[0]),
                           argmax(smaller),
                           update_rows(view, -smaller),
                           extend_rows(smaller, n[0]),
                           one_hot(first_rows(ids, n[1]), 4)};
  const std::vector<Var> of_inputs = outputs;
  outputs.push_back(tape.fill({n[1], 2}, 0.25));
  for (const Index rows : {0, 1, 6, 200})
    for (const double share : {0.0, 0.6, 1.0}) {
      const auto most = static_cast<std::int32_t>(share * static_cast<double>(rows));
      const Data data = Data()
                            .add("x", random_tensor(Shape{rows, 3}, 1))
                            .add("ids", random_ids(Shape{rows}, 2, 4))
                            .add("n", counts_of({most, most / 2}));
      check_plan(tape, outputs, data);
      for (const Var& v : of_inputs)  // each as the only one
        check_plan(tape, std::span(&v, 1), data);
    }
}

TEST_CASE("counts of rows: where no input has a batch, the run says how many rows there are") {
  Tape tape;
  const Var w = tape.input("w", {3});
  const std::vector<RowCount> n = tape.row_counts("n", 1);
  const Var rows = broadcast(w, {n[0], 3}), total = sum(rows), count = row_count(tape, n[0]);
  const auto plan = compile<double>(tape, {rows, total, count});
  Workspace<double> workspace(plan);
  const Tensor<double> numbers(Shape{3}, {1, 2, 3});
  for (const std::int32_t k : {0, 1, 7}) {
    const Tensor<std::int32_t> bound = counts_of({k});
    plan.run(workspace, {{"w", numbers}, {"n", bound}}, {.rows = 7});
    CHECK(workspace.value(rows).shape() == Shape{k, 3});
    CHECK(workspace.value(total)[0] == 6 * k);
    CHECK(workspace.value(count)[0] == k);
  }
  const Tensor<std::int32_t> two = counts_of({2});
  check_throws<InputError>([&] { plan.run(workspace, {{"w", numbers}, {"n", two}}); }, {"n[0] = 2", "there are 1"});
}

TEST_CASE("counts of rows: after a refusal the last run's values are still there, in their shape") {
  Tape tape;
  const Var x = tape.input("x", {B, 2});
  const RowCount n = tape.row_counts("n", 1)[0];
  const Var y = 2.0 * first_rows(x, n);
  const auto plan = compile<double>(tape, {y});
  Workspace<double> workspace(plan);
  const Tensor<double> numbers(Shape{3, 2}, {1, 2, 3, 4, 5, 6});
  const Tensor<std::int32_t> two = counts_of({2}), four = counts_of({4});
  plan.run(workspace, {{"x", numbers}, {"n", two}});
  check_throws<InputError>([&] { plan.run(workspace, {{"x", numbers}, {"n", four}}); }, {"n[0] = 4"});
  CHECK(workspace.value(y).shape() == Shape{2, 2});
  check_close(workspace.value(y), {2, 4, 6, 8}, 0);
}

TEST_CASE("counts of rows: ids beyond the count are not looked up, and need be none") {
  Tape tape;
  const Var ids = tape.ids("ids", {B}), table = tape.input("table", {3, 2}), logits = tape.input("logits", {B, 3});
  const RowCount n = tape.row_counts("n", 1)[0];
  const Var own = first_rows(ids, n);
  const Var loss = sum(embedding(own, table)) + sum(cross_entropy_rows(first_rows(logits, n), own));
  const std::vector<Var> outputs{loss, gradient(loss, table), gradient(loss, logits)};
  const Data data = Data()
                        .add("ids", Tensor<std::int32_t>(Shape{4}, {2, 0, -1, 99}))
                        .add("table", random_tensor(Shape{3, 2}, 1))
                        .add("logits", random_tensor(Shape{4, 3}, 2))
                        .add("n", counts_of({2}));
  check_plan(tape, outputs, data);
}

TEST_CASE("counts of rows: no number of the rows beyond them reaches anything") {
  Tape tape;
  const Var x = tape.input("x", {B, 3}), w = tape.input("w", {3, 20});
  const std::vector<RowCount> n = tape.row_counts("n", 2);
  const Var h = tanh(matmul(first_rows(x, n[0]), w)), top = softmax(first_rows(h, n[1]));
  const Var loss = mean(square(update_rows(h, top))) + sum(batch_mean(top)) + sum(extend_rows(layer_norm(h), B));
  std::vector<Var> outputs = gradients(loss, {{x, w}});
  outputs.push_back(loss);
  const auto plan = compile<double>(tape, outputs);
  Workspace<double> workspace(plan);
  std::vector<std::vector<std::string>> seen;
  for (const double beyond : {0.0, 1e300, kNaN, kInfinity}) {
    Tensor<double> numbers = random_tensor(Shape{9, 3}, 1);
    std::fill(numbers.begin() + 5 * 3, numbers.end(), beyond);
    const Data data = Data().add("x", numbers).add("w", random_tensor(Shape{3, 20}, 2)).add("n", counts_of({5, 2}));
    plan.run(workspace, data.bindings<double>());
    seen.push_back(bits_of(workspace, std::span<const Var>(outputs)));
    CHECK(seen.back() == seen.front());
  }
}

TEST_CASE("counts of rows: dropout of the first rows drops what dropout of all does") {
  const auto dropped = [](bool first) {
    Tape tape;
    const Var x = tape.input("x", {B, 7});
    const RowCount n = tape.row_counts("n", 1)[0];
    const Var y = first ? dropout(first_rows(x, n), 0.4, Mode::training) : first_rows(dropout(x, 0.4, Mode::training), n);
    const Data data = Data().add("x", random_tensor(Shape{140, 7}, 1)).add("n", counts_of({131}));
    check_plan(tape, {{y}}, data);
    return planned<double>(y, data);
  };
  CHECK(dropped(true) == dropped(false));
}

TEST_CASE("counts of rows: those of another tape are refused") {
  Tape tape, other;
  other.row_counts("some", 3);
  const Var x = tape.input("x", {B, 2});
  const RowCount foreign = other.row_counts("n", 1)[0];
  check_throws<ShapeError>([&] { first_rows(x, foreign); }, {"first_rows", "n3"});
  check_throws<ShapeError>([&] { tape.zeros({foreign, 2}); }, {"n3"});
  check_throws<ShapeError>([&] { broadcast(tape.constant(1.0), {foreign, 2}); }, {"broadcast", "n3"});
  check_throws<ShapeError>([&] { dropout_mask(tape, {foreign, 2}, 0.5); }, {"dropout_mask", "n3"});
  check_throws<ShapeError>([&] { row_count(tape, foreign); }, {"n3"});
}
