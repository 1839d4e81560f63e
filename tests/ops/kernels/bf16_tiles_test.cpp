// Products and weight gradients by tiles have the bits of what the instruction is documented to do, computed here one element at
// a time; by the emulation, and by the processor where it has tiles.
#include <reel/ops/kernels/bf16_tiles.h>

#include <cmath>
#include <cstring>
#include <vector>

#include "numbers.h"

using namespace reel;
using namespace reel::kernels;
using namespace reel::test;

namespace {

using Floats = std::vector<float>;

std::vector<Bf16Kernels> all_kernels() {
  std::vector<Bf16Kernels> all{bf16_tile_kernels(true)};
  if (bf16_tile_support() == TileSupport::granted) all.push_back(bf16_tile_kernels(false));
  return all;
}

float rounded(float x) { return from_bf16(to_bf16(x)); }

// What one tile gives an element: two chains, over pairs' first and second elements, and the sum of both. a(k), b(k): of K.
template <class A, class B>
float tile_sum(Index first, Index K, A a, B b) {
  float even = 0, odd = 0;
  for (Index k = first; k < first + 32; k += 2) {
    even = std::fma(k < K ? rounded(a(k)) : 0, k < K ? rounded(b(k)) : 0, even);
    odd = std::fma(k + 1 < K ? rounded(a(k + 1)) : 0, k + 1 < K ? rounded(b(k + 1)) : 0, odd);
  }
  return even + odd;
}

bool same_bits(float a, float b) { return std::memcmp(&a, &b, sizeof a) == 0; }

}  // namespace

TEST_CASE("bf16 tiles: an element is the chain of what tiles along k give, cut after 256 of them") {
  for (const auto& [rows, K, N, groups] : {std::tuple<Index, Index, Index, Index>{1, 1, 1, 1},
                                           {3, 31, 7, 2},
                                           {16, 32, 16, 1},
                                           {17, 33, 33, 1},
                                           {31, 64, 48, 3},
                                           {40, 70, 100, 1},
                                           {65, 100, 17, 2},
                                           {2, 8193, 5, 1},
                                           {1, 20000, 2, 1}})
    for (const Bf16Kernels& kernels : all_kernels()) {
      CAPTURE(rows);
      CAPTURE(K);
      CAPTURE(N);
      const Floats x = numbers<float>(rows * K, 1), w = numbers<float>(groups * K * N, 2), init = numbers<float>(rows * N, 3);
      const Index kept = round_up(K, kernels.multiple), stride = kept + 32;  // rows need not follow each other at once
      std::vector<Bf16> left(static_cast<std::size_t>(round_up(rows, 16) * stride), Bf16{0x7FC0});
      for (Index r = 0; r < rows; ++r) kernels.round(x.data() + r * K, left.data() + r * stride, K);
      std::vector<WeightView<float>> views;
      for (Index g = 0; g < groups; ++g) views.push_back({w.data() + g * K * N, N, 1});
      std::vector<Bf16> packed(static_cast<std::size_t>(kept * groups * round_up(N, kernels.lanes)));
      kernels.pack(K, N, views, packed.data());
      const RowRun<const Bf16> left_run{left.data(), stride};
      const RowRun<const float> init_run{init.data(), N};
      Floats y(static_cast<std::size_t>(groups * rows * N), NAN);
      std::vector<RowRun<float>> runs;
      std::vector<ProductGroup<float>> results;
      for (Index g = 0; g < groups; ++g) runs.push_back({y.data() + g * rows * N, N});
      for (Index g = 0; g < groups; ++g) results.push_back({g == 0 ? &init_run : nullptr, &runs[static_cast<std::size_t>(g)]});
      const TermOf<Bf16Operands> term{&left_run, packed.data(), kept};
      kernels.products(1, rows, N, std::span(&term, 1), results, {});
      for (Index g = 0; g < groups; ++g)
        for (Index r = 0; r < rows; ++r)
          for (Index n = 0; n < N; ++n) {
            const auto a = [&](Index k) { return x[static_cast<std::size_t>(r * K + k)]; };
            const auto b = [&](Index k) { return w[static_cast<std::size_t>((g * K + k) * N + n)]; };
            float sum = 0;
            for (Index k = 0; k < K;) {
              float chain = 0;
              for (const Index end = std::min(k + 256 * 32, K); k < end; k += 32) chain += tile_sum(k, K, a, b);
              sum = k <= 256 * 32 && g == 0 ? init[static_cast<std::size_t>(r * N + n)] + chain : sum + chain;
            }
            REQUIRE(same_bits(y[static_cast<std::size_t>((g * rows + r) * N + n)], sum));
          }
    }
}

TEST_CASE("bf16 tiles: a part of the columns is the same part of all of them, and no other is written") {
  const Index rows = 5, K = 40, N = 200;
  const Floats x = numbers<float>(rows * K, 1), w = numbers<float>(K * N, 2);
  for (const Bf16Kernels& kernels : all_kernels()) {
    const Index kept = round_up(K, kernels.multiple);
    std::vector<Bf16> left(static_cast<std::size_t>(16 * kept)),
        packed(static_cast<std::size_t>(kept * round_up(N, kernels.lanes)));
    for (Index r = 0; r < rows; ++r) kernels.round(x.data() + r * K, left.data() + r * kept, K);
    const WeightView<float> view{w.data(), N, 1};
    kernels.pack(K, N, std::span(&view, 1), packed.data());
    const RowRun<const Bf16> left_run{left.data(), kept};
    const TermOf<Bf16Operands> term{&left_run, packed.data(), kept};
    const auto run = [&](ColumnPart part, Floats& y) {
      const RowRun<float> y_run{y.data(), N};
      const ProductGroup<float> group{nullptr, &y_run};
      kernels.products(1, rows, N, std::span(&term, 1), std::span(&group, 1), part);
    };
    Floats all(static_cast<std::size_t>(rows * N)), parts(all.size(), -1);
    run({}, all);
    for (Index part = 0; part < 3; ++part) {
      Floats one(all.size(), -1);
      run({part, 3}, one);
      for (std::size_t i = 0; i < all.size(); ++i)
        if (one[i] != -1) {
          CHECK(parts[i] == -1);
          parts[i] = one[i];
        }
    }
    CHECK(parts == all);
  }
}

TEST_CASE("bf16 tiles: a weight gradient's element is the chain of what tiles along the rows give, added to what was there") {
  for (const Bf16Kernels& kernels : all_kernels())
    for (Index K : {1, 31, 32, 100, 128})
      for (Index M : {1, 15, 16, 33, 70})
        for (int vectors : {1, 2, 3, 4}) {
          CAPTURE(K);
          CAPTURE(M);
          CAPTURE(vectors);
          const Index width = vectors * kernels.lanes, a_stride = round_up(M, 16),
                      edge = kernels.lanes == 1 ? 1 : kernels.lanes - 1;
          const Floats a = numbers<float>(128 * a_stride, 1), b = numbers<float>(128 * width, 2);
          for (bool add : {false, true}) {
            Floats a_block = a, b_block = b, c = numbers<float>(M * width, 3);
            const Floats before = c;
            kernels.pair_right(K, width, b_block.data(), width);
            const PairedRows left = kernels.pair_left(K, M, a_block.data(), a_stride);
            WeightGradientPanel<float> p{M, ceil_div(K, 2), {left.first, M, left.stride, 0}, b_block.data(), vectors, width, add,
                                         {}};
            for (int v = 0; v < vectors; ++v)
              p.columns[v] = {c.data() + v * kernels.lanes, v + 1 == vectors ? edge : kernels.lanes};
            kernels.weight_gradient_panel(p);
            for (Index m = 0; m < M; ++m)
              for (Index n = 0; n < width; ++n) {
                float sum = 0;
                for (Index k = 0; k < K; k += 32)
                  sum += tile_sum(
                      k, K, [&](Index i) { return a[static_cast<std::size_t>(i * a_stride + m)]; },
                      [&](Index i) { return b[static_cast<std::size_t>(i * width + n)]; });
                const auto at = static_cast<std::size_t>(m * width + n);
                const bool outside = n >= width - kernels.lanes + edge;
                REQUIRE(same_bits(c[at], outside ? before[at] : add ? before[at] + sum : sum));
              }
          }
        }
}
