// Emitted files, compiled by themselves and run.
#pragma once

#include <cstdlib>
#include <cstring>

#include <reel/data/files.h>

#include "directory.h"
#include "support.h"

namespace reel::test {

// Emitted models with one input x and one output y, of real numbers, in one program.
class Compiled {
 public:
  // `name` is that of the model's namespace.
  void add(const std::string& name, const std::string& header) {
    write_file(directory_ / (name + ".h"), header);
    includes_ += "#include \"" + name + ".h\"\n";
    calls_ += "  ok &= run<" + name + "::Model>(\"" + name + "\", " + name + "::self_test());\n";
  }

  // Builds the program with these flags, in C++17, with warnings as errors.
  void compile(const std::string& flags, const std::string& compiler = REEL_TEST_COMPILER) {
    write_file(directory_ / "main.cpp", includes_ + kRun + calls_ + "  return ok ? 0 : 1;\n}\n");
    const std::string command = "cd '" + directory_.path() + "' && " + compiler +
                                " -std=c++17 -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror " + flags +
                                " main.cpp -o main > log 2>&1";
    if (std::system(command.c_str()) != 0) FAIL_CHECK(flags, "\n", read_file(directory_ / "log"));
  }

  // Runs every model over its inputs; false when a step or a self-test says no.
  bool run() { return std::system(("cd '" + directory_.path() + "' && " REEL_TEST_RUNNER " ./main > said 2>&1").c_str()) == 0; }
  std::string said() const { return read_file(directory_ / "said"); }

  void give(const std::string& name, const std::vector<float>& x) {
    write_file(directory_ / (name + ".x"), {reinterpret_cast<const char*>(x.data()), x.size() * sizeof(float)});
  }
  std::vector<float> result(const std::string& name) const {
    const std::string bytes = read_file(directory_ / (name + ".y"));
    std::vector<float> y(bytes.size() / sizeof(float));
    std::memcpy(y.data(), bytes.data(), y.size() * sizeof(float));
    return y;
  }

 private:
  static constexpr const char* kRun = R"(#include <cstdio>
// Half of the steps one by one, the other half at once.
template <class M>
bool run(const char* name, bool tested) {
  char path[200];
  std::snprintf(path, sizeof path, "%s.x", name);
  std::FILE* in = std::fopen(path, "rb");
  std::snprintf(path, sizeof path, "%s.y", name);
  std::FILE* out = std::fopen(path, "wb");
  if (!in || !out) return false;
  static M model;
  constexpr std::size_t kMost = 500;
  static float x[kMost * M::x_size];
  static float y[kMost * M::y_size];
  model.reset();
  bool ok = tested;
  for (int half = 0; half < 2; ++half) {
    const std::size_t n = std::fread(x, sizeof(float) * M::x_size, kMost, in);
    if (half == 0)
      for (std::size_t t = 0; t < n; ++t) ok &= model.step(x + t * M::x_size, y + t * M::y_size);
    else
      ok &= model.step(x, y, n);
    std::fwrite(y, sizeof(float) * M::y_size, n, out);
  }
  std::fclose(in);
  std::fclose(out);
  if (!ok) std::printf("%s: %s\n", name, tested ? "a step failed" : "the self-test failed");
  return ok;
}
int main() {
  bool ok = true;
)";
  Directory directory_;
  std::string includes_, calls_;
};

}  // namespace reel::test
