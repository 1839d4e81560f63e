// Plans with bf16 products: near those in float, the same bits on any number of threads and by either path.
#include <reel/plan/passes/round_products.h>

#include <cmath>
#include <cstring>

#include <reel/graph/gradients.h>
#include <reel/models/cells/cells.h>
#include <reel/models/unroll.h>
#include <reel/ops/kernels/bf16.h>
#include <reel/ops/ops.h>
#include <reel/plan/compile.h>
#include <reel/plan/workspace.h>

#include "support.h"

using namespace reel;
using namespace reel::test;

namespace {

struct Network {
  ParameterSet set;
  Tape tape;
  std::vector<Var> outputs;
  Tensor<float> x;

  Network(Index rows, Index T, Index I, Index H) : x(cast<float>(random_tensor(Shape{T, rows, I}, 1, 1.))) {
    const Lstm cell(set, "lstm", I, H);
    const Sequence in = tape.input("x", T, {B, I});
    const auto run = unroll(cell, in, zero_state(tape, cell));
    const Var loss = sum(square(run.outputs.back()));
    outputs = run.outputs;
    for (const Var& g : gradients(loss, set.all())) outputs.push_back(g);
  }

  std::vector<Tensor<float>> run(Precision products, int threads = 1, bool verify = false) const {
    const auto values = set.initial<float>(1);
    const auto plan = compile<float>(tape, outputs, {.verify = verify, .products = products});
    Workspace<float> workspace(plan, &values, ThreadPool(threads));
    plan.run(workspace, {{"x", x}});
    std::vector<Tensor<float>> all;
    for (const Var& v : outputs) {
      const auto value = workspace.value(v);
      all.emplace_back(value.shape(), std::span<const float>(value.data(), static_cast<std::size_t>(value.size())));
    }
    return all;
  }
};

bool same(const std::vector<Tensor<float>>& a, const std::vector<Tensor<float>>& b) {
  for (std::size_t i = 0; i < a.size(); ++i)
    if (std::memcmp(a[i].data(), b[i].data(), static_cast<std::size_t>(a[i].size()) * sizeof(float)) != 0) return false;
  return a.size() == b.size();
}

// The largest difference as a share of the largest size, of any output.
double worst(const std::vector<Tensor<float>>& a, const std::vector<Tensor<float>>& b) {
  double result = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    double off = 0, size = 1e-30;
    for (Index k = 0; k < a[i].size(); ++k) {
      off = std::max(off, std::abs(static_cast<double>(a[i][k] - b[i][k])));
      size = std::max(size, std::abs(static_cast<double>(b[i][k])));
    }
    result = std::max(result, off / size);
  }
  return result;
}

constexpr Precision kRounded[] = {Precision::bf16, Precision::bf16_weights, Precision::bf16_portable,
                                  Precision::bf16_emulated_tiles};

// That with the bits of this processor's instructions.
Precision emulation_of_bf16() {
  return kernels::bf16_path(Precision::bf16) == kernels::Bf16Path::tiles ? Precision::bf16_emulated_tiles
                                                                         : Precision::bf16_portable;
}

}  // namespace

TEST_CASE("round_products: an LSTM's outputs and gradients are near those in float, and not the same") {
  for (const auto& [rows, T, I, H] : {std::tuple<Index, Index, Index, Index>{1, 5, 3, 7}, {5, 4, 16, 20}, {70, 3, 33, 40}}) {
    CAPTURE(rows);
    const Network network(rows, T, I, H);
    const auto full = network.run(Precision::full);
    for (Precision products : kRounded) {
      const auto rounded = network.run(products, 1, true);
      CHECK(!same(rounded, full));
      CHECK(worst(rounded, full) < .03);
    }
  }
}

TEST_CASE("round_products: the same bits on any number of threads, and by instructions and their emulation") {
  for (Index rows : {1, 3, 70}) {
    const Network network(rows, 6, 17, 24);
    for (Precision products : kRounded) {
      const auto one = network.run(products, 1);
      CHECK(same(network.run(products, 2), one));
      CHECK(same(network.run(products, 3), one));
    }
    CHECK(same(network.run(Precision::bf16), network.run(emulation_of_bf16())));
  }
}

TEST_CASE("round_products: float plans alone, and packed weights take half the bytes") {
  const Network network(2, 2, 3, 4);
  CHECK_THROWS_WITH_AS(compile<double>(network.tape, network.outputs, {.products = Precision::bf16}),
                       doctest::Contains("products of bf16 are of float plans, not of double"), InputError);
  const auto plan = compile<float>(network.tape, network.outputs, {.products = Precision::bf16_portable});
  CHECK(plan.text().find("bf16 by multiply-adds") != std::string::npos);
}
