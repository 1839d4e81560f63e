// What a program is and runs on, so that ranks can tell whether they would compute the same bits. Internal to src/train.
#pragma once

#include <string>

namespace reel {

// The build IDs that the linker gave the program, reel where it is a shared library, and the C library's mathematics; where there
// are none, the compiler's version.
std::string build_id();
// Highway's name of the instruction set that kernels use: "AVX3".
std::string instruction_set();

}  // namespace reel
