// refused: a Tensor is of float, double, std::int32_t or std::complex<double>
#include <reel/graph/tensor.h>

int main() { return static_cast<int>(reel::Tensor<std::int64_t>(reel::Shape{2}).size()); }
