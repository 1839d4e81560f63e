// The adding problem (Hochreiter and Schmidhuber, 1997): two numbers of a long sequence are marked, one in each half, and their
// sum is asked at the end.
#pragma once

#include <reel/graph/random.h>
#include <reel/graph/tensor.h>

namespace program {

// One batch: x [T, rows, 2], a number of [0, 1) and a mark; y [rows, 1], the sum of the two marked numbers. REQUIRES: T >= 2.
struct AddingProblem {
  reel::Tensor<float> x, y;
  AddingProblem(reel::Index T, reel::Index rows) : x(reel::Shape{T, rows, 2}), y(reel::Shape{rows, 1}) {}
  void draw(reel::RandomStream& random) {
    const reel::Index T = x.shape().dim(0), rows = x.shape().dim(1);
    for (reel::Index k = 0; k < T * rows; ++k) x[2 * k] = static_cast<float>(random.uniform()), x[2 * k + 1] = 0;
    for (reel::Index r = 0; r < rows; ++r) {
      const reel::Index first = random.below(T / 2), second = T / 2 + random.below(T - T / 2);
      y[r] = 0;
      for (reel::Index t : {first, second}) x[2 * (t * rows + r) + 1] = 1, y[r] += x[2 * (t * rows + r)];
    }
  }
};

}  // namespace program
