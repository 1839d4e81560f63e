// The layers that are measured: "lstm_i1_h16" has one input, 16 units, and a dense output of one number.
#pragma once

#include <string>
#include <vector>

#include <fmt/format.h>

#include <reel/reel.h>

namespace stream_bench {

using namespace reel;

inline std::vector<std::string> stream_cases() {
  std::vector<std::string> names;
  for (int H : {8, 16, 32, 64, 128, 256})
    for (const char* kind : {"lstm", "gru"}) names.push_back(fmt::format("{}_i1_h{}", kind, H));
  return names;
}

struct StreamCase {
  std::string name;
  ParameterSet set;
  Tape tape;
  Var y;
  ParameterValues<float> values;

  explicit StreamCase(const std::string& name) : name(name) {
    const Index H = std::stol(name.substr(name.rfind('h') + 1));
    const AnyCell cell = make_cell(name.substr(0, name.find('_')), set, "cell", 1, H);
    const auto step = unroll(cell, tape.input("x", 1, {B, 1}), carried_state(tape, cell, "state"));
    y = Linear(set, "head", H, 1)(step.outputs.back());
    values = set.initial<float>(1);
  }
};

}  // namespace stream_bench
