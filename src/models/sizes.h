// Sizes of models as their options give them.
#pragma once

#include <initializer_list>
#include <string>
#include <utility>

#include <reel/graph/shape.h>

namespace reel {

// InputError, naming the model and the size, unless every one is 1 or more.
void require_sizes(const std::string& model, std::initializer_list<std::pair<const char*, Index>> sizes);

}  // namespace reel
