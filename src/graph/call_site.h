// The line of the user's program that recorded a node, for error messages.
//
// The two builtins stand in for std::source_location, which libstdc++ 12 withholds from clang 14.
#pragma once

#include <string>
#include <string_view>

#include <fmt/format.h>

namespace reel {

struct CallSite {
  const char* file = "";
  unsigned line = 0;

  static constexpr CallSite current(const char* file = __builtin_FILE(), unsigned line = __builtin_LINE()) {
    return {file, line};
  }

  // "char_rnn.cpp:41", or "" where no line was captured.
  std::string text() const {
    if (line == 0) return {};
    std::string_view path = file;
    return fmt::format("{}:{}", path.substr(path.find_last_of('/') + 1), line);
  }
};

}  // namespace reel
