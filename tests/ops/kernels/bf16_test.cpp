// Products and weight gradients of bf16 operands add as their header says; by instruction and by multiply-adds with the same
// bits.
#include <reel/ops/kernels/bf16.h>

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
  std::vector<Bf16Path> all{Bf16Path::portable};
  if (bf16_path(Precision::bf16) == Bf16Path::dot) all.push_back(Bf16Path::dot);
  return all;
}

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
    const Index even = round_up(K, 2), padded = groups * round_up(N, gemm_kernels<float>().lanes);
    const Tensor<float> aligned(Shape{even / 2 * padded + 1});  // two to a float
    auto* packed = reinterpret_cast<Bf16*>(const_cast<float*>(aligned.data()));
    std::vector<WeightView<float>> views;
    for (Index g = 0; g < groups; ++g) views.push_back({w.data() + g * K * N, N, 1});
    kernels.pack(K, N, views, packed);
    Floats y(static_cast<std::size_t>(groups * steps * rows * N), std::numeric_limits<float>::quiet_NaN());
    std::vector<RowRun<const typename Types::Left>> xs;
    for (Index s = 0; s < steps; ++s) xs.push_back({left.data() + s * rows * even, even});
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
    const TermOf<Types> term{xs.data(), packed, even};
    products(steps, rows, N, std::span(&term, 1), all, {});
    return y;
  }

  Floats run_rounded(Bf16Path path) const {
    const Bf16Kernels kernels = bf16_kernels(path);
    const Index even = round_up(K, 2);
    std::vector<Bf16> left(static_cast<std::size_t>(steps * rows * even));
    for (Index r = 0; r < steps * rows; ++r) kernels.round(x.data() + r * K, left.data() + r * even, K);
    return run<Bf16Operands>(kernels.products, left, kernels);
  }
  Floats run_weights() const {
    const Bf16Kernels kernels = bf16_kernels(Bf16Path::portable);
    const Index even = round_up(K, 2);
    Floats left(static_cast<std::size_t>(steps * rows * even));
    for (Index r = 0; r < steps * rows; ++r) std::copy_n(x.data() + r * K, K, left.data() + r * even);
    return run<Bf16Weights>(kernels.weight_products, left, kernels);
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

bool same_bits(const Floats& a, const Floats& b) {
  return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0);
}

}  // namespace

TEST_CASE("bf16: products of every shape add up the rounded operands; both paths have the same bits") {
  for (const auto& [steps, rows, K, N, groups] : {std::tuple<Index, Index, Index, Index, Index>{1, 1, 1, 1, 1},
                                                  {1, 1, 7, 5, 2},
                                                  {1, 1, 100, 100, 4},
                                                  {2, 1, 3, 17, 1},
                                                  {3, 5, 8, 48, 1},
                                                  {1, 13, 33, 65, 3},
                                                  {4, 3, 2, 16, 4},
                                                  {1, 64, 256, 64, 1},
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
    const Floats portable = p.run_rounded(Bf16Path::portable);
    p.check(portable, true);
    for (Bf16Path path : paths()) CHECK(same_bits(p.run_rounded(path), portable));
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
  const auto kernels = bf16_kernels(Bf16Path::portable);
  Floats x = numbers<float>(101, 5);
  x[0] = std::numeric_limits<float>::quiet_NaN();
  x[3] = std::numeric_limits<float>::infinity();
  x[4] = -0.f;
  x[5] = std::numeric_limits<float>::max();  // rounds to infinity
  x[6] = 1 + 0x1p-8f;                        // a tie, to 1
  x[7] = 1 + 3 * 0x1p-8f;                    // a tie, to 1 + 2^-6
  x[8] = 0x1p-149f;
  for (Index n : {1, 2, 15, 16, 17, 100, 101}) {
    std::vector<Bf16> y(static_cast<std::size_t>(n + 2), Bf16{0x1234});
    kernels.round(x.data(), y.data(), n);
    for (Index i = 0; i < n; ++i) CHECK(y[static_cast<std::size_t>(i)].bits == to_bf16(x[static_cast<std::size_t>(i)]).bits);
    if (n % 2 == 1) CHECK(y[static_cast<std::size_t>(n)].bits == 0);
    CHECK(y[static_cast<std::size_t>(round_up(n, 2))].bits == 0x1234);
  }
  CHECK(from_bf16(to_bf16(x[6])) == 1);
  CHECK(from_bf16(to_bf16(x[7])) == 1 + 0x1p-6f);
  CHECK(std::isinf(from_bf16(to_bf16(x[5]))));
}

TEST_CASE("bf16: rows of a block become pairs in place") {
  const auto kernels = bf16_kernels(Bf16Path::portable);
  for (Index K : {1, 2, 7, 8})
    for (Index width : {1, 5, 16, 35}) {
      const Index stride = width + 3;
      Floats block = numbers<float>(K * stride, 6);
      const Floats before = block;
      kernels.pair_rows(K, width, block.data(), stride);
      for (Index k = 0; k < K; ++k)
        for (Index n = 0; n < width; ++n) {
          Bf16 pair[2];
          std::memcpy(pair, &block[static_cast<std::size_t>(k / 2 * stride + n)], sizeof pair);
          CHECK(pair[k % 2].bits == to_bf16(before[static_cast<std::size_t>(k * stride + n)]).bits);
          if (K % 2 == 1 && k == K - 1) CHECK(pair[1].bits == 0);
        }
    }
}
