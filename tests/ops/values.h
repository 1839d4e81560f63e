// What the tests of ops share: values compared element by element in the interpreter and both plans, and a sweep of shapes.
#pragma once

#include <limits>

#include <reel/ops/arithmetic.h>
#include <reel/ops/elementary.h>
#include <reel/ops/operand.h>
#include <reel/ops/reduction.h>

#include "support.h"

namespace reel::test {

inline constexpr double kInfinity = std::numeric_limits<double>::infinity();
inline constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

// NaN equals NaN, infinities equal themselves, zero only equals zero.
inline bool equal_relative(double a, double b, double tolerance) {
  if (std::isnan(a) || std::isnan(b)) return std::isnan(a) && std::isnan(b);
  if (std::isinf(a) || std::isinf(b)) return a == b;
  return std::abs(a - b) <= tolerance * std::abs(b);
}

template <class T>
std::vector<double> widened(TensorView<const T> x) {
  return {x.begin(), x.end()};
}
template <class T>
std::vector<double> interpreted(Var y, const Data& data) {
  return widened<T>(interpret<T>(y.tape(), data.bindings<T>()).value(y));
}
// With as many rows as the tape's inputs have, also where y itself depends on none of them.
template <class T>
std::vector<double> planned(Var y, const Data& data) {
  const Plan<T> plan = compile<T>(y.tape(), {y}, {.verify = true});
  Workspace<T> workspace(plan);
  const auto bindings = data.bindings<T>();
  plan.run(workspace, bindings, {.rows = Interpreter<T>(y.tape(), bindings).rows()});
  return widened<T>(workspace.value(y));
}

inline void check_equal(const char* where, const std::vector<double>& given, const std::vector<double>& expected,
                        double tolerance) {
  INFO(where);
  REQUIRE(given.size() == expected.size());
  for (std::size_t i = 0; i < given.size(); ++i)
    CHECK_MESSAGE(equal_relative(given[i], expected[i], tolerance), "element ", i, " is ", given[i], ", not ", expected[i]);
}

// The tolerances are relative to each element, so what should be 0 must be exactly 0.
struct Expected {
  std::vector<double> f64, f32;
  double tolerance64 = 1e-13, tolerance32 = 2e-6;
  Expected(std::vector<double> both) : f64(both), f32(std::move(both)) {}  // NOLINT: implicit
  Expected(std::vector<double> f64, std::vector<double> f32) : f64(std::move(f64)), f32(std::move(f32)) {}
};

// y in the interpreter and in plans, in double and float.
inline void check_values(Var y, const Data& data, const Expected& expected) {
  check_equal("interpreter, double", interpreted<double>(y, data), expected.f64, expected.tolerance64);
  check_equal("plan, double", planned<double>(y, data), expected.f64, expected.tolerance64);
  check_equal("interpreter, float", interpreted<float>(y, data), expected.f32, expected.tolerance32);
  check_equal("plan, float", planned<float>(y, data), expected.f32, expected.tolerance32);
}

// An op's own function, which shares its name with one of <cmath>; the templates below take anything else.
using Unary = Var (*)(Operand);

// An elementwise op at single points, repeated so that each meets whole vectors and tails.
template <class F>
void check_points(F f, const std::vector<double>& x, const Expected& expected) {
  constexpr Index kCopies = 7;
  const auto repeated = [&](const std::vector<double>& v) {
    std::vector<double> all;
    for (Index i = 0; i < kCopies; ++i) all.insert(all.end(), v.begin(), v.end());
    return all;
  };
  Tape tape;
  const Shape shape{static_cast<Index>(x.size()) * kCopies};
  const Var in = tape.input("x", shape);
  check_values(f(in), Data().add("x", Tensor<double>(shape, repeated(x))), {repeated(expected.f64), repeated(expected.f32)});
}

inline void check_points(Unary f, const std::vector<double>& x, const Expected& expected) {
  check_points([f](Var in) { return f(in); }, x, expected);
}

// d sum(f(x)) / dx at single points.
inline void check_slopes(Unary f, const std::vector<double>& x, const Expected& expected) {
  check_points([f](Var in) { return gradient(sum(f(in)), in); }, x, expected);
}

// Interpreter and plans refuse the data with an InputError whose message contains every part.
inline void check_refused(Var y, const Data& data, std::initializer_list<const char*> parts) {
  check_throws<InputError>([&] { interpreted<double>(y, data); }, parts);
  check_throws<InputError>([&] { planned<double>(y, data); }, parts);
  check_throws<InputError>([&] { planned<float>(y, data); }, parts);
}

// Plan against interpreter on a result and its gradients: for shapes that are empty or too large for numeric derivatives.
inline void check_op_by_plan(Var y, const std::vector<Var>& wrt, const Data& data) {
  std::vector<Var> outputs = gradients(sum(square(y)), wrt);
  outputs.push_back(y);
  check_plan(y.tape(), outputs, data);
}

struct ShapeCase {
  Shape shape;
  Index rows;
  bool numeric;  // small and not empty: derivatives are checked too
};

inline const std::vector<ShapeCase>& shape_cases() {
  static const std::vector<ShapeCase> cases{{{}, 1, true},     {{1}, 1, true},     {{7}, 1, true},        {{2, 3}, 1, true},
                                            {{B}, 5, true},    {{B, 1}, 1, true},  {{B, 7}, 3, true},     {{B, 2, 3}, 3, true},
                                            {{B, 1}, 4, true}, {{B, 7}, 0, false}, {{B, 2, 3}, 0, false}, {{B, 0}, 3, false},
                                            {{0}, 1, false},   {{2, 0}, 1, false}, {{B}, 0, false},       {{B, 257}, 130, false}};
  return cases;
}

// f at every shape of at least this rank, on numbers of [low, high).
struct UnarySweep {
  double low = -2, high = 2;
  int least_rank = 0;
  bool batched_only = false;
  bool skip_empty_rows = false;  // shapes of which a row has no element
};

template <class F>
void check_unary(F f, const UnarySweep& sweep = {}) {
  for (const auto& [shape, rows, numeric] : shape_cases()) {
    if (shape.rank() < sweep.least_rank || (sweep.batched_only && !shape.batched())) continue;
    if (sweep.skip_empty_rows && shape.row_size() == 0) continue;
    INFO("x ", shape.text(), " with ", rows, " rows");
    Tape tape;
    const Var x = tape.input("x", shape);
    const Data data = Data().add("x", uniform_tensor(shape.bind(rows), 5, sweep.low, sweep.high));
    if (numeric)
      check_op(f(x), {{x}}, data);
    else
      check_op_by_plan(f(x), {x}, data);
  }
}

inline void check_unary(Unary f, const UnarySweep& sweep = {}) {
  check_unary([f](Var x) { return f(x); }, sweep);
}

}  // namespace reel::test
