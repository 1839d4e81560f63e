// Random recipes, from a seed: a recurrent cell of random equations, unrolled, or a random DAG, or one around the other.
#pragma once

#include "trial.h"

namespace reel::test {

Recipe random_recipe(std::uint64_t seed);

// The recipe of this seed made fair: an instruction at a kink, or whose values grow too large, becomes a tanh; where that does
// not help the data shrink. Seldom nothing helps: then another recipe takes its place.
Trial random_trial(std::uint64_t seed);

}  // namespace reel::test
