// The matrix kernels alone, at the shapes of recurrent layers: GFLOPS, and the share of the machine's rate of multiply-adds.
//
// Usage: bench_gemm [text]. One thread; `text`: those alone whose names hold it. Every kind of product takes turns with the
// register-only loop, so that a drift of the machine's speed meets both. Printed are the medians over the rounds, and "at best"
// the share among the fastest tenth of the rounds of each: what others on the same machine disturb least.
#include <algorithm>
#include <chrono>
#include <numeric>
#include <string>
#include <vector>

#include <fmt/format.h>

#include <reel/ops/kernels/gemm.h>
#include <reel/ops/kernels/multiply_add_rate.h>
#include <reel/ops/kernels/pack.h>
#include <reel/reel.h>

using namespace reel;
using namespace reel::kernels;

namespace {

double seconds() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

std::vector<float> numbers(Index n) {
  std::vector<float> v(static_cast<std::size_t>(n));
  for (std::size_t i = 0; i < v.size(); ++i) v[i] = static_cast<float>(i % 17) / 17 - .5f;
  return v;
}

// GFLOPS of f, which does `flop`, over some milliseconds: rounds so short that some of them are not disturbed.
template <class F>
double rate(double flop, const F& f) {
  f();
  int calls = 0;
  const double start = seconds();
  double end = start;
  for (; end - start < .005; end = seconds()) f(), ++calls;
  return flop * calls / (end - start) / 1e9;
}

struct Shape3 {
  const char* what;
  Index steps, rows, K, N, groups;
};
constexpr Shape3 kProducts[] = {
    {"h W,  b64 h512", 1, 64, 512, 512, 4},   {"x U,  b64 i256 h512, 8 steps", 8, 64, 256, 512, 4},
    {"dy W', b64 h512", 1, 64, 2048, 512, 1}, {"dy U', b64 i256, 8 steps", 8, 64, 2048, 256, 1},
    {"h W,  b32 h256", 1, 32, 256, 256, 4},   {"dy W', b32 h256", 1, 32, 1024, 256, 1},
    {"h W,  b1 h100", 1, 1, 100, 100, 4},     {"x U,  b1 i65 h100, 8 steps", 8, 1, 65, 100, 4},
    {"dy W', b1 h100", 1, 1, 400, 100, 1},    {"h W,  b128 h16", 1, 128, 16, 16, 4},
    {"dy W', b128 h16", 1, 128, 64, 16, 1},   {"dy U', b128 i2, 8 steps", 8, 128, 64, 2, 1},
};

double products_rate(const Shape3& s) {
  const auto kernels = gemm_kernels<float>();
  const auto x = numbers(s.steps * s.rows * s.K), w = numbers(s.K * s.N);
  std::vector<float> y(static_cast<std::size_t>(s.steps * s.rows * s.N * s.groups));
  std::vector<float> packed(static_cast<std::size_t>(kernels.packed_size(s.K, s.N, s.groups)) + 16);
  float* aligned = packed.data() + (16 - reinterpret_cast<std::uintptr_t>(packed.data()) / 4 % 16) % 16;
  const std::vector<WeightView<float>> views(static_cast<std::size_t>(s.groups), {w.data(), s.N, 1});
  pack<float>(s.K, s.N, views, aligned);
  std::vector<RowRun<const float>> xs;
  std::vector<std::vector<RowRun<float>>> ys(static_cast<std::size_t>(s.groups));
  for (Index i = 0; i < s.steps; ++i) xs.push_back({x.data() + i * s.rows * s.K, s.K});
  std::vector<ProductGroup<float>> groups;
  for (Index g = 0; g < s.groups; ++g) {
    auto& list = ys[static_cast<std::size_t>(g)];
    for (Index i = 0; i < s.steps; ++i) list.push_back({y.data() + (g * s.steps + i) * s.rows * s.N, s.N});
    groups.push_back({nullptr, list.data()});
  }
  const ProductTerm<float> term{xs.data(), aligned, s.K};
  return rate(2. * static_cast<double>(s.steps * s.rows * s.K * s.N * s.groups),
              [&] { kernels.products(s.steps, s.rows, s.N, std::span(&term, 1), groups, {}); });
}

// The whole op: T steps of rows, all gates at once, with the biases' sums.
double contract_rate(Index T, Index rows, Index M, Index N, Index groups) {
  Tape tape;
  std::vector<Var> operands;
  std::vector<Sequence> right;
  const Sequence x = tape.input("x", T, {B, M});
  std::vector<std::string> names;
  for (Index g = 0; g < groups; ++g) names.push_back(fmt::format("y{}", g));
  for (const std::string& name : names) right.push_back(tape.input(name, T, {B, N}));
  for (Index t = 0; t < T; ++t) {
    operands.push_back(x[static_cast<std::size_t>(t)]);
    for (const Sequence& y : right) operands.push_back(y[static_cast<std::size_t>(t)]);
  }
  const Var all = grouped_weight_gradient({1, groups, true}, operands, {});
  std::vector<Var> outputs{all};
  if (groups > 1) outputs.clear();
  for (Index g = 0; g < groups && groups > 1; ++g) outputs.push_back(get_output(all, g, {}));
  const auto plan = compile<float>(tape, outputs);
  Workspace<float> workspace(plan);
  Tensor<float> left(Shape{T, rows, M}), y(Shape{T, rows, N});
  std::ranges::fill(left, .5f), std::ranges::fill(y, .25f);
  std::vector<Binding> bindings{{"x", left}};
  std::vector<Tensor<float>> copies(static_cast<std::size_t>(groups), y);
  for (std::size_t g = 0; g < names.size(); ++g) bindings.emplace_back(names[g], copies[g]);
  return rate(2. * static_cast<double>(T * rows * M * N * groups), [&] { plan.run(workspace, bindings); });
}

template <class F>
void report(const std::string& only, const std::string& what, const F& f) {
  if (what.find(only) == std::string::npos) return;
  constexpr std::size_t kRounds = 40;
  std::vector<double> rates, peaks;
  while (rates.size() < kRounds) peaks.push_back(kernels::multiply_add_gflops()), rates.push_back(f());
  std::ranges::sort(rates), std::ranges::sort(peaks);
  const auto share = [&](std::size_t at) { return rates[at] / peaks[at]; };
  fmt::print("{:<60} {:7.1f} GFLOPS  {:.2f} of {:.0f}, at best {:.2f}\n", what, rates[kRounds / 2], share(kRounds / 2),
             peaks[kRounds / 2], share(kRounds - kRounds / 20 - 1));
}

}  // namespace

int main(int argc, char** argv) {
  const std::string only = argc > 1 ? argv[1] : "";
  for (const Shape3& s : kProducts)
    report(only, fmt::format("{} ({} x {} rows, K {}, N {} x {})", s.what, s.steps, s.rows, s.K, s.groups, s.N),
           [&] { return products_rate(s); });
  report(only, "x' dy, b64 t64 i256 h512 x 4", [] { return contract_rate(64, 64, 256, 512, 4); });
  report(only, "h' dy, b64 t64 h512 x 4", [] { return contract_rate(64, 64, 512, 512, 4); });
  report(only, "h' dy, b32 t64 h256 x 4", [] { return contract_rate(64, 32, 256, 256, 4); });
  report(only, "h' dy, b1 t25 h100 x 4", [] { return contract_rate(25, 1, 100, 100, 4); });
  report(only, "x' dy, b1 t25 i65 h100 x 4", [] { return contract_rate(25, 1, 65, 100, 4); });
  report(only, "h' dy, b200 t10 h16 x 4", [] { return contract_rate(10, 200, 16, 16, 4); });
  report(only, "x' dy, b200 t10 i2 h16 x 4", [] { return contract_rate(10, 200, 2, 16, 4); });
}
