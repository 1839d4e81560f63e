#include <reel/ops/arithmetic.h>
#include <reel/ops/embedding.h>
#include <reel/ops/loss.h>
#include <reel/ops/matmul.h>
#include <reel/ops/reduction.h>
#include <reel/ops/rows.h>
#include <reel/ops/softmax.h>

#include "ops/values.h"

using namespace reel;
using namespace reel::test;

namespace {

Tensor<std::int32_t> ids_of(Shape shape, const std::vector<std::int32_t>& values) { return Tensor<std::int32_t>(shape, values); }

// logits [B, 3], ids [B], weights [B] of four rows, of which the last three are hopeless.
struct Padded {
  Tape tape;
  Var logits = tape.input("logits", {B, 3}), ids = tape.ids("ids", {B}), weights = tape.input("weights", {B});
  double first = std::log(std::exp(0.0) + std::exp(1.0) + std::exp(2.0)) - 1;  // the loss of the first row
  Data data;
  explicit Padded(const std::vector<double>& row_weights) {
    data.add("logits",
             Tensor<double>(Shape{4, 3}, {0, 1, 2, kNaN, kNaN, 0, kInfinity, -kInfinity, 0, -kInfinity, -kInfinity, -kInfinity}))
        .add("ids", ids_of({4}, {1, 0, 1, 2}))
        .add("weights", Tensor<double>(Shape{4}, row_weights));
  }
};

struct Case {
  Shape ids;
  Index V, rows;
};

}  // namespace

TEST_CASE("cross_entropy: per row, with and without weights, gradients and plan") {
  const std::vector<Case> cases{{{}, 3, 1},  {{4}, 5, 1},    {{B}, 1, 1}, {{B}, 7, 5},    {{B, 3}, 4, 2},
                                {{B}, 7, 0}, {{B, 0}, 7, 3}, {{0}, 7, 1}, {{B}, 257, 130}};
  for (const Case& c : cases) {
    INFO("ids ", c.ids.text(), " of ", c.V, " with ", c.rows, " rows");
    const Shape logits_shape = c.ids.with_last(c.V);
    const Data data = Data()
                          .add("logits", random_tensor(logits_shape.bind(c.rows), 1))
                          .add("ids", random_ids(c.ids.bind(c.rows), 2, c.V))
                          .add("weights", uniform_tensor(c.ids.bind(c.rows), 3, 0.2, 2));
    Tape plain, weighted;
    const Var x = plain.input("logits", logits_shape), y = cross_entropy_rows(x, plain.ids("ids", c.ids));
    const Var z = weighted.input("logits", logits_shape), w = weighted.input("weights", c.ids);
    const Var v = cross_entropy_rows(z, weighted.ids("ids", c.ids), w);
    CHECK(y.shape() == c.ids);
    CHECK(v.shape() == c.ids);
    if (c.ids.elements(c.rows) > 0 && c.rows < 100) {
      check_op(y, {{x}}, data);
      check_op(v, {{z, w}}, data);
    } else {
      check_op_by_plan(y, {x}, data);
      check_op_by_plan(v, {z, w}, data);
    }
  }
}

TEST_CASE("cross_entropy: equals -log softmax at the id; its gradient is softmax minus one_hot") {
  Tape tape;
  const Var logits = tape.input("logits", {B, 5}), ids = tape.ids("ids", {B});
  const Data data = Data().add("logits", random_tensor(Shape{6, 5}, 1)).add("ids", random_ids(Shape{6}, 2, 5));
  const Var loss = cross_entropy_rows(logits, ids);
  Expected value(interpreted<double>(-sum(log_softmax(logits) * one_hot(ids, 5), -1), data));
  check_values(loss, data, value);
  Expected slope(interpreted<double>(softmax(logits) - one_hot(ids, 5), data));
  slope.tolerance64 = 1e-12, slope.tolerance32 = 1e-5;
  check_values(gradient(sum(loss), logits), data, slope);
}

TEST_CASE("cross_entropy: logits of +-1e4 and infinities") {
  Tape tape;
  const Var logits = tape.input("logits", {B, 2}), ids = tape.ids("ids", {B});
  const Data data =
      Data()
          .add("logits", Tensor<double>(Shape{9, 2}, {1e4, -1e4, 1e4, -1e4, 1e4, 1e4, kInfinity, 0, kInfinity, 0, kInfinity,
                                                      kInfinity, -kInfinity, 0, -kInfinity, -kInfinity, kNaN, 0}))
          .add("ids", ids_of({9}, {0, 1, 0, 0, 1, 1, 0, 0, 1}));
  const double half = std::log(2.0);
  check_values(cross_entropy_rows(logits, ids), data, {{0, 2e4, half, 0, kInfinity, half, kInfinity, kInfinity, kNaN}});
}

TEST_CASE("cross_entropy: gradients stay finite at logits of +-1e4") {
  Tape tape;
  const Var logits = tape.input("logits", {B, 2}), ids = tape.ids("ids", {B});
  const Data data =
      Data().add("logits", Tensor<double>(Shape{3, 2}, {1e4, -1e4, 1e4, -1e4, 1e4, 1e4})).add("ids", ids_of({3}, {0, 1, 0}));
  check_values(gradient(sum(cross_entropy_rows(logits, ids)), logits), data, {{0, 0, 1, -1, -0.5, 0.5}});
}

TEST_CASE("cross_entropy: a weight of 0 gives exactly 0 loss and gradient, whatever the logits") {
  Padded p({2, 0, 0, -0.0});
  check_values(cross_entropy_rows(p.logits, p.ids, p.weights), p.data, {{2 * p.first, 0, 0, 0}});
  const Var loss = cross_entropy(std::vector<Var>{p.logits}, std::vector<Var>{p.ids}, std::vector<Var>{p.weights});
  check_values(loss, p.data, {{p.first}});
  const std::vector<double> s = interpreted<double>(softmax(p.logits), p.data);
  Expected slope({s[0], s[1] - 1, s[2], 0, 0, 0, 0, 0, 0, 0, 0, 0});
  slope.tolerance64 = 1e-12;
  check_values(gradient(loss, p.logits), p.data, slope);
}

TEST_CASE("cross_entropy: weights get the unweighted losses as their gradient") {
  Padded p({2, 1, 1, 0});
  const Var loss = sum(cross_entropy_rows(p.logits, p.ids, p.weights));
  check_values(gradient(loss, p.weights), p.data, {{p.first, kNaN, kInfinity, kInfinity}});
}

TEST_CASE("cross_entropy: all weights zero give 0 with 0 gradients, for mean and sum") {
  for (const Reduction reduction : {Reduction::mean, Reduction::sum}) {
    Padded p({0, 0, 0, 0});
    const Var loss = cross_entropy(std::vector<Var>{p.logits}, std::vector<Var>{p.ids}, std::vector<Var>{p.weights}, reduction);
    check_values(loss, p.data, {{0}});
    check_values(gradient(loss, p.logits), p.data, {std::vector<double>(12, 0.0)});
  }
}

TEST_CASE("cross_entropy: the mean is 0 where weights of both signs sum to 0") {
  Tape tape;
  const Var logits = tape.input("logits", {B, 2}), ids = tape.ids("ids", {B}), weights = tape.input("weights", {B});
  const Data data = Data()
                        .add("logits", Tensor<double>(Shape{2, 2}, {0, 1, 0, 5}))
                        .add("ids", ids_of({2}, {0, 0}))
                        .add("weights", Tensor<double>(Shape{2}, {1, -1}));
  const Var loss = cross_entropy(std::vector<Var>{logits}, std::vector<Var>{ids}, std::vector<Var>{weights});
  check_values(loss, data, {{0}});
  check_values(gradient(loss, logits), data, {{0, 0, 0, 0}});
}

TEST_CASE("cross_entropy: the mean divides by the summed weights, or by the number of ids") {
  Tape tape;
  const Sequence logits = tape.input("logits", 2, {B, 4}), ids = tape.ids("ids", 2, {B}), weights = tape.input("weights", 2, {B});
  const std::vector<double> w{2, 0, 0.5, 1, 0, 3};
  const Data data = Data()
                        .add("logits", Tensor<double>(Shape{2, 3, 4}))
                        .add("ids", random_ids(Shape{2, 3}, 1, 4))
                        .add("weights", Tensor<double>(Shape{2, 3}, w));
  const double each = std::log(4.0);
  check_values(cross_entropy(logits, ids), data, {{each}});
  check_values(cross_entropy(logits, ids, Reduction::sum), data, {{6 * each}});
  check_values(cross_entropy(logits, ids, weights), data, {{each}});
  check_values(cross_entropy(logits, ids, weights, Reduction::sum), data, {{6.5 * each}});
  check_values(cross_entropy(logits[0], ids[0]), data, {{each}});
  // Where all losses are equal, no weight matters.
  check_values(1.0 + gradient(cross_entropy(logits, ids, weights), weights[1]), data, {{1, 1, 1}});
}

TEST_CASE("cross_entropy: gradients over a sequence, weighted and not, and plan") {
  for (const Reduction reduction : {Reduction::mean, Reduction::sum}) {
    Tape tape;
    const Sequence logits = tape.input("logits", 3, {B, 4}), ids = tape.ids("ids", 3, {B}),
                   weights = tape.input("weights", 3, {B});
    const Data data = Data()
                          .add("logits", random_tensor(Shape{3, 2, 4}, 1))
                          .add("ids", random_ids(Shape{3, 2}, 2, 4))
                          .add("weights", uniform_tensor(Shape{3, 2}, 3, 0.3, 1));
    check_op(cross_entropy(logits, ids, reduction), logits, data);
    std::vector<Var> wrt = logits;
    wrt.insert(wrt.end(), weights.begin(), weights.end());
    check_op(cross_entropy(logits, ids, weights, reduction), wrt, data);
  }
}

// The mean divided by the weight as it was written, not as it was broadcast.
TEST_CASE("cross_entropy: a weight without B counts once per row in the mean") {
  Tape tape;
  const Sequence logits = tape.input("logits", 2, {B, 4}), ids = tape.ids("ids", 2, {B});
  const std::vector<Var> weights{tape.constant(2.0), tape.constant(0.0)};
  const Data data = Data().add("logits", Tensor<double>(Shape{2, 3, 4})).add("ids", random_ids(Shape{2, 3}, 1, 4));
  check_values(cross_entropy(logits, ids, weights), data, {{std::log(4.0)}});
}

TEST_CASE("cross_entropy: of an empty batch is 0, for mean and sum") {
  Tape tape;
  const Var x = tape.input("x", {B, 3}), w = tape.input("w", {3, 3}), ids = tape.ids("ids", {B}),
            weights = tape.input("weights", {B});
  const Data data = Data()
                        .add("x", Tensor<double>(Shape{0, 3}))
                        .add("w", random_tensor({3, 3}, 1))
                        .add("ids", ids_of({0}, {}))
                        .add("weights", Tensor<double>(Shape{0}));
  for (const Reduction reduction : {Reduction::mean, Reduction::sum}) {
    const Var plain = cross_entropy(matmul(x, w), ids, reduction);
    const Var weighted =
        cross_entropy(std::vector<Var>{matmul(x, w)}, std::vector<Var>{ids}, std::vector<Var>{weights}, reduction);
    check_values(plain, data, {{0}});
    check_values(weighted, data, {{0}});
    check_values(gradient(plain, w), data, {std::vector<double>(9, 0.0)});
    check_values(gradient(weighted, w), data, {std::vector<double>(9, 0.0)});
  }
}

TEST_CASE("cross_entropy: an id out of range is refused, naming id, row and range") {
  Tape tape, several;
  const Var y = cross_entropy_rows(tape.input("logits", {B, 3}), tape.ids("ids", {B}));
  for (const std::int32_t bad : {-1, 3}) {
    const std::string named = "id " + std::to_string(bad);
    check_refused(y, Data().add("logits", Tensor<double>(Shape{2, 3})).add("ids", ids_of({2}, {0, bad})),
                  {"[cross_entropy]", named.c_str(), "row 1", "[0, 3)", "loss_test.cpp:"});
  }
  const Var z = cross_entropy_rows(several.input("logits", {B, 2, 3}), several.ids("ids", {B, 2}));
  check_refused(z, Data().add("logits", Tensor<double>(Shape{2, 2, 3})).add("ids", ids_of({2, 2}, {0, 0, 0, 7})),
                {"id 7 in row 1 "});
}

TEST_CASE("cross_entropy: refuses shapes, types and lengths that do not fit") {
  Tape tape;
  const Var logits = tape.input("logits", {B, 3}), ids = tape.ids("ids", {B}), wide = tape.ids("wide", {B, 2});
  const Var weights = tape.input("weights", {B, 2}), s = tape.input("s", {B});
  check_throws<ShapeError>([&] { cross_entropy_rows(logits, wide); },
                           {"[cross_entropy]", "logits [B, 3]", "wide [B, 2]", "loss_test.cpp:"});
  check_throws<ShapeError>([&] { cross_entropy_rows(s, ids); }, {"[cross_entropy]", "s [B]", "ids [B]", "loss_test.cpp:"});
  check_throws<ShapeError>([&] { cross_entropy_rows(logits, s); }, {"[cross_entropy]", "s [B]", "loss_test.cpp:"});
  check_throws<ShapeError>([&] { cross_entropy_rows(logits, ids, weights); }, {"weights [B, 2]", "[B]", "loss_test.cpp:"});
  const std::vector<Var> one{logits}, two{logits, logits}, none, one_id{ids}, two_ids{ids, ids}, two_weights{s, s};
  check_throws<InputError>([&] { cross_entropy(two, one_id); }, {"[cross_entropy]", "2", "1", "loss_test.cpp:"});
  check_throws<InputError>([&] { cross_entropy(one, one_id, two_weights); },
                           {"[cross_entropy]", "weights", "2", "loss_test.cpp:"});
  check_throws<InputError>([&] { cross_entropy(none, none); }, {"[cross_entropy]", "T = 0", "loss_test.cpp:"});
  check_throws<InputError>([&] { cross_entropy_rows(logits, Var()); }, {"[cross_entropy]", "empty", "loss_test.cpp:"});
  // Read the shape of no Var.
  check_throws<InputError>([&] { cross_entropy_rows(logits, Var(), s); }, {"[cross_entropy]", "empty", "loss_test.cpp:"});
}

TEST_CASE("half_squared_error: half the sum of squares, gradients and plan") {
  Tape tape;
  const Var y = tape.input("y", {B, 2}), target = tape.input("target", {B, 2});
  const Data data =
      Data().add("y", Tensor<double>(Shape{2, 2}, {1, 2, 3, 4})).add("target", Tensor<double>(Shape{2, 2}, {0, 4, 3, 7}));
  const Var loss = half_squared_error(y, target);
  check_values(loss, data, {{7}});
  check_values(gradient(loss, y), data, {{1, -2, 0, -3}});
  check_values(gradient(loss, target), data, {{-1, 2, 0, 3}});
  check_unary([](Var x) { return half_squared_error(x, 0.5); });
}

TEST_CASE("half_squared_error: refuses shapes that do not broadcast") {
  Tape tape;
  const Var y = tape.input("y", {B, 2}), target = tape.input("target", {3});
  check_throws<ShapeError>([&] { half_squared_error(y, target); }, {"y [B, 2]", "target [3]", "loss_test.cpp:"});
}

TEST_CASE("half_squared_error: its nodes are placed at the caller's line") {
  Tape tape;
  const Var loss = half_squared_error(tape.input("y", {B, 2}), 1.0);
  CHECK(tape.place(loss.id()).find("loss_test.cpp:") != std::string::npos);
}

TEST_CASE("cross_entropy: the mean over steps of different rows is that over all ids") {
  Tape tape;
  const Sequence logits = tape.input("logits", 3, {B, 4}), ids = tape.ids("ids", 3, {B});
  const auto n = tape.row_counts("n", 3);
  Sequence x, y;
  for (std::size_t t = 0; t < 3; ++t) x.push_back(first_rows(logits[t], n[t])), y.push_back(first_rows(ids[t], n[t]));
  const Tensor<double> numbers = random_tensor({3, 5, 4}, 1);
  const Tensor<std::int32_t> words = random_ids({3, 5}, 2, 4), counts(Shape{3}, {5, 3, 1});
  double total = 0;
  for (Index t = 0; t < 3; ++t)
    for (Index r = 0; r < counts[t]; ++r) {
      double sum = 0;
      for (Index v = 0; v < 4; ++v) sum += std::exp(numbers(t, r, v));
      total += std::log(sum) - numbers(t, r, words(t, r));
    }
  const Data data = Data().add("logits", numbers).add("ids", words).add("n", counts);
  check_values(cross_entropy(x, y), data, {std::vector<double>{total / 9}});
  check_values(cross_entropy(x, y, Reduction::sum), data, {std::vector<double>{total}});
}
