#include "trial.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>

#include <fmt/format.h>

#include <reel/models/initializers.h>
#include <reel/ops/arithmetic.h>
#include <reel/ops/kernels/bf16.h>
#include <reel/plan/passes/dead_code.h>
#include <reel/plan/passes/lower.h>

namespace reel::test {
namespace {

constexpr double kMost = 1e3;  // of values and local derivatives
constexpr double kFromKinks = 1e-6;
constexpr double kUnitRoundoff = 0x1p-24;  // of float
constexpr double kMostRoundings = 1000;    // that an error may grow to, of the largest value

template <class T>
std::vector<Interpreter<T>> interpret_runs(const Recipe& recipe, const RandomTape& random) {
  std::vector<Interpreter<T>> runs;
  for (int r = 0; r < recipe.runs; ++r) {
    std::vector<Binding> bindings = random.bindings<T>(r);
    if (r > 0)
      for (const auto& [state, next] : random.tape.carries())
        bindings.push_back({random.tape.node(state).op->leaf()->name, runs.back().value(next)});
    runs.emplace_back(random.tape, bindings, &random.values, RunContext{recipe.rows, recipe.seed, static_cast<std::uint64_t>(r)},
                      recipe.rows);
    runs.back().evaluate();
  }
  return runs;
}

// Terms of the longest sum: a product has one for each k, a reduction one for each element that it reads, and the gradients
// of T steps, which passes join, as many as those together.
Index longest_chain(const Tape& tape, Index rows) {
  std::vector<Index> length(tape.size(), 1);
  for (NodeId id = 0; id < tape.size(); ++id) {
    const auto x = tape.inputs(id);
    if (x.empty()) continue;
    const std::string_view op = tape.node(id).op->name();
    const Shape &from = tape.node(x[0]).shape, &to = tape.node(id).shape;
    if (op == "matmul" || op == "softmax" || op == "log_softmax" || op == "cross_entropy")
      length[id] = from.last();
    else if (op == "weight_gradient" || op == "scatter_add")
      length[id] = tape.node(x.back()).shape.elements(rows) / std::max<Index>(1, to.last());
    else if (op == "batch_sum" || op == "sum_to")
      length[id] = from.elements(rows) / std::max<Index>(1, to.elements(rows));
    else if (op == "accumulate")
      length[id] = std::transform_reduce(x.begin(), x.end(), Index{0}, std::plus<>(), [&](NodeId i) { return length[i]; });
  }
  return length.empty() ? 1 : *std::ranges::max_element(length);
}

class Examination {
 public:
  explicit Examination(Trial& trial) : trial_(trial), tape_(trial.random->tape) {}

  void run() {
    trial_.chain = longest_chain(tape_, trial_.recipe.rows);
    for (run_ = 0; run_ < trial_.exact.size(); ++run_)
      for (NodeId id = 0; id < tape_.size(); ++id)
        if (tape_.node(id).type == Type::real) look_at_values(id);
    for (run_ = 0; run_ < trial_.exact.size(); ++run_)
      for (NodeId id = 0; id < tape_.size(); ++id) look_at_arguments(id);
    // The double plan may be 1e-12 / 1.1e-16 = 9000 roundings away.
    const double most = std::min(trial_.tolerance(float()) / 4, kMostRoundings * kUnitRoundoff * trial_.largest);
    for (run_ = 0; run_ < trial_.exact.size(); ++run_)
      for (NodeId id = 0; id < tape_.size(); ++id)
        if (tape_.node(id).type == Type::real && rounding(id) > most) blame(id, "is ill conditioned");
  }

 private:
  void blame(NodeId id, std::string_view what) {
    trial_.offences.push_back({trial_.random->instruction_of(id), fmt::format("%{} {} {}", id, tape_.node(id).op->name(), what)});
  }

  TensorView<const double> value(NodeId id) const { return trial_.exact[run_].value(id); }

  void look_at_values(NodeId id) {
    double largest = 0;
    for (double x : value(id)) largest = std::isfinite(x) ? std::max(largest, std::abs(x)) : 2 * kMost;
    if (largest > kMost) blame(id, "is too large");
    trial_.largest = std::max(trial_.largest, largest);
  }

  // How far float rounding moves this node's values.
  double rounding(NodeId id) const {
    const auto a = value(id);
    const auto b = trial_.rounded[run_].value(id);
    double most = 0;
    for (Index i = 0; i < a.size(); ++i) most = std::max(most, std::abs(a[i] - static_cast<double>(b[i])));
    return most;
  }

  // The plan rounds in another order than the interpreter; sixteen times what that does is far enough.
  double distance_needed(NodeId id) const {
    double largest = 0;
    for (double x : value(id)) largest = std::max(largest, std::abs(x));
    return std::max(kFromKinks, 16 * (rounding(id) + kUnitRoundoff * largest));
  }

  template <class F>
  double smallest(NodeId id, F of) const {
    double least = std::numeric_limits<double>::infinity();
    for (double x : value(id)) least = std::min(least, std::abs(of(x)));
    return least;
  }

  // Between the largest element of each row and the others.
  double smallest_lead(NodeId id) const {
    const auto x = value(id);
    const Index n = x.shape().last();
    double least = std::numeric_limits<double>::infinity();
    for (Index first = 0; n > 1 && first < x.size(); first += n) {
      std::vector<double> row(x.begin() + first, x.begin() + first + n);
      std::ranges::partial_sort(row, row.begin() + 2, std::greater<>());
      least = std::min(least, row[0] - row[1]);
    }
    return least;
  }

  void look_at_arguments(NodeId id) {
    const auto inputs = tape_.inputs(id);
    if (inputs.empty()) return;
    const std::string_view op = tape_.node(id).op->name();
    const NodeId x = inputs[0];
    const auto same = [](double v) { return v; };
    // An adjoint with abs is that of satlins, which only compares |x| with 1.
    if (op == "abs" && trial_.random->instruction_of(id) < 0) return;
    if (op == "relu" || op == "abs" || op == "step" || op == "sign") {
      if (smallest(x, same) < distance_needed(x)) blame(id, "is at a kink");
    } else if (op == "satlins") {
      if (smallest(x, [](double v) { return std::abs(v) - 1; }) < distance_needed(x)) blame(id, "is at a kink");
    } else if (op == "max" || op == "argmax") {
      if (smallest_lead(x) < distance_needed(x)) blame(id, "has equals");
    } else if (op == "log") {
      if (smallest(x, same) < 1 / kMost) blame(id, "is too steep");
    } else if (op == "sqrt") {
      if (smallest(id, same) < 0.5 / kMost) blame(id, "is too steep");
    } else if (op == "divide") {
      const auto y = value(id), divisor = value(inputs[1]);
      for (Index i = 0; i < y.size(); ++i)
        if (std::max(1.0, std::abs(y[i])) > kMost * std::abs(divisor[i])) return blame(id, "is too steep");
    }
  }

  Trial& trial_;
  const Tape& tape_;
  std::size_t run_ = 0;
};

// Made once, because that takes long, but for 3: where there are fewer cores, the lowest limit alive holds for all, and the
// other ones would have 3 threads too.
ThreadPool threads_of(int count) {
  static const ThreadPool one(1), two(2), eight(8);
  return count == 1 ? one : count == 2 ? two : count == 8 ? eight : ThreadPool(count);
}

template <class T>
std::string bits(TensorView<const T> x) {
  return {reinterpret_cast<const char*>(x.data()), static_cast<std::size_t>(x.size()) * sizeof(T)};
}

// The plans of one tape and type.
template <class T>
class Comparison {
 public:
  Comparison(const Trial& trial, const CompileOptions& options)
      : trial_(trial), random_(*trial.random), plan_(compile<T>(random_.tape, random_.outputs, options)) {}

  double margin() const { return margin_; }

  // Of all that the runs deliver.
  std::vector<std::string> results(int threads, const Shards* shards = nullptr) const {
    Workspace<T> workspace(plan_, values(), threads_of(threads), trial_.recipe.seed);
    std::vector<std::string> all;
    for (std::size_t r = 0; r < trial_.exact.size(); ++r) {
      plan_.run(workspace, random_.template bindings<T>(static_cast<int>(r)), {.rows = trial_.recipe.rows, .shards = shards});
      collect(workspace, all);
    }
    return all;
  }

  // Where runs of a batch that is cut into shards are too far from the interpreter, or have other bits with 3 threads.
  std::optional<std::string> run_in_shards(const Shards& shards) {
    Workspace<T> workspace(plan_, values(), threads_of(1), trial_.recipe.seed);
    std::vector<std::string> all;
    for (std::size_t r = 0; r < trial_.exact.size(); ++r) {
      plan_.run(workspace, random_.template bindings<T>(static_cast<int>(r)), {.rows = trial_.recipe.rows, .shards = &shards});
      collect(workspace, all);
      if (auto found = unequal(workspace, trial_.exact[r])) return fmt::format("run {}: {}", r, *found);
    }
    if (results(3, &shards) != all) return "bits differ with 3 threads";
    return std::nullopt;
  }

  std::optional<std::string> run() {
    std::vector<std::string> first;
    for (int threads : {1, 2, 3, 8}) {
      Workspace<T> workspace(plan_, values(), threads_of(threads), trial_.recipe.seed);
      std::vector<std::string> all;
      for (std::size_t r = 0; r < trial_.exact.size(); ++r) {
        plan_.run(workspace, random_.template bindings<T>(static_cast<int>(r)), {.rows = trial_.recipe.rows});
        collect(workspace, all);
        if (threads > 1) continue;
        if (auto found = unequal(workspace, trial_.exact[r])) return fmt::format("run {}: {}", r, *found);
      }
      if (threads == 1)
        first = std::move(all);
      else if (all != first)
        return fmt::format("{}: bits differ with {} threads", element_name(element_of<T>()), threads);
    }
    return std::nullopt;
  }

 private:
  const ParameterValues<T>* values() const {
    if constexpr (sizeof(T) == 4)
      return &random_.values32;
    else
      return &random_.values;
  }

  void collect(const Workspace<T>& workspace, std::vector<std::string>& all) const {
    for (const Var& v : random_.outputs) all.push_back(v.type() == Type::id ? bits(workspace.ids(v)) : bits(workspace.value(v)));
    for (const InputSlot& state : plan_.carried()) all.push_back(bits(workspace.carried(state.name)));
  }

  std::optional<std::string> unequal(const Workspace<T>& workspace, const Interpreter<double>& exact) {
    for (const Var& v : random_.outputs) {
      if (v.type() == Type::id) {
        const auto a = exact.ids(v), b = workspace.ids(v);
        if (!std::ranges::equal(a, b)) return random_.tape.describe(v.id()) + ": ids differ";
        continue;
      }
      if (auto found = too_far(random_.tape.describe(v.id()), exact.value(v), workspace.value(v))) return found;
    }
    for (const auto& [state, next] : random_.tape.carries()) {
      const std::string& name = random_.tape.node(state).op->leaf()->name;
      if (!plan_.carries(name)) continue;
      if (auto found = too_far("carried " + name, exact.value(next), workspace.carried(name))) return found;
    }
    return std::nullopt;
  }

  std::optional<std::string> too_far(const std::string& what, TensorView<const double> a, TensorView<const T> b) {
    if (a.shape() != b.shape()) return fmt::format("{}: {} instead of {}", what, b.shape().text(), a.shape().text());
    const double most = trial_.tolerance(T());
    for (Index i = 0; i < a.size(); ++i) {
      const double error = std::abs(a[i] - static_cast<double>(b[i]));
      margin_ = std::max(margin_, error / most);
      if (!(error <= most))
        return fmt::format("{} {}, element {}: interpreter {:.17g}, plan {:.17g}, allowed {:.3g}", element_name(element_of<T>()),
                           what, i, a[i], static_cast<double>(b[i]), most);
    }
    return std::nullopt;
  }

  const Trial& trial_;
  const RandomTape& random_;
  Plan<T> plan_;
  double margin_ = 0;
};

template <class T>
std::optional<std::string> difference_of(const Trial& trial, const CompileOptions& options, double& margin) {
  try {
    Comparison<T> comparison(trial, options);
    auto found = comparison.run();
    margin = std::max(margin, comparison.margin());
    return found;
  } catch (const std::exception& e) {
    return fmt::format("{}: threw {}", element_name(element_of<T>()), e.what());
  }
}

}  // namespace

Trial::Trial(Recipe r)
    : recipe(std::move(r)),
      random(build(recipe)),
      exact(interpret_runs<double>(recipe, *random)),
      rounded(interpret_runs<float>(recipe, *random)) {
  Examination(*this).run();
}

// A chain of n multiply-adds rounds n times, in the plan and in the interpreter. The 64 are for what an error meets besides:
// elementwise functions, and steps and layers whose local derivatives exceed 1.
double Trial::tolerance(float) const { return kUnitRoundoff * static_cast<double>(64 + 2 * chain) * largest; }

std::optional<std::string> difference(const Trial& trial, const CompileOptions& options, Margins* margins) {
  if (trial.random->outputs.empty()) return std::nullopt;
  Margins unused;
  Margins& m = margins ? *margins : unused;
  auto found = difference_of<double>(trial, options, m.f64);
  return found ? found : difference_of<float>(trial, options, m.f32);
}

std::optional<std::string> difference_in_bf16(const Trial& trial) {
  if (trial.random->outputs.empty()) return std::nullopt;
  try {
    const auto results = [&](Precision products, int threads) {
      return Comparison<float>(trial, {.products = products}).results(threads);
    };
    const auto pairs = results(Precision::bf16_portable, 1), tiles = results(Precision::bf16_emulated_tiles, 1);
    const bool by_tiles = kernels::bf16_path(Precision::bf16) == kernels::Bf16Path::tiles;
    for (int threads : {1, 3})
      if (results(Precision::bf16, threads) != (by_tiles ? tiles : pairs))
        return fmt::format("bf16: instructions have other bits than their emulation, {} threads", threads);
    if (results(Precision::bf16_emulated_tiles, 3) != tiles) return "bf16: tiles have other bits with 3 threads";
    return std::nullopt;
  } catch (const std::exception& e) {
    return fmt::format("bf16: threw {}", e.what());
  }
}

std::optional<std::string> difference_with_recompute(const Trial& trial) {
  if (trial.random->outputs.empty()) return std::nullopt;
  try {
    const auto expected = Comparison<float>(trial, {}).results(1);
    for (const Recompute& recompute : {Recompute(1), Recompute(2), Recompute(true)}) {
      const Comparison<float> again(trial, {.verify = true, .recompute = recompute});
      for (int threads : {1, 3})
        if (again.results(threads) != expected)
          return fmt::format("recompute every {}: other bits, {} threads", recompute.every(), threads);
    }
    return std::nullopt;
  } catch (const std::exception& e) {
    return fmt::format("recompute: threw {}", e.what());
  }
}

std::optional<std::string> difference_in_shards(const Trial& trial) {
  if (trial.random->outputs.empty()) return std::nullopt;
  try {
    for (Index count : {2, 8}) {
      const Shards shards{.rows = {count, 0, count}, .first_sliced = 1};
      for (const bool recompute : {false, true})
        if (const auto found = Comparison<double>(trial, {.recompute = recompute}).run_in_shards(shards))
          return fmt::format("{} shards{}: {}", count, recompute ? ", recompute" : "", *found);
    }
    return std::nullopt;
  } catch (const std::exception& e) {
    return fmt::format("shards: threw {}", e.what());
  }
}

CompileOptions fewest_passes() {
  // lower twice: products have no kernel before matmul has become products and these packed products.
  return {.passes = std::vector<Pass>{{"lower", passes::lower}, {"lower", passes::lower}, {"dead_code", passes::dead_code}}};
}

}  // namespace reel::test
