// One step of a plan as statements in C++. Internal to src/export.
#pragma once

#include <map>
#include <string>
#include <vector>

#include <reel/graph/parameter.h>
#include <reel/plan/kernel_plan.h>

namespace reel {

struct CppStep {
  struct Array {
    std::string name;  // an identifier that no other has
    Type type = Type::real;
    Shape shape;
    Index size = 0;
    Index ids_below = 0;  // of an input of ids: what they must be less than; 0: anything
  };
  std::vector<Array> inputs, states, outputs;
  std::string functions, constants, statements;
};

// REQUIRES: plan is one for streams (check_stream), of float, with products that are not packed.
// InputError for an op that has no form in C++, with its place.
CppStep cpp_step(const PlanData& plan, std::span<const std::string> output_names, const ParameterValues<float>& values);

// Identifiers: `wanted` with what no identifier holds replaced, and numbered where it was given before or means something in C++.
class CppNames {
 public:
  CppNames();
  std::string give(std::string_view wanted);

 private:
  std::map<std::string, int> given_;
};

bool is_cpp_identifier(std::string_view name);

}  // namespace reel
