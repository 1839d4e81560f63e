// How parameters begin. All are drawn in double and rounded, so that float and double models begin alike.
#pragma once

#include <functional>
#include <span>

#include <reel/graph/random.h>
#include <reel/graph/shape.h>

namespace reel {

// Fills the numbers of a parameter of the given shape.
using Initializer = std::function<void(std::span<double> values, const Shape& shape, RandomStream& random)>;

namespace init {

Initializer zeros();
Initializer constant(double value);
Initializer values(std::vector<double> numbers);  // exactly these, row-major; ShapeError when their count differs
Initializer normal(double deviation);             // N(0, deviation^2); min-char-rnn: normal(0.01)
Initializer normal_by_size();                     // standard deviation (rows * columns)^-1/2: the lectures' choice
Initializer truncated_normal();                   // deviation 1/sqrt(n_in), redrawn beyond two deviations (LeCun et al., 1998)
Initializer glorot();                             // uniform +-sqrt(6 / (n_in + n_out)) (Glorot and Bengio, 2010)
Initializer he();                                 // N(0, 2 / n_in), for layers with ReLU (He et al., 2015)
Initializer uniform(double bound);                // uniform +-bound
Initializer uniform_by_units(Index H);            // uniform +-1/sqrt(H)

}  // namespace init
}  // namespace reel
