// Ops over rows, each alone in a plan: nanoseconds for each element of its operand. One JSON line per case.
//
// Usage: bench_ops [case-prefix]. One thread; the median over at least 0.7 s. _gradient: the op's gradient by its operand, which
// computes what it needs of the forward part again.
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "cases.h"

#include <reel/reel.h>

using namespace reel;

namespace {

struct RowCase {
  std::string name;
  std::vector<Index> shape;  // of one row of the batch
  Index rows;
  std::function<Var(Var)> op;
};

Var with_ids(Var x) { return cross_entropy(x, x.tape().ids("y", {B})); }

std::vector<RowCase> cases() {
  std::vector<RowCase> all;
  const auto add = [&](const char* name, std::vector<Index> shape, Index rows, std::function<Var(Var)> op) {
    std::string full = fmt::format("{}_{}", name, rows);
    for (Index d : shape) full += fmt::format("x{}", d);
    all.push_back({full, std::move(shape), rows, std::move(op)});
  };
  for (const auto& [rows, n] : {std::pair<Index, Index>{32, 512}, {4096, 64}}) {
    add("sum_last", {n}, rows, [](Var x) { return sum(x, -1); });
    add("mean_last", {n}, rows, [](Var x) { return mean(x, -1); });
    add("max_last", {n}, rows, [](Var x) { return max(x, -1); });
    add("argmax", {n}, rows, [](Var x) { return argmax(x); });
    add("softmax", {n}, rows, [](Var x) { return softmax(x); });
    add("log_softmax", {n}, rows, [](Var x) { return log_softmax(x); });
    add("layer_norm", {n}, rows, [](Var x) { return layer_norm(x); });
    add("tanh", {n}, rows, [](Var x) { return tanh(x); });
  }
  add("cross_entropy", {10000}, 64, with_ids);
  add("cross_entropy", {65}, 2048, with_ids);
  for (const auto& [rows, n, m] : {std::tuple<Index, Index, Index>{32, 64, 64}, {256, 8, 128}}) {
    add("sum_middle", {n, m}, rows, [](Var x) { return sum(x, -2); });
    add("max_middle", {n, m}, rows, [](Var x) { return max(x, -2); });
    add("sum_inner", {n, m}, rows, [](Var x) { return sum(x, -1); });
    add("broadcast_inner", {n, m}, rows, [](Var x) { return x * sum(x, -1, Keep::dimension); });
    add("broadcast_middle", {n, m}, rows, [](Var x) { return x * sum(x, -2, Keep::dimension); });
  }
  return all;
}

double nanoseconds(const RowCase& c, bool gradient) {
  Tape tape;
  const Var x = tape.input("x", Shape(Shape{B}.rows(), c.shape));
  const Var y = c.op(x);
  std::vector<Var> outputs{y};
  std::vector<Index> sizes{c.rows};
  sizes.insert(sizes.end(), c.shape.begin(), c.shape.end());
  Tensor<float> data{Shape(RowCount(), sizes)};
  RandomStream random(1);
  for (float& v : data) v = static_cast<float>(random.normal());
  Tensor<std::int32_t> ids(Shape{c.rows});
  for (std::int32_t& v : ids) v = static_cast<std::int32_t>(random.below(c.shape.back()));
  std::vector<Binding> bindings{{"x", data}};
  if (tape.has_input("y")) bindings.emplace_back("y", ids);
  Tensor<float> slopes;
  if (gradient) {
    const Var dy = y.shape().batched() ? tape.input("dy", y.shape()) : tape.constant(1.0);
    outputs = gradients(std::span(&y, 1), std::span(&dy, 1), std::span(&x, 1));
    if (tape.has_input("dy")) {
      slopes = Tensor<float>(y.shape().bind(c.rows));
      for (float& v : slopes) v = static_cast<float>(random.normal());
      bindings.emplace_back("dy", slopes);
    }
  }
  const auto plan = compile<float>(tape, outputs);
  Workspace<float> workspace(plan);
  return 1e6 * bench::median_ms([&] { plan.run(workspace, bindings); }) / static_cast<double>(data.size());
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view prefix = argc > 1 ? argv[1] : "";
  for (const RowCase& c : cases()) {
    if (!c.name.starts_with(prefix)) continue;
    fmt::print("{{\"case\":\"{}\",\"ns_per_element\":{:.3f}", c.name, nanoseconds(c, false));
    if (!c.name.starts_with("argmax")) fmt::print(",\"gradient_ns_per_element\":{:.3f}", nanoseconds(c, true));
    fmt::print("}}\n");
    std::fflush(stdout);
  }
}
