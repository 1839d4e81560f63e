// The step of a model that a program of these has saved, for what serves it: emitted files, ONNX.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <reel/reel.h>

namespace program {

struct Served {
  std::shared_ptr<const void> model;  // what the outputs refer to
  std::vector<reel::Result> outputs;  // of one step, for inference, with its state carried
  reel::ParameterValues<float> values;
  std::string about;  // lines: what it is, and what its inputs and outputs mean
};

// FileError for a file that is none, and for one of a program whose models do not go step by step.
Served served(const std::string& path);

}  // namespace program
