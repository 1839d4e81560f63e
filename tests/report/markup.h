// What the tests of reports share: is the markup sound?
#pragma once

#include <string>
#include <string_view>

namespace reel::test {

// Empty when every tag is closed in order, attributes are quoted and named once, only known references occur, no character is
// forbidden, and no address but the SVG namespace and data URIs is named; otherwise what is wrong, and near what.
std::string markup_fault(std::string_view markup);

// How often `part` occurs.
std::size_t occurrences(std::string_view text, std::string_view part);

}  // namespace reel::test
