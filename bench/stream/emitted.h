// The cases as emitted files, compiled with -O3 and the flags of the machine.
#pragma once

#include <string>
#include <vector>

#include "measure.h"

namespace stream_bench {

struct EmittedCase {
  std::string name;
  Times (*measure)();
};
std::vector<EmittedCase> emitted_cases();

}  // namespace stream_bench
