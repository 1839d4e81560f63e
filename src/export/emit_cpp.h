// emit_cpp(): one step of a trained model as one header of portable C++17 that needs neither reel nor any other library.
//
//   Tape tape;
//   const auto step = unroll(cell, tape.input("x", 1, {B, 1}), carried_state(tape, cell, "state"));
//   write_file("amplifier.h", emit_cpp({{"y", head(step.outputs.back())}}, values, {.name = "amplifier"}));
//
// and in a program that includes it:
//
//   amplifier::Model model;                 // state and all; copies branch
//   model.step(x, y);                       // const float* x, float* y
//   model.step(x, y, 480);                  // as many frames, one after the other
//
// The file holds the weights, the sizes as constants, and amplifier::self_test(). It allocates nothing, throws nothing, and
// compiles with -fno-exceptions -fno-rtti. Its loops become vectors with -O3 and the flags of the machine that it is for; it must
// not be compiled with -ffast-math. Results are those of a float plan but for the order of sums.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>

#include <reel/graph/parameter.h>
#include <reel/plan/builder.h>

namespace reel {

struct CppOptions {
  std::string name = "model";  // of the namespace: a C++ identifier
  std::string description{};   // for the comment at its head, lines of text
  Index test_steps = 32;       // of the self-test, with inputs from a uniform distribution over [-1, 1), and ids that are allowed
  std::uint64_t seed = 1;      // of those inputs
};

// The text of the header, for outputs that a tape computes in one run. InputError as StreamModel throws it; for an op that has no
// form in C++, by its name and place; for a name that is no identifier.
std::string emit_cpp(std::span<const Result> outputs, const ParameterValues<float>& values, const CppOptions& options = {});
inline std::string emit_cpp(std::initializer_list<Result> outputs, const ParameterValues<float>& values,
                            const CppOptions& options = {}) {
  return emit_cpp(std::span(outputs.begin(), outputs.size()), values, options);
}

}  // namespace reel
