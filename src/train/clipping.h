// Gradient clipping, after the gradients are summed over steps and batch.
#pragma once

#include <span>
#include <string>
#include <variant>
#include <vector>

#include <reel/graph/tensor.h>
#include <reel/models/parameter_set.h>
#include <reel/train/optimizers.h>

namespace reel {

struct ClipValue {  // each element to [-limit, limit]
  double limit;
};
struct ClipNorm {  // all gradients together: g <- limit g / |g| if |g| > limit   (Pascanu et al., 2013)
  double limit;
};
struct ClipNormEach {  // the same for each parameter's gradient by itself
  double limit;
};
using Clip = std::variant<std::monostate, ClipValue, ClipNorm, ClipNormEach>;

std::string text(const Clip& rule);  // "norm 5", or "none"

// A sum of squares, times 4^power; NaN where a number is not finite.
struct Squares {
  double sum = 0;
  std::int64_t power = 0;
};

struct ClippedGradients {
  std::vector<GradientEdit> edits;  // one per gradient
  double norm = 0;                  // of all gradients together, before clipping; infinite where it is beyond the doubles
};

// InputError for a limit that is not positive, or that is 0 in T.
template <class T>
void check(const Clip& rule);

// Right for gradients of any size that T has. NumericError, naming the parameter, where a gradient holds an element that is not
// finite; InputError as check().
template <class T>
ClippedGradients clip(const Clip& rule, std::span<const Parameter> parameters, std::span<const TensorView<const T>> gradients);

// The two halves of clip(), for gradients in pieces: the squares of one's own pieces, gradient by gradient; and, from those of
// all pieces of every gradient, what to do.
template <class T>
std::vector<Squares> squares(std::span<const TensorView<const T>> gradients, const OwnPieces& pieces);
template <class T>
ClippedGradients clip_by(const Clip& rule, std::span<const Parameter> parameters, std::span<const Squares> of_pieces);

}  // namespace reel
