// ONNX files, run by onnxruntime-web where it is (scripts/install_onnxruntime.sh).
#pragma once

#include <cstdlib>
#include <cstring>
#include <filesystem>

#include <fmt/format.h>

#include <reel/data/files.h>

#include "directory.h"
#include "support.h"

namespace reel::test {

// "node FOLDER", or empty, with a word, where there is none; an error where REEL_REQUIRE_ONNXRUNTIME is set.
inline std::string onnxruntime() {
  const std::string modules = REEL_ONNXRUNTIME;
  if (std::filesystem::exists(modules + "/onnxruntime-web") && std::system("node --version > /dev/null 2>&1") == 0)
    return modules;
  CHECK_MESSAGE(std::getenv("REEL_REQUIRE_ONNXRUNTIME") == nullptr, "there is no onnxruntime-web in ", modules);
  MESSAGE("skipped: no onnxruntime-web, see scripts/install_onnxruntime.sh");
  return {};
}

class OnnxRuns {
 public:
  struct Array {
    std::string name;
    Shape shape;
  };

  // A model, the shapes of its states, and what its outputs are called.
  void begin(const std::string& name, const std::string& bytes, Index steps, std::vector<Array> states,
             std::vector<std::string> outputs) {
    write_file(directory_ / (name + ".onnx"), bytes);
    end();
    list_ += fmt::format("{}\n{{\"file\":\"{}\",\"steps\":{},\"states\":[", list_.empty() ? "[" : ",",
                         directory_ / (name + ".onnx"), steps);
    for (std::size_t i = 0; i < states.size(); ++i)
      list_ += fmt::format("{}{{\"name\":\"{}\",\"dims\":{}}}", i > 0 ? "," : "", states[i].name, states[i].shape.text());
    list_ += "],\"outputs\":[";
    for (std::size_t i = 0; i < outputs.size(); ++i)
      list_ += fmt::format("{}{{\"name\":\"{}\",\"file\":\"{}\"}}", i > 0 ? "," : "", outputs[i], output_file(name, outputs[i]));
    list_ += "],\"inputs\":[";
    name_ = name;
    inputs_ = 0;
  }
  // The numbers of an input for all steps; ids as int32.
  template <class T>
  void give(const Array& input, const std::vector<T>& numbers) {
    const std::string file = directory_ / fmt::format("{}.{}", name_, inputs_);
    write_file(file, {reinterpret_cast<const char*>(numbers.data()), numbers.size() * sizeof(T)});
    list_ += fmt::format("{}{{\"name\":\"{}\",\"type\":\"{}\",\"dims\":{},\"file\":\"{}\"}}", inputs_++ > 0 ? "," : "",
                         input.name, std::is_same_v<T, float> ? "float32" : "int64", input.shape.text(), file);
  }
  // What was said on errors; "" where all is well.
  std::string run(const std::string& modules) {
    end();
    write_file(directory_ / "list.json", list_ + "]");
    const std::string said = directory_ / "said";
    std::system(fmt::format("node '{}' '{}' '{}' > '{}' 2>&1", REEL_RUN_ONNX, modules, directory_ / "list.json", said).c_str());
    return read_file(said);
  }
  std::vector<float> result(const std::string& name, const std::string& output) const {
    const std::string bytes = read_file(output_file(name, output));
    std::vector<float> y(bytes.size() / sizeof(float));
    std::memcpy(y.data(), bytes.data(), y.size() * sizeof(float));
    return y;
  }

 private:
  std::string output_file(const std::string& name, const std::string& output) const {
    return directory_ / fmt::format("{}.{}.y", name, output);
  }
  void end() {
    if (!list_.empty()) list_ += "]}";
  }

  Directory directory_;
  std::string list_, name_;
  int inputs_ = 0;
};

}  // namespace reel::test
