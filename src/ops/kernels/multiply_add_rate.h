// The machine's rate of float multiply-adds at this moment: what the rates in a profile are shares of.
#pragma once

namespace reel::kernels {

// GFLOPS of one thread over a loop that lives in registers, for about 50 ms.
double multiply_add_gflops();

}  // namespace reel::kernels
