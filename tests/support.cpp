#include <reel/graph/structural.h>
#include <reel/models/parameter_set.h>
#include <reel/ops/arithmetic.h>
#include <reel/ops/elementary.h>
#include <reel/ops/reduction.h>

#include "support.h"

#include <cstring>

namespace reel::test {

Tensor<double> random_tensor(Shape shape, std::uint64_t seed, double scale) {
  Tensor<double> t(shape);
  RandomStream random(seed);
  for (double& x : t) x = scale * random.normal();
  return t;
}

Tensor<double> uniform_tensor(Shape shape, std::uint64_t seed, double low, double high) {
  Tensor<double> t(shape);
  RandomStream random(seed);
  for (double& x : t) x = random.uniform(low, high);
  return t;
}

Tensor<std::int32_t> random_ids(Shape shape, std::uint64_t seed, Index V) {
  Tensor<std::int32_t> t(shape);
  RandomStream random(seed);
  for (std::int32_t& x : t) x = static_cast<std::int32_t>(random.below(V));
  return t;
}

Data& Data::add(const std::string& name, Tensor<double> values) {
  Tensor<float> rounded = cast<float>(values);
  entries_.push_back({name, std::move(values), std::move(rounded), {}, false});
  return *this;
}

Data& Data::add(const std::string& name, Tensor<std::int32_t> ids) {
  entries_.push_back({name, {}, {}, std::move(ids), true});
  return *this;
}

template <class T>
std::vector<Binding> Data::bindings() const {
  std::vector<Binding> all;
  for (const Entry& e : entries_) {
    if (e.is_ids)
      all.push_back({e.name, e.ids});
    else if constexpr (sizeof(T) == 4)
      all.push_back({e.name, e.real32});
    else
      all.push_back({e.name, e.real});
  }
  return all;
}
template std::vector<Binding> Data::bindings<float>() const;
template std::vector<Binding> Data::bindings<double>() const;

namespace {

double largest_value(const Tape& tape, const Interpreter<double>& run) {
  double largest = 1;
  for (NodeId id = 0; id < tape.size(); ++id)
    for (double x : run.value(id))
      if (std::isfinite(x)) largest = std::max(largest, std::abs(x));
  return largest;
}

bool equal_within(double a, double b, double tolerance) {
  if (std::isnan(a) || std::isnan(b)) return std::isnan(a) && std::isnan(b);
  if (std::isinf(a) || std::isinf(b)) return a == b;
  return std::abs(a - b) <= tolerance;
}

// Every output as bytes, for comparing bits.
template <class T>
std::vector<std::string> output_bits(const Workspace<T>& workspace, std::span<const Var> outputs) {
  std::vector<std::string> bits;
  for (const Var& v : outputs) {
    if (v.type() == Type::id) {
      const auto x = workspace.ids(v);
      bits.emplace_back(reinterpret_cast<const char*>(x.data()), static_cast<std::size_t>(x.size()) * 4);
    } else {
      const auto x = workspace.value(v);
      bits.emplace_back(reinterpret_cast<const char*>(x.data()), static_cast<std::size_t>(x.size()) * sizeof(T));
    }
  }
  return bits;
}

template <class T>
void check_plan_of(const Tape& tape, std::span<const Var> outputs, const Data& data, const ParameterValues<T>* parameters,
                   const Interpreter<double>& oracle, double tolerance) {
  const Plan<T> plan = compile<T>(tape, outputs, {.verify = true});
  const auto bindings = data.bindings<T>();
  std::vector<std::string> first;
  for (int threads : {1, 2, 3, 8}) {
    Workspace<T> workspace(plan, parameters, ThreadPool(threads));
    plan.run(workspace, bindings);
    const auto bits = output_bits(workspace, outputs);
    if (threads > 1) {
      CHECK_MESSAGE(bits == first, "bits differ with ", threads, " threads");
      continue;
    }
    first = bits;
    for (const Var& v : outputs) {
      if (v.type() == Type::id) {
        const auto a = oracle.ids(v), b = workspace.ids(v);
        CHECK(std::equal(a.begin(), a.end(), b.begin(), b.end()));
        continue;
      }
      const auto a = oracle.value(v);
      const auto b = workspace.value(v);
      REQUIRE(a.shape() == b.shape());
      for (Index i = 0; i < a.size(); ++i) {
        INFO(tape.describe(v.id()), " element ", i, ": interpreter ", a[i], ", plan ", b[i]);
        if (!equal_within(a[i], static_cast<double>(b[i]), tolerance)) {
          CHECK(false);
          return;
        }
      }
    }
  }
}

}  // namespace

void check_plan(const Tape& tape, std::span<const Var> outputs, const Data& data, const ParameterValues<double>* parameters,
                const ParameterSet* set, double float_tolerance) {
  const auto oracle = interpret<double>(tape, data.bindings<double>(), parameters);
  const double largest = largest_value(tape, oracle);
  check_plan_of<double>(tape, outputs, data, parameters, oracle, 1e-12 * largest);
  if (parameters && !set) return;
  ParameterValues<float> rounded;
  if (set) rounded = converted<float>(*set, *parameters);
  check_plan_of<float>(tape, outputs, data, set ? &rounded : nullptr, oracle, float_tolerance * largest);
}

void check_gradient(Var loss, std::span<const Var> wrt, const Data& data, const ParameterValues<double>* parameters) {
  const GradientReport report = check_gradients(loss, wrt, data.bindings<double>(), parameters);
  INFO(report.text());
  CHECK(report.ok());
  CHECK(report.checked > 0);
}

void check_op(Var y, std::span<const Var> wrt, const Data& data, bool twice) {
  Tape& tape = y.tape();
  Tensor<double> uneven(y.shape().row());
  for (Index i = 0; i < uneven.size(); ++i)
    uneven[i] = 0.75 + 0.31 * static_cast<double>(i % 5) - 0.11 * static_cast<double>(i % 3);
  const Var loss = sum(y * tape.constant(uneven));
  check_gradient(loss, wrt, data);
  const std::vector<Var> first = gradients(loss, wrt);
  std::vector<Var> outputs{y, loss};
  outputs.insert(outputs.end(), first.begin(), first.end());
  if (twice) {
    std::vector<Var> squares;
    for (const Var& g : first) squares.push_back(sum(square(g)));
    const Var second = accumulate(squares);
    check_gradient(second, wrt, data);
    for (const Var& g : gradients(second, wrt)) outputs.push_back(g);
  }
  check_plan(tape, outputs, data);
}

}  // namespace reel::test
