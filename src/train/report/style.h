// The style sheet of a page: colours for light and dark as variables, and the form of every kind of section.
#pragma once

#include <string_view>

namespace reel::report {

std::string_view style();

}  // namespace reel::report
