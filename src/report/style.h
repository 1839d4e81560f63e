// The style sheet of a page: colours for light and dark as variables, and the form of every kind of section.
#pragma once

#include <string>

namespace reel::report {

constexpr int kBackgrounds = 10;  // classes p1 .. p10 and n1 .. n10: red and blue of growing strength behind text

std::string style();

}  // namespace reel::report
