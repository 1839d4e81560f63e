// The machine's rate of float multiply-adds at this moment.
#pragma once

// GFLOPS of one thread over a loop that lives in registers, about 50 ms.
double fma_gflops();
