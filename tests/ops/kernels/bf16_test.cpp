// Products and weight gradients of bf16 operands add as their header says; by instruction and by multiply-adds with the same
// bits.
#include <reel/ops/kernels/bf16.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "numbers.h"

using namespace reel;
using namespace reel::kernels;
using namespace reel::test;

namespace {

using Floats = std::vector<float>;

std::vector<Bf16Path> paths() {
  std::vector<Bf16Path> all{Bf16Path::multiply_adds, Bf16Path::emulated_tiles};
  if (has_bf16_dot()) all.push_back(Bf16Path::dot);
  if (const Bf16Path best = bf16_path(Precision::bf16); best == Bf16Path::tiles) all.push_back(best);
  return all;
}

bool by_tiles(Bf16Path path) { return path == Bf16Path::tiles || path == Bf16Path::emulated_tiles; }

Floats rounded(Floats x) {
  for (float& v : x) v = from_bf16(to_bf16(v));
  return x;
}

struct Products {
  Index steps, rows, K, N, groups;
  Floats x, w, init;  // [steps, rows, K], [groups, K, N], [groups, steps, rows, N]
  Products(Index steps, Index rows, Index K, Index N, Index groups)
      : steps(steps),
        rows(rows),
        K(K),
        N(N),
        groups(groups),
        x(numbers<float>(steps * rows * K, 1)),
        w(numbers<float>(groups * K * N, 2)),
        init(numbers<float>(groups * steps * rows * N, 3)) {}

  template <class Types>
  Floats run(Bf16Products<Types> products, const std::vector<typename Types::Left>& left, const Bf16Kernels& kernels) const {
    const Index kept = round_up(K, kernels.multiple), padded = groups * round_up(N, kernels.lanes);
    const Tensor<float> aligned(Shape{kept / 2 * padded + 1});  // two to a float
    auto* packed = reinterpret_cast<Bf16*>(const_cast<float*>(aligned.data()));
    std::vector<WeightView<float>> views;
    for (Index g = 0; g < groups; ++g) views.push_back({w.data() + g * K * N, N, 1});
    kernels.pack(K, N, views, packed);
    Floats y(static_cast<std::size_t>(groups * steps * rows * N), std::numeric_limits<float>::quiet_NaN());
    std::vector<RowRun<const typename Types::Left>> xs;
    for (Index s = 0; s < steps; ++s) xs.push_back({left.data() + s * rows * kept, kept});
    std::vector<std::vector<RowRun<float>>> ys(static_cast<std::size_t>(groups));
    std::vector<std::vector<RowRun<const float>>> inits(static_cast<std::size_t>(groups));
    std::vector<ProductGroup<float>> all;
    for (Index g = 0; g < groups; ++g) {
      for (Index s = 0; s < steps; ++s) {
        ys[static_cast<std::size_t>(g)].push_back({y.data() + (g * steps + s) * rows * N, N});
        inits[static_cast<std::size_t>(g)].push_back({init.data() + (g * steps + s) * rows * N, N});
      }
      all.push_back({inits[static_cast<std::size_t>(g)].data(), ys[static_cast<std::size_t>(g)].data()});
    }
    const TermOf<Types> term{xs.data(), packed, kept};
    products(steps, rows, N, std::span(&term, 1), all, {});
    return y;
  }

  Floats run_rounded(Bf16Path path) const {
    const Bf16Kernels kernels = bf16_kernels(path);
    const Index kept = round_up(K, kernels.multiple);
    if (!kernels.products) {
      const Bf16WeightsKernels of_floats = bf16_weights_kernels();
      Floats floats(static_cast<std::size_t>(steps * rows * kept), std::numeric_limits<float>::quiet_NaN());
      for (Index r = 0; r < steps * rows; ++r) of_floats.round(x.data() + r * K, floats.data() + r * kept, K);
      return run<Bf16Weights>(of_floats.products, floats, kernels);
    }
    std::vector<Bf16> left(static_cast<std::size_t>(round_up(steps * rows, 16) * kept), Bf16{0x7FC0});  // NaN where none are
    for (Index r = 0; r < steps * rows; ++r) kernels.round(x.data() + r * K, left.data() + r * kept, K);
    return run<Bf16Operands>(kernels.products, left, kernels);
  }
  Floats run_weights() const {
    const Bf16Kernels kernels = bf16_kernels(Bf16Path::multiply_adds);
    const Index even = round_up(K, 2);
    Floats left(static_cast<std::size_t>(steps * rows * even));
    for (Index r = 0; r < steps * rows; ++r) std::copy_n(x.data() + r * K, K, left.data() + r * even);
    return run<Bf16Weights>(bf16_weights_kernels().products, left, kernels);
  }

  // In double, over operands rounded where they are.
  void check(const Floats& y, bool left_rounded) const {
    const Floats a = left_rounded ? rounded(x) : x, b = rounded(w);
    for (Index g = 0; g < groups; ++g)
      for (Index r = 0; r < steps * rows; ++r)
        for (Index n = 0; n < N; ++n) {
          const auto at = static_cast<std::size_t>((g * steps * rows + r) * N + n);
          double sum = static_cast<double>(init[at]), size = std::abs(sum);
          for (Index k = 0; k < K; ++k) {
            const double term = static_cast<double>(a[static_cast<std::size_t>(r * K + k)]) *
                                static_cast<double>(b[static_cast<std::size_t>((g * K + k) * N + n)]);
            sum += term;
            size += std::abs(term);
          }
          REQUIRE(std::abs(static_cast<double>(y[at]) - sum) <= 1e-6 * size);
        }
  }
};

std::uint32_t to_bits(float x) { return std::bit_cast<std::uint32_t>(x); }

bool same_bits(const Floats& a, const Floats& b) {
  return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0);
}

}  // namespace

TEST_CASE("bf16: products of every shape add up the rounded operands; instructions have the bits of what they are emulated by") {
  for (const auto& [steps, rows, K, N, groups] : {std::tuple<Index, Index, Index, Index, Index>{1, 1, 1, 1, 1},
                                                  {1, 1, 7, 5, 2},
                                                  {1, 1, 100, 100, 4},
                                                  {2, 1, 3, 17, 1},
                                                  {3, 5, 8, 48, 1},
                                                  {1, 13, 33, 65, 3},
                                                  {4, 3, 2, 16, 4},
                                                  {1, 64, 256, 64, 1},
                                                  {5, 11, 40, 90, 2},
                                                  {1, 49, 64, 35, 1},
                                                  {1, 9, 511, 33, 1},
                                                  {1, 2, 9000, 3, 1},
                                                  {1, 1, 9001, 20, 1},
                                                  {1, 0, 4, 5, 1},
                                                  {1, 3, 0, 5, 1}}) {
    CAPTURE(steps);
    CAPTURE(rows);
    CAPTURE(K);
    CAPTURE(N);
    const Products p(steps, rows, K, N, groups);
    const Floats pairs = p.run_rounded(Bf16Path::multiply_adds), tiles = p.run_rounded(Bf16Path::emulated_tiles);
    p.check(pairs, true);
    p.check(tiles, true);
    for (Bf16Path path : paths()) CHECK(same_bits(p.run_rounded(path), by_tiles(path) ? tiles : pairs));
    p.check(p.run_weights(), false);
  }
}

TEST_CASE("bf16: a row's bits depend on no other row") {
  const Products p(1, 21, 70, 50, 2);
  for (Bf16Path path : paths()) {
    const Floats all = p.run_rounded(path);
    Products one(1, 1, 70, 50, 2);
    one.w = p.w;
    for (Index r = 0; r < p.rows; ++r) {
      one.x.assign(p.x.begin() + r * p.K, p.x.begin() + (r + 1) * p.K);
      for (Index g = 0; g < p.groups; ++g) std::copy_n(p.init.data() + (g * p.rows + r) * p.N, p.N, one.init.data() + g * p.N);
      const Floats y = one.run_rounded(path);
      for (Index g = 0; g < p.groups; ++g)
        CHECK(std::memcmp(y.data() + g * p.N, all.data() + (g * p.rows + r) * p.N,
                          static_cast<std::size_t>(p.N) * sizeof(float)) == 0);
    }
  }
}

TEST_CASE("bf16: rows are rounded to the nearest, ties to even, by vectors as one by one") {
  Floats x = numbers<float>(101, 5);
  x[0] = std::numeric_limits<float>::quiet_NaN();
  x[3] = std::numeric_limits<float>::infinity();
  x[4] = -0.f;
  x[5] = std::numeric_limits<float>::max();  // rounds to infinity
  x[6] = 1 + 0x1p-8f;                        // a tie, to 1
  x[7] = 1 + 3 * 0x1p-8f;                    // a tie, to 1 + 2^-6
  x[8] = 0x1p-149f;
  for (Bf16Path path : paths())
    for (Index n : {1, 2, 15, 16, 17, 64, 100, 101}) {
      const Bf16Kernels kernels = bf16_kernels(path);
      const Index padded = round_up(n, kernels.multiple);
      if (!kernels.products) {
        Floats y(static_cast<std::size_t>(padded + 1), 7);
        bf16_weights_kernels().round(x.data(), y.data(), n);
        for (Index i = 0; i < n; ++i)
          CHECK(to_bits(y[static_cast<std::size_t>(i)]) == to_bits(from_bf16(to_bf16(x[static_cast<std::size_t>(i)]))));
        for (Index i = n; i < padded; ++i) CHECK(to_bits(y[static_cast<std::size_t>(i)]) == 0);
        CHECK(y[static_cast<std::size_t>(padded)] == 7);
        continue;
      }
      std::vector<Bf16> y(static_cast<std::size_t>(padded + 1), Bf16{0x1234});
      kernels.round(x.data(), y.data(), n);
      for (Index i = 0; i < n; ++i) CHECK(y[static_cast<std::size_t>(i)].bits == to_bf16(x[static_cast<std::size_t>(i)]).bits);
      for (Index i = n; i < padded; ++i) CHECK(y[static_cast<std::size_t>(i)].bits == 0);
      CHECK(y[static_cast<std::size_t>(padded)].bits == 0x1234);
    }
  CHECK(from_bf16(to_bf16(x[6])) == 1);
  CHECK(from_bf16(to_bf16(x[7])) == 1 + 0x1p-6f);
  CHECK(std::isinf(from_bf16(to_bf16(x[5]))));
}

TEST_CASE(
    "bf16: rows of a block become pairs in place, zeros follow; those of the left operand may be transposed, or rounded only") {
  for (Bf16Path path : paths())
    for (Index K : {1, 2, 7, 8, 64, 65, 128})
      for (Index width : {1, 5, 16, 35}) {
        const Bf16Kernels kernels = bf16_kernels(path);
        const Index stride = round_up(width, 16), padded = round_up(K, kernels.multiple);
        Floats block = numbers<float>(128 * stride, 6);
        const Floats before = block;
        const auto check = [&](const auto& pair_at) {
          for (Index k = 0; k < padded; ++k)
            for (Index n = 0; n < width; ++n) {
              Bf16 pair[2];
              std::memcpy(pair, pair_at(k / 2, n), sizeof pair);
              CHECK(pair[k % 2].bits == (k < K ? to_bf16(before[static_cast<std::size_t>(k * stride + n)]).bits : 0));
            }
        };
        kernels.pair_right(K, width, block.data(), stride);
        check([&](Index k, Index n) { return &block[static_cast<std::size_t>(k * stride + n)]; });
        block = before;
        const PairedRows left = kernels.pair_left(K, width, block.data(), stride);
        if (!kernels.products) {
          for (Index k = 0; k < padded; ++k)
            for (Index n = 0; n < width; ++n) {
              const float x = k < K ? from_bf16(to_bf16(before[static_cast<std::size_t>(k * stride + n)])) : 0;
              CHECK(left.first[k / 2 * left.stride + k % 2 * (left.stride / 2) + n] == x);
            }
          continue;
        }
        check([&](Index k, Index n) { return left.first + (by_tiles(path) ? n * left.stride + k : k * left.stride + n); });
      }
}
