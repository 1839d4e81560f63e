// What a program is and runs on, so that ranks can tell whether they would compute the same bits. Internal to src/train.
#pragma once

#include <string>

namespace reel {

// The build ID that the linker gave the program; where there is none, the compiler's version.
std::string build_id();
// Highway's name of the instruction set that kernels use: "AVX3".
std::string instruction_set();

}  // namespace reel
