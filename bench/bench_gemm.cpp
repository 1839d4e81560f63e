// The matrix kernels alone, at the shapes of recurrent layers: GFLOPS, and the share of the machine's rate of multiply-adds.
//
// Usage: bench_gemm. One thread. Every kind of product takes turns with the register-only loop, so that a drift of the machine's
// speed meets both; figures are medians over the rounds.
#include <algorithm>
#include <chrono>
#include <numeric>
#include <vector>

#include <fmt/format.h>

#include <reel/ops/kernels/gemm.h>
#include <reel/ops/kernels/multiply_add_rate.h>

using namespace reel;
using namespace reel::kernels;

namespace {

double seconds() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

std::vector<float> numbers(Index n) {
  std::vector<float> v(static_cast<std::size_t>(n));
  for (std::size_t i = 0; i < v.size(); ++i) v[i] = static_cast<float>(i % 17) / 17 - .5f;
  return v;
}

// GFLOPS of f, which does `flop`, over some 30 ms.
template <class F>
double rate(double flop, const F& f) {
  f();
  int calls = 0;
  const double start = seconds();
  double end = start;
  for (; end - start < .03; end = seconds()) f(), ++calls;
  return flop * calls / (end - start) / 1e9;
}

struct Shape3 {
  const char* what;
  Index steps, rows, K, N, groups;
};
constexpr Shape3 kProducts[] = {
    {"h W,  b64 h512", 1, 64, 512, 512, 4},      {"x U,  b64 i256 h512, 8 steps", 8, 64, 256, 512, 4},
    {"dy W', b64 h512", 1, 64, 2048, 512, 1},    {"dy U', b64 i256, 8 steps", 8, 64, 2048, 256, 1},
    {"h W,  b32 h256", 1, 32, 256, 256, 4},      {"dy W', b32 h256", 1, 32, 1024, 256, 1},
    {"h W,  b1 h100", 1, 1, 100, 100, 4},        {"x U,  b1 i65 h100, 8 steps", 8, 1, 65, 100, 4},
    {"dy W', b1 h100", 1, 1, 400, 100, 1},       {"h W,  b128 h16", 1, 128, 16, 16, 4},
    {"dy W', b128 h16", 1, 128, 64, 16, 1},      {"dy U', b128 i2, 8 steps", 8, 128, 64, 2, 1},
};

double products_rate(const Shape3& s) {
  const auto kernels = gemm_kernels<float>();
  const auto x = numbers(s.steps * s.rows * s.K), w = numbers(s.K * s.N);
  std::vector<float> y(static_cast<std::size_t>(s.steps * s.rows * s.N * s.groups));
  std::vector<float> packed(static_cast<std::size_t>(kernels.packed_size(s.K, s.N, s.groups)) + 16);
  float* aligned = packed.data() + (16 - reinterpret_cast<std::uintptr_t>(packed.data()) / 4 % 16) % 16;
  const std::vector<WeightView<float>> views(static_cast<std::size_t>(s.groups), {w.data(), s.N, 1});
  pack<float>(kernels.lanes, kernels.width, s.K, s.N, views, aligned);
  std::vector<const float*> xs;
  std::vector<std::vector<float*>> ys(static_cast<std::size_t>(s.groups));
  for (Index i = 0; i < s.steps; ++i) xs.push_back(x.data() + i * s.rows * s.K);
  std::vector<ProductGroup<float>> groups;
  for (Index g = 0; g < s.groups; ++g) {
    auto& list = ys[static_cast<std::size_t>(g)];
    for (Index i = 0; i < s.steps; ++i) list.push_back(y.data() + (g * s.steps + i) * s.rows * s.N);
    groups.push_back({{}, {list.data(), s.N}});
  }
  const ProductTerm<float> term{{xs.data(), s.K}, aligned, s.K};
  return rate(2. * static_cast<double>(s.steps * s.rows * s.K * s.N * s.groups),
              [&] { kernels.products(s.steps, s.rows, s.N, std::span(&term, 1), groups); });
}

double contract_rate(Index M, Index N, Index K) {
  const auto kernels = gemm_kernels<float>();
  const auto a = numbers(K * M), b = numbers(K * N);
  std::vector<float> c(static_cast<std::size_t>(M * N)), scratch(static_cast<std::size_t>(kContractionRows * kernels.width) + 16);
  float* aligned = scratch.data() + (16 - reinterpret_cast<std::uintptr_t>(scratch.data()) / 4 % 16) % 16;
  return rate(2. * static_cast<double>(M * N * K), [&] {
    for (Index n = 0; n < N; n += kernels.width)
      for (Index k = 0; k < K; k += kContractionRows) {
        const float *left[kContractionRows], *right[kContractionRows];
        const Index rows = std::min(kContractionRows, K - k);
        for (Index r = 0; r < rows; ++r) left[r] = a.data() + (k + r) * M, right[r] = b.data() + (k + r) * N + n;
        kernels.contract_panel(M, std::min(kernels.width, N - n), rows, left, right, c.data() + n, N, k > 0, aligned);
      }
  });
}

double median(std::vector<double> v) {
  std::ranges::nth_element(v, v.begin() + static_cast<std::ptrdiff_t>(v.size() / 2));
  return v[v.size() / 2];
}

template <class F>
void report(const std::string& what, const F& f) {
  std::vector<double> rates, peaks;
  for (int round = 0; round < 5; ++round) peaks.push_back(kernels::multiply_add_gflops()), rates.push_back(f());
  fmt::print("{:<48} {:7.1f} GFLOPS  {:.2f} of {:.0f}\n", what, median(rates), median(rates) / median(peaks), median(peaks));
}

}  // namespace

int main() {
  for (const Shape3& s : kProducts)
    report(fmt::format("{} ({} x {} rows, K {}, N {} x {})", s.what, s.steps, s.rows, s.K, s.groups, s.N),
           [&] { return products_rate(s); });
  report("x' dy, i256 h512 (2048 columns, 4096 rows)", [] { return contract_rate(256, 2048, 4096); });
  report("h' dy, h512 (2048 columns, 4096 rows)", [] { return contract_rate(512, 2048, 4096); });
  report("h' dy, h100 (400 columns, 25 rows)", [] { return contract_rate(100, 400, 25); });
  report("h' dy, h16 (64 columns, 2000 rows)", [] { return contract_rate(16, 64, 2000); });
}
