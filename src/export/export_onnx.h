// export_onnx(): what a tape computes as a model of standard ONNX operators (opset 17, IR version 8), with the parameters inside.
//
//   Tape tape;
//   const auto step = unroll(cell, tape.input("x", 1, {B, 1}), carried_state(tape, cell, "state"));
//   write_file("model.onnx", export_onnx({{"y", head(step.outputs.back())}}, values));
//
// Inputs have the names that they have on the tape; a Sequence is one input [T, B, ...]. B is the dimension "B" of any size, and
// ids are int64. A carried state is an input of its name, and its next value an output "<name>_next": who runs the model gives
// the one back as the other, zeros at first. Recurrent layers are unrolled over the steps that were recorded.
#pragma once

#include <initializer_list>
#include <span>
#include <string>

#include <reel/graph/parameter.h>
#include <reel/plan/builder.h>

namespace reel {

struct OnnxOptions {
  std::string name = "model";  // of the graph
  std::string description{};   // its doc string
};

// The bytes of the file. InputError for what compile() refuses; for an op that has no form in ONNX, by its name and place, such
// as one that draws random numbers (record the model for inference) or takes packed sequences; for two values of one name; for
// values of other parameters; and for a model over 2 GiB, the limit of the format.
std::string export_onnx(std::span<const Result> outputs, const ParameterValues<float>& values, const OnnxOptions& options = {});
inline std::string export_onnx(std::initializer_list<Result> outputs, const ParameterValues<float>& values,
                               const OnnxOptions& options = {}) {
  return export_onnx(std::span(outputs.begin(), outputs.size()), values, options);
}

}  // namespace reel
