// What saving and loading a model costs beside writing and copying as many bytes.
//
// Usage: bench_files [megabytes, 1000] [folder, that of temporary files]
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include <fmt/format.h>

#include <reel/data/file_writer.h>
#include <reel/models/model_file.h>

using namespace reel;

namespace {

template <class F>
void report(const char* what, double megabytes, F f) {
  double best = 1e30;
  for (int round = 0; round < 3; ++round) {
    const auto start = std::chrono::steady_clock::now();
    f();
    best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  fmt::print("{:<28} {:8.0f} MB/s\n", what, megabytes / best);
}

}  // namespace

int main(int argc, char** argv) {
  const Index megabytes = argc > 1 ? std::atoi(argv[1]) : 1000;
  const std::filesystem::path folder = argc > 2 ? argv[2] : std::filesystem::temp_directory_path();
  const std::string path = folder / "bench_files.safetensors", plain = folder / "bench_files.plain";
  ParameterSet set;
  for (Index i = 0; i < 8; ++i) set.add(fmt::format("p{}", i), {megabytes, 1000000 / 4 / 8}, init::zeros());
  ParameterValues<float> values(set.all()), loaded(set.all());
  for (const Parameter& p : set.all()) {
    float next = .5f;
    for (float& v : values.edit(p)) v = next += 1e-3f;
    std::ranges::fill(loaded.edit(p), 0.f);  // its memory is there
  }
  const auto size = static_cast<double>(set.elements()) * 4e-6;
  report("plain file, written", size, [&] {
    FileWriter file(plain);
    for (const Parameter& p : set.all())
      file.write(std::as_bytes(std::span(values[p].data(), static_cast<std::size_t>(values[p].size()))));
    file.commit();
  });
  report("save_model", size, [&] { save_model(path, set, values); });
  report("memory, copied", size, [&] {
    for (const Parameter& p : set.all())
      std::memcpy(loaded.edit(p).data(), values[p].data(), static_cast<std::size_t>(values[p].size()) * sizeof(float));
  });
  report("load_model", size, [&] { load_model(path, set, loaded); });
  std::filesystem::remove(path);
  std::filesystem::remove(plain);
}
