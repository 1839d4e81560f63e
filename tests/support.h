// What the tests share: random data, and the comparisons that every op, cell and model must pass. A test includes the ops and
// models that it uses itself, so that a change of one is not a change of all.
#pragma once

#include <cmath>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <reel/graph/check_gradients.h>
#include <reel/graph/gradients.h>
#include <reel/graph/interpreter.h>
#include <reel/graph/random.h>
#include <reel/models/parameter_set.h>
#include <reel/ops/arithmetic.h>
#include <reel/plan/compile.h>
#include <reel/plan/workspace.h>

namespace reel {
class ParameterSet;
}

namespace reel::test {

// Normal numbers from a fixed stream, or numbers of [low, high).
Tensor<double> random_tensor(Shape shape, std::uint64_t seed, double scale = 1);
Tensor<double> uniform_tensor(Shape shape, std::uint64_t seed, double low, double high);
Tensor<std::int32_t> random_ids(Shape shape, std::uint64_t seed, Index V);

template <class To, class From>
Tensor<To> cast(const Tensor<From>& from) {
  Tensor<To> to(from.shape());
  for (Index i = 0; i < to.size(); ++i) to[i] = static_cast<To>(from[i]);
  return to;
}

// Data for the inputs of a tape by name, in double, with float copies for float plans.
class Data {
 public:
  Data& add(const std::string& name, Tensor<double> values);
  Data& add(const std::string& name, Tensor<std::int32_t> ids);
  template <class T>
  std::vector<Binding> bindings() const;

 private:
  struct Entry {
    std::string name;
    Tensor<double> real;
    Tensor<float> real32;
    Tensor<std::int32_t> ids;
    bool is_ids;
  };
  std::vector<Entry> entries_;
};

// The double plan equals the interpreter to 1e-12 max(1, largest |value| on the tape), the float plan to `float_tolerance`
// times the same; both give the same bits with 1, 2, 3 and 8 threads. NaN equals NaN, an infinity equals itself. Passes are
// verified.
void check_plan(const Tape& tape, std::span<const Var> outputs, const Data& data,
                const ParameterValues<double>* parameters = nullptr, const ParameterSet* set = nullptr,
                double float_tolerance = 1e-5);

// Gradients of `loss` with respect to `wrt` agree with the complex step to 1e-10 (else five-point differences to 1e-8).
void check_gradient(Var loss, std::span<const Var> wrt, const Data& data, const ParameterValues<double>* parameters = nullptr);

// For an op's result y: sum(y * weights) with uneven weights, checked as above once and, with `twice`, for the gradient of
// the summed squares of its first gradient; then plan against interpreter on value and gradients.
void check_op(Var y, std::span<const Var> wrt, const Data& data, bool twice = true);

// f throws E and the message contains every part.
template <class E, class F>
void check_throws(F f, std::initializer_list<const char*> parts) {
  std::string message = "(nothing thrown)";
  try {
    f();
  } catch (const E& e) {
    message = e.what();
  }
  INFO("message: ", message);
  for (const char* part : parts) CHECK_MESSAGE(message.find(part) != std::string::npos, "should name: ", std::string(part));
}

// |a - b| <= tolerance for every element, in order.
template <class View>
void check_close(const View& a, const std::vector<double>& expected, double tolerance = 1e-9) {
  REQUIRE(static_cast<std::size_t>(a.size()) == expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    INFO("element ", i);
    CHECK(std::abs(static_cast<double>(a[static_cast<Index>(i)]) - expected[i]) <= tolerance);
  }
}

}  // namespace reel::test
