// Text and numbers as HTML and SVG show them. What users hand in may be any bytes; what comes out is valid UTF-8 without markup.
// Threads: functions of their arguments alone.
#pragma once

#include <string>
#include <string_view>

namespace reel::report {

// The first character of a text that is not empty, and how many bytes it takes. Bytes that are no UTF-8 give U+FFFD, one each.
struct Character {
  char32_t code;
  std::size_t bytes;
};
Character first_character(std::string_view text);

// For element content and for attributes in double or single quotes: & < > " ' become references, control characters their
// visible symbols (U+2400 ..; tab and newline stay), and what no document may contain U+FFFD.
std::string escape(std::string_view text);

// A number for reading: `digits` significant digits, thousands separators, a minus sign, powers of ten where they are shorter.
std::string number(double value, int digits = 4);

// Always with a power of ten.
std::string scientific(double value, int digits);

// With so many digits after the point, and thousands separators.
std::string fixed(double value, int decimals);

// "10" with a raised exponent.
std::string power_of_ten(int exponent);

// "1 point", "1,200 points".
std::string counted(std::size_t count, std::string_view noun);

}  // namespace reel::report
