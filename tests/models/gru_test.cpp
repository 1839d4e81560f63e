#include "models/cell_table.h"
#include "models/evaluated_twice.h"

using namespace reel;
using namespace reel::test;

namespace {

// One step of Cho et al.'s unit with plain loops.
std::vector<double> naive_gru(const ParameterValues<double>& v, const Gru& cell, const double* x, Index I,
                              const std::vector<double>& h) {
  const auto H = static_cast<Index>(h.size());
  const auto logistic = [](double s) { return 1 / (1 + std::exp(-s)); };
  const auto product = [&](const Parameter& w, const double* row, Index n, Index j) {
    double s = 0;
    for (Index k = 0; k < n; ++k) s += row[k] * v[w][k * H + j];
    return s;
  };
  std::vector<double> reset_h(h.size()), next(h.size());
  for (Index j = 0; j < H; ++j)
    reset_h[static_cast<std::size_t>(j)] =
        h[static_cast<std::size_t>(j)] *
        logistic(product(cell.U_r, x, I, j) + product(cell.W_r, h.data(), H, j) + v[cell.b_r][j]);
  for (Index j = 0; j < H; ++j) {
    const double z = logistic(product(cell.U_z, x, I, j) + product(cell.W_z, h.data(), H, j) + v[cell.b_z][j]);
    const double n = std::tanh(product(cell.U_n, x, I, j) + product(cell.W_n, reset_h.data(), H, j) + v[cell.b_n][j]);
    next[static_cast<std::size_t>(j)] = z * h[static_cast<std::size_t>(j)] + (1 - z) * n;
  }
  return next;
}

}  // namespace

TEST_CASE("gru: equals plain loops over the equations") {
  Tape tape;
  ParameterSet set;
  const Gru cell(set, "cell", 2, 4, drawn());
  const auto values = set.initial<double>(2);
  const auto run = unroll(cell, tape.input("x", 5, {2}), tape.constant(Tensor<double>(Shape{4}, {0.3, -0.9, 0.1, 0.5})));
  const Tensor<double> x = random_tensor(Shape{5, 2}, 8);
  std::vector<double> h = {0.3, -0.9, 0.1, 0.5};
  std::vector<Expected> expected;
  for (Index t = 0; t < 5; ++t) {
    h = naive_gru(values, cell, x.data() + 2 * t, 2, h);
    expected.push_back({"h", run.outputs[static_cast<std::size_t>(t)], h});
  }
  check_twice(tape, expected, Data().add("x", x), &values, 1e-14);
}

TEST_CASE("gru: an update gate of 1 keeps the past") {
  Tape tape;
  ParameterSet set;
  const Gru cell(set, "cell", 2, 3);
  auto values = set.initial<double>(2);
  std::ranges::fill(values.edit(cell.b_z), 800.0);
  const std::vector<double> h0 = {0.3, -0.9, 0.1};
  const auto run = unroll(cell, tape.input("x", 9, {2}), tape.constant(Tensor<double>(Shape{3}, h0)));
  check_twice(tape, {{"h", run.final, h0}}, Data().add("x", random_tensor(Shape{9, 2}, 8)), &values, 1e-15);
}
