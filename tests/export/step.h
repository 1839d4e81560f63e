// Recorded steps of models, and what the library gives for them.
#pragma once

#include <cmath>
#include <memory>

#include <reel/plan/stream/stream.h>

#include "models/cells/cell_table.h"
#include "support.h"

namespace reel::test {

inline constexpr Index I = 3, H = 10;

// A step with x [B, I] and an output.
struct Step {
  ParameterSet set;
  Tape tape;
  Var y;
  ParameterValues<float> values;

  template <class Record>
  explicit Step(Record record) : set(), tape(), y(record(set, tape)), values(set.initial<float>(7)) {}

  // What the library gives for these inputs, one row each.
  template <class T = float>
  std::vector<T> expected(const std::vector<float>& x) const {
    ParameterValues<T> own = set.initial<T>(7);
    for (Index p = 0; p < own.size(); ++p) std::copy_n(values.at(p).data(), values.at(p).size(), own.edit(p).data());
    const StreamModel<T> model({{"y", y}}, &own);
    Stream<T> stream(model);
    const std::vector<T> given(x.begin(), x.end());
    const auto in = static_cast<std::size_t>(model.inputs()[0].bound(1).row_size()),
               out = static_cast<std::size_t>(y.shape().row_size());
    std::vector<T> all(x.size() / in * out);
    for (std::size_t t = 0; t < x.size() / in; ++t)
      REQUIRE(stream.step(std::span(given).subspan(t * in, in), std::span(all).subspan(t * out, out)));
    return all;
  }
};

inline std::unique_ptr<Step> cell_step(const TestedCell& kind, Index hidden, Index outputs) {
  auto made = std::make_unique<Step>([&](ParameterSet& set, Tape& tape) {
    const AnyCell cell = kind.make(set, I, hidden);
    const auto step = unroll(cell, tape.input("x", 1, {B, I}), carried_state(tape, cell, "state"));
    return Linear(set, "head", step.outputs.back().shape().last(), outputs)(step.outputs.back());
  });
  // Weights for which it is not chaotic.
  for (Index p = 0; p < made->values.size(); ++p)
    for (float& w : made->values.edit(p)) w *= 0.4f;
  return made;
}

// The largest difference over the largest value; infinite where one is not a number and the other is.
template <class T>
double worst(const std::vector<T>& a, const std::vector<float>& b) {
  REQUIRE(a.size() == b.size());
  double largest = 0, off = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (std::isnan(a[i]) && std::isnan(b[i])) continue;
    if (a[i] == b[i]) continue;
    largest = std::max(largest, std::abs(static_cast<double>(a[i])));
    const double here = std::abs(static_cast<double>(a[i]) - b[i]);
    off = here <= 0 || here > 0 ? std::max(off, here) : INFINITY;
  }
  return off == 0 ? 0 : off / largest;
}

}  // namespace reel::test
