// Makes a failing recipe small.
#pragma once

#include <functional>

#include "recipe.h"

namespace reel::test {

// A recipe that still fails, but no longer when any one thing more is taken away: an instruction, an output, a term of the loss,
// a step, a row, part of a leaf's shape. `fails` must hold of `recipe`.
Recipe shrink(Recipe recipe, const std::function<bool(const Recipe&)>& fails);

}  // namespace reel::test
