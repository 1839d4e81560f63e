// Writes every case as a header into the folder given, and emitted_cases.h, which includes and lists them.
#include <reel/export/emit_cpp.h>

#include "cases.h"

int main(int, char** argv) {
  using namespace stream_bench;
  const std::string folder = argv[1];
  std::string includes, list = "#define EMITTED_CASES(CASE)";
  for (const std::string& name : stream_cases()) {
    const StreamCase c(name);
    write_file(fmt::format("{}/{}.h", folder, name), emit_cpp({{"y", c.y}}, c.values, {.name = name}));
    includes += fmt::format("#include \"{}.h\"\n", name);
    list += fmt::format(" CASE({})", name);
  }
  write_file(folder + "/emitted_cases.h", includes + list + "\n");
}
