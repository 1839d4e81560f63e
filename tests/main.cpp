// The test runner. Besides doctest's options: --every-target repeats the run on each instruction set of Highway's that this
// machine offers.
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <cstring>

#include <fmt/format.h>
#include <hwy/highway.h>

namespace {

int run(int argc, char** argv) {
  doctest::Context context(argc, argv);
  return context.run();
}

int run_on_every_target(int argc, char** argv) {
  int failed = 0;
  for (std::int64_t target : hwy::SupportedAndGeneratedTargets()) {
    fmt::print("instruction set: {}\n", hwy::TargetName(target));
    std::fflush(stdout);
    hwy::SetSupportedTargetsForTest(target);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
    failed |= run(argc, argv);
  }
  hwy::SetSupportedTargetsForTest(0);
  return failed;
}

}  // namespace

int main(int argc, char** argv) {
  for (int i = 1; i < argc; ++i)
    if (std::strcmp(argv[i], "--every-target") == 0) return run_on_every_target(argc, argv);
  return run(argc, argv);
}
