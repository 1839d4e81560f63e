#include <reel/graph/structural.h>
#include <reel/ops/activation.h>
#include <reel/ops/arithmetic.h>
#include <reel/ops/operand.h>
#include <reel/ops/reduction.h>
#include <reel/plan/tile_program.h>

#include <cstring>

#include "support.h"

using namespace reel;
using namespace reel::test;

namespace {

template <class T>
Tile<T> tile_of(const Tiles& tiles) {
  if constexpr (sizeof(T) == 4)
    return tiles.f32;
  else
    return tiles.f64;
}

// The tile kernels of library ops, as a tape holds them.
struct Kernels {
  Tape tape;
  Var x = tape.input("x", {B, 1});
  Tiles of(const Var& y) const { return *tape.node(y.id()).op->tiles(static_cast<int>(tape.inputs(y.id()).size())); }
  Tiles tanh_kernel = of(tanh(x)), product = of(x * x), difference = of(x - x), sum3 = of(accumulate({{x, x, x}}));
};

enum class Kind : std::uint8_t { dense, strided, repeats_row, splat, splat_per_row };
constexpr Kind kKinds[] = {Kind::dense, Kind::strided, Kind::repeats_row, Kind::splat, Kind::splat_per_row};
constexpr Index kGap = 3;

// One operand [rows, n] in memory of its own, and the same written out.
template <class T>
struct Operand {
  std::vector<T> memory, dense;
  KernelOperand port;

  Operand(Kind kind, Index rows, Index n, const Shape* shape, std::uint64_t seed) {
    const Index stride = kind == Kind::dense ? n : kind == Kind::strided ? n + kGap : kind == Kind::splat_per_row ? kGap : 0;
    const bool splat = kind == Kind::splat || kind == Kind::splat_per_row;
    RandomStream random(seed);
    // Not an element more than may be read.
    memory.resize(static_cast<std::size_t>(rows == 0 || n == 0 ? 0 : (rows - 1) * stride + (splat ? 1 : n)));
    for (T& v : memory) v = static_cast<T>(random.uniform(-1, 1));
    for (Index r = 0; r < rows; ++r)
      for (Index i = 0; i < n; ++i) dense.push_back(memory[static_cast<std::size_t>(r * stride + (splat ? 0 : i))]);
    port = {memory.data(), stride, shape, Type::real, splat};
  }
};

// Instruction by step over whole arrays.
template <class T>
std::vector<std::vector<T>> by_steps(const std::vector<const T*>& inputs, std::span<const TileProgram::Instruction> steps,
                                     Index size) {
  std::vector<std::vector<T>> values;
  for (const TileProgram::Instruction& step : steps) {
    std::vector<const T*> x;
    for (int i : step.x) {
      const auto at = static_cast<std::size_t>(i);
      x.push_back(at < inputs.size() ? inputs[at] : values[at - inputs.size()].data());
    }
    values.emplace_back(static_cast<std::size_t>(size));
    tile_of<T>(step.tiles)(x.data(), values.back().data(), size);
  }
  return values;
}

template <class T>
class Check {
 public:
  Check(int inputs, std::vector<TileProgram::Instruction> steps, std::vector<int> results)
      : inputs_(inputs), steps_(std::move(steps)), results_(std::move(results)), program_(inputs, steps_, results_) {
    CHECK(program_.instructions() == static_cast<int>(steps_.size()));
  }

  // Whether the results are those of whole arrays, and nothing lies beside them.
  bool same(const std::vector<Kind>& kinds, Index rows, Index n) const {
    const Shape shape{B, n};
    std::vector<Operand<T>> operands;
    for (std::size_t i = 0; i < kinds.size(); ++i) operands.emplace_back(kinds[i], rows, n, &shape, 10 + i);
    std::vector<KernelOperand> x, y;
    std::vector<const T*> dense;
    for (const Operand<T>& o : operands) x.push_back(o.port), dense.push_back(o.dense.data());
    const auto size = static_cast<std::size_t>(rows * n);
    std::vector<std::vector<T>> results(results_.size(), std::vector<T>(size + 1, T(99)));
    for (auto& r : results) y.push_back({r.data(), n, &shape, Type::real, false});
    const AlignedBytes scratch = aligned_bytes(program_.scratch_bytes());
    program_.run<T>(KernelCall{{.rows = rows}, 0, rows, 0, 1, x, y[0], y, scratch.get()});

    const auto expected = by_steps<T>(dense, steps_, rows * n);
    for (std::size_t r = 0; r < results.size(); ++r) {
      const auto& of = expected[static_cast<std::size_t>(results_[r])];
      if (size > 0 && std::memcmp(of.data(), results[r].data(), size * sizeof(T)) != 0) return false;
      if (results[r][size] != T(99)) return false;
    }
    return true;
  }

 private:
  int inputs_;
  std::vector<TileProgram::Instruction> steps_;
  std::vector<int> results_;
  TileProgram program_;
};

// tanh(a) * b - a, of which the product and the difference are results.
template <class T>
Check<T> two_inputs() {
  const Kernels k;
  return {2, {{k.tanh_kernel, {0}}, {k.product, {2, 1}}, {k.difference, {3, 0}}}, {1, 2}};
}

// One tile holds 2048 bytes: sizes at its edges, and rows of which several or parts fit.
template <class T>
std::vector<Index> widths() {
  const Index tile = 2048 / static_cast<Index>(sizeof(T));
  return {0, 1, 2, 3, 15, 16, 17, 100, tile / 2 - 1, tile / 2, tile / 2 + 1, tile - 1, tile, tile + 1, 2 * tile + 5};
}

}  // namespace

TEST_CASE_TEMPLATE("tile program: every kind of operand at every size gives the bits of whole arrays", T, float, double) {
  const Check<T> check = two_inputs<T>();
  for (Kind a : kKinds)
    for (Kind b : kKinds)
      for (Index rows : {0, 1, 2, 3, 7, 35})
        for (Index n : widths<T>())
          CHECK_MESSAGE(check.same({a, b}, rows, n), "kinds ", static_cast<int>(a), " ", static_cast<int>(b), ", ", rows, " x ",
                        n);
}

TEST_CASE_TEMPLATE("tile program: many rows of few elements", T, float, double) {
  const Check<T> check = two_inputs<T>();
  for (Kind a : kKinds)
    for (Index rows : {127, 128, 129, 255, 256, 257, 511, 512, 513, 1025})
      for (Index n : {1, 2, 4, 5})
        CHECK_MESSAGE(check.same({a, Kind::dense}, rows, n), "kind ", static_cast<int>(a), ", ", rows, " x ", n);
}

TEST_CASE_TEMPLATE("tile program: one op alone", T, float, double) {
  const Kernels k;
  const Check<T> alone(1, {{k.tanh_kernel, {0}}}, {0}), sum(3, {{k.sum3, {0, 1, 2}}}, {0});
  for (Kind kind : kKinds)
    for (Index n : widths<T>()) {
      CHECK(alone.same({kind}, 5, n));
      CHECK(sum.same({kind, Kind::dense, kind}, 5, n));
    }
}

TEST_CASE_TEMPLATE("tile program: an operand read twice, a result read again, results in any order", T, float, double) {
  const Kernels k;
  const Check<T> check(
      1, {{k.product, {0, 0}}, {k.tanh_kernel, {1}}, {k.product, {2, 2}}, {k.difference, {1, 3}}, {k.sum3, {4, 2, 4}}},
      {4, 0, 2});
  for (Kind kind : kKinds)
    for (Index n : widths<T>()) CHECK(check.same({kind}, 4, n));
}

TEST_CASE_TEMPLATE("tile program: a value waits in its register while others come and go", T, float, double) {
  const Kernels k;
  std::vector<TileProgram::Instruction> steps{{k.tanh_kernel, {0}}};
  for (int s = 1; s < 40; ++s)  // each reads its neighbour and a value from long ago
    steps.push_back({s % 2 ? k.difference : k.product, {s, 1 + (s * 5) % 7 % s}});
  steps.push_back({k.sum3, {1, 2, 40}});
  const Check<T> last(1, steps, {40}), several(1, steps, {3, 17, 40});
  for (Index n : {1, 17, 600}) {
    CHECK(last.same({Kind::dense}, 3, n));
    CHECK(several.same({Kind::repeats_row}, 3, n));
  }
}

TEST_CASE_TEMPLATE("tile program: as many places as there may be", T, float, double) {
  const Kernels k;
  constexpr int kInputs = TileProgram::kMostPlaces - 4;
  std::vector<TileProgram::Instruction> steps{{k.product, {0, 1}}};
  for (int i = 2; i < kInputs; ++i) steps.push_back({i % 2 ? k.product : k.difference, {kInputs + i - 2, i}});
  const Check<T> check(kInputs, steps, {0, static_cast<int>(steps.size()) - 1});
  std::vector<Kind> kinds;
  for (int i = 0; i < kInputs; ++i) kinds.push_back(kKinds[i % 5]);
  for (Index n : {1, 100, 700}) CHECK(check.same(kinds, 3, n));
}
