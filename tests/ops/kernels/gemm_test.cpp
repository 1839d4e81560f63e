#include <reel/ops/kernels/gemm.h>
#include <reel/ops/kernels/pack.h>
#include <reel/ops/reduction.h>

#include <cstring>

#include "numbers.h"

using namespace reel;
using namespace reel::test;
using kernels::gemm_kernels;
using kernels::GemmKernels;

namespace {

constexpr Index kM[] = {0, 1, 2, 5, 6, 7, 13, 64};
constexpr Index kN[] = {1, 15, 16, 17, 63, 64, 65, 100, 130};
constexpr Index kK[] = {0, 1, 3, 100, 513, 1030};
constexpr Index kGap = 3;  // unused elements between rows, which must stay as they are

template <class T>
std::vector<T> packed(const std::vector<T>& w, Index K, Index N) {
  std::vector<T> p(static_cast<std::size_t>(gemm_kernels<T>().packed_size(K, N)), T(99));
  const kernels::WeightView<T> view{w.data(), N, 1};
  kernels::pack<T>(K, N, std::span(&view, 1), p.data());
  return p;
}

// One product: C [M, N] = A [M, K] by a packed weight.
template <class T>
void gemm(Index M, Index N, Index K, const T* a, Index a_stride, const T* p, T* c, Index c_stride) {
  const kernels::RowRun<const T> x{a, a_stride};
  const kernels::RowRun<T> y{c, c_stride};
  const kernels::ProductTerm<T> term{&x, p, K};
  const kernels::ProductGroup<T> group{nullptr, &y};
  gemm_kernels<T>().products(1, M, N, std::span(&term, 1), std::span(&group, 1), {});
}

// The largest |c - expected| in units of the error that K roundings may add up to, over C [M, N] with rows `stride` apart;
// infinite when a gap was written to.
template <class T>
struct Comparison {
  Index M, N, K, stride;
  T gap;
  template <class F>
  double worst(const std::vector<T>& c, F expected) const {
    double largest = 0;
    const double unit = std::numeric_limits<T>::epsilon() * (static_cast<double>(K) + 1);
    for (Index m = 0; m < M; ++m) {
      for (Index n = 0; n < N; ++n)
        largest = std::max(largest, std::abs(static_cast<double>(c[m * stride + n]) - expected(m, n)) / unit);
      for (Index n = N; n < stride; ++n)
        if (c[m * stride + n] != gap) return std::numeric_limits<double>::infinity();
    }
    return largest;
  }
};

template <class T>
void check_gemm(Index M, Index N, Index K) {
  INFO("M ", M, ", N ", N, ", K ", K);
  const Index a_stride = K + kGap, c_stride = N + kGap;
  const auto a = numbers<T>(M * a_stride, 1), w = numbers<T>(K * N, 2), p = packed(w, K, N);
  std::vector<T> c(static_cast<std::size_t>(M * c_stride), T(7));
  gemm<T>(M, N, K, a.data(), a_stride, p.data(), c.data(), c_stride);
  const auto naive = [&](Index m, Index n) {
    double sum = 0;
    for (Index k = 0; k < K; ++k) sum += static_cast<double>(a[m * a_stride + k]) * static_cast<double>(w[k * N + n]);
    return sum;
  };
  CHECK(Comparison<T>{M, N, K, c_stride, T(7)}.worst(c, naive) <= 1);
}

template <class F>
void each_size(F f) {
  for (Index M : kM)
    for (Index N : kN)
      for (Index K : kK) f(M, N, K);
}

}  // namespace

TEST_CASE_TEMPLATE("gemm: equals a naive loop", T, float, double) { each_size(check_gemm<T>); }

TEST_CASE_TEMPLATE("gemm: a row's bits do not depend on the other rows", T, float, double) {
  for (const auto& [N, K] : {std::pair<Index, Index>{1, 100}, {65, 513}, {130, 1030}}) {
    INFO("N ", N, ", K ", K);
    constexpr Index M = 23;
    const auto a = numbers<T>(M * K, 1), p = packed(numbers<T>(K * N, 2), K, N);
    std::vector<T> together(static_cast<std::size_t>(M * N)), alone(static_cast<std::size_t>(N));
    gemm<T>(M, N, K, a.data(), K, p.data(), together.data(), N);
    for (Index m = 0; m < M; ++m) {
      gemm<T>(1, N, K, a.data() + m * K, K, p.data(), alone.data(), N);
      CHECK(std::memcmp(alone.data(), together.data() + m * N, static_cast<std::size_t>(N) * sizeof(T)) == 0);
    }
  }
}

namespace {

// Several steps, terms and groups at once, from an init or from zero, against naive loops. In every second step all rows of x are
// its first.
template <class T>
void check_products(Index steps, Index rows, Index N, const std::vector<Index>& K, Index groups, bool init) {
  INFO("steps ", steps, ", rows ", rows, ", N ", N, ", terms ", K.size(), ", groups ", groups, ", init ", init);
  const GemmKernels<T> k = gemm_kernels<T>();
  std::vector<std::vector<T>> x, w, packs;
  std::vector<std::vector<kernels::RowRun<const T>>> x_steps;
  for (std::size_t p = 0; p < K.size(); ++p) {
    x.push_back(numbers<T>(steps * rows * K[p], 10 + p));
    w.push_back(numbers<T>(groups * K[p] * N, 20 + p));
    std::vector<kernels::WeightView<T>> views;
    for (Index g = 0; g < groups; ++g) views.push_back({w[p].data() + g * K[p] * N, N, 1});
    packs.emplace_back(static_cast<std::size_t>(k.packed_size(K[p], N, groups)));
    kernels::pack<T>(K[p], N, views, packs[p].data());
    x_steps.emplace_back();
    for (Index s = 0; s < steps; ++s) x_steps[p].push_back({x[p].data() + s * rows * K[p], s % 2 ? 0 : K[p]});
  }
  const auto begin = numbers<T>(groups * N, 30);  // one row per group, shared by all rows and steps
  std::vector<T> y(static_cast<std::size_t>(groups * steps * rows * N), T(7));
  std::vector<std::vector<kernels::RowRun<T>>> y_steps(static_cast<std::size_t>(groups));
  std::vector<std::vector<kernels::RowRun<const T>>> init_steps(static_cast<std::size_t>(groups));
  std::vector<kernels::ProductTerm<T>> terms;
  std::vector<kernels::ProductGroup<T>> results;
  for (std::size_t p = 0; p < K.size(); ++p) terms.push_back({x_steps[p].data(), packs[p].data(), K[p]});
  for (Index g = 0; g < groups; ++g) {
    for (Index s = 0; s < steps; ++s) {
      y_steps[g].push_back({y.data() + (g * steps + s) * rows * N, N});
      init_steps[g].push_back({begin.data() + g * N, 0});
    }
    results.push_back({init ? init_steps[g].data() : nullptr, y_steps[g].data()});
  }
  k.products(steps, rows, N, terms, results, {});
  double worst = 0, total = 1;
  for (Index size : K) total += static_cast<double>(size);
  for (Index i = 0; i < static_cast<Index>(y.size()); ++i) {
    const Index n = i % N, r = i / N % rows, s = i / N / rows % steps, g = i / N / rows / steps;
    double sum = init ? static_cast<double>(begin[g * N + n]) : 0;
    for (std::size_t p = 0; p < K.size(); ++p)
      for (Index j = 0; j < K[p]; ++j)
        sum += static_cast<double>(x[p][(s * rows + (s % 2 ? 0 : r)) * K[p] + j]) *
               static_cast<double>(w[p][(g * K[p] + j) * N + n]);
    worst = std::max(worst, std::abs(static_cast<double>(y[i]) - sum) / (std::numeric_limits<T>::epsilon() * total));
  }
  CHECK(worst <= 1);
  // In parts, each by itself and the last first: the same bits.
  const std::vector<T> whole = y;
  for (Index of : {2, 3, 16}) {
    std::ranges::fill(y, T(7));
    for (Index part = of; part-- > 0;) k.products(steps, rows, N, terms, results, {part, of});
    CHECK(y == whole);
  }
}

}  // namespace

TEST_CASE_TEMPLATE("products: several steps, terms and groups equal naive loops", T, float, double) {
  for (bool init : {false, true}) {
    check_products<T>(1, 5, 16, {3}, 4, init);
    check_products<T>(7, 1, 100, {65}, 4, init);
    check_products<T>(3, 4, 17, {2, 16, 5}, 3, init);
    check_products<T>(2, 13, 33, {600, 600}, 2, init);
    check_products<T>(4, 6, 65, {1, 1, 1, 1, 1, 1, 1, 1, 1, 1}, 1, init);
    check_products<T>(1, 3, 5, {0, 4}, 2, init);
    check_products<T>(2, 3, 5, {9}, 1, init);  // less than a panel
  }
}

TEST_CASE_TEMPLATE("pack: panels of columns padded with zeros, from either orientation", T, float, double) {
  const GemmKernels<T> k = gemm_kernels<T>();
  const Index K = 3;
  for (Index vectors = 1; vectors <= 3 * k.panel_vectors + 1; ++vectors) {
    const Index N = (vectors - 1) * k.lanes + 1;  // the last vector has one column
    INFO("vectors ", vectors);
    const auto w = numbers<T>(K * N, 5);
    std::vector<T> turned(w.size());
    for (Index i = 0; i < K; ++i)
      for (Index n = 0; n < N; ++n) turned[n * K + i] = w[i * N + n];
    const auto p = packed(w, K, N);
    REQUIRE(static_cast<Index>(p.size()) == K * vectors * k.lanes);
    const kernels::Panels panels = k.panels(vectors);
    bool right = true;
    for (Index i = 0; i < K; ++i)
      for (Index n = 0; n < vectors * k.lanes; ++n) {
        const Index v = n / k.lanes, first = panels.first_of(v);
        const T there = p[first * k.lanes * K + i * panels.vectors_of(first) * k.lanes + (v - first) * k.lanes + n % k.lanes];
        right &= there == (n < N ? w[i * N + n] : T(0));
      }
    CHECK(right);
    std::vector<T> from_turned(p.size(), T(99));
    const kernels::WeightView<T> view{turned.data(), 1, K};
    kernels::pack<T>(K, N, std::span(&view, 1), from_turned.data());
    CHECK(from_turned == p);
  }
}
