// A small text to classify that needs no file: one sentence about somebody or something, and its class.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include <reel/graph/random.h>

namespace sentences {

using Labelled = std::pair<std::string, std::string>;  // label, text

// "Artist", "Athlete" or "Company". Half of the sentences also tell of somebody else, so that the words alone do not decide.
Labelled draw(reel::RandomStream& random);

}  // namespace sentences
