// One random tape, interpreted, and what is wrong with it: as a test case (Offence) or with its plans (difference()).
//
// A tape is a fair test case when its values are at most 1e3, local derivatives too, arguments of functions with kinks are
// 1e-6 from them, and float rounding moves no value much: so it is well conditioned. Most local derivatives are other values of
// the tape (a factor, a weight, exp's own result, a share of softmax) and bounded with them; those of log, sqrt and divide
// are looked at. Where float rounding is larger than 1e-6, arguments keep the distance that the float plan needs.
#pragma once

#include <optional>

#include <reel/graph/interpreter.h>

#include "recipe.h"

namespace reel::test {

// A reason not to use a tape, and the instruction to blame, or -1.
struct Offence {
  int instruction = -1;
  std::string reason;
};

struct Trial {
  Recipe recipe;
  std::unique_ptr<RandomTape> random;
  std::vector<Interpreter<double>> exact;  // one per run; each begins with the state that the last one left
  std::vector<Interpreter<float>> rounded;
  double largest = 1;  // max(1, largest |value| on the tape, in any run)
  Index chain = 1;     // terms of the longest sum that a plan may make of it
  std::vector<Offence> offences;

  explicit Trial(Recipe r);
  bool fair() const { return offences.empty(); }
  double tolerance(double) const { return 1e-12 * largest; }  // DESIGN.md, decision 5
  double tolerance(float) const;
};

// The largest |plan - interpreter| of double and float plans, as a share of what is allowed.
struct Margins {
  double f64 = 0, f32 = 0;
};

// Where the plans of both types differ from the interpreter, or in bits between 1, 2, 3 and 8 threads; nullopt when they do
// not. REQUIRES: fair().
std::optional<std::string> difference(const Trial& trial, const CompileOptions& options = {}, Margins* margins = nullptr);

// Where float plans with bf16 products differ in bits between the processor's instructions and multiply-adds, or between 1 and 3
// threads; nullopt when they do not.
std::optional<std::string> difference_in_bf16(const Trial& trial);
// Where float plans that compute the forward part again differ in bits from those that do not, taking the first output for the
// loss.
std::optional<std::string> difference_with_recompute(const Trial& trial);

// Where double plans of a batch in 2 and 8 shards differ from the interpreter, or in bits between 1 and 3 threads.
std::optional<std::string> difference_in_shards(const Trial& trial);

// As little as makes a plan: no node is merged with, or moved before, another.
CompileOptions fewest_passes();

}  // namespace reel::test
