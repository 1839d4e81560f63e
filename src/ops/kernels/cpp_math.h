// What forms in C++ (graph/cpp_form.h) call: exp, tanh and the logistic function as in kernels/math-inl.h, and what decides. All
// without branches, on bits where they compare, so that compilers make vectors of loops that call them.
#pragma once

#include <reel/graph/cpp_form.h>

namespace reel::kernels {

extern const CppFunction kCppBits;     // from_bits, to_bits, is_negative, pick
extern const CppFunction kCppExp;      // exp_of
extern const CppFunction kCppTanh;     // tanh_of
extern const CppFunction kCppSigmoid;  // sigmoid_of
extern const CppFunction kCppRelu;     // relu_of
extern const CppFunction kCppSatlins;  // satlins_of
extern const CppFunction kCppStep;     // step_of
extern const CppFunction kCppSelect;   // select_of
extern const CppFunction kCppSum;      // sum_of<n>(x)
extern const CppFunction kCppMax;      // largest_of<n, after>(x): NaN where there is one

}  // namespace reel::kernels
