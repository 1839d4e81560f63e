// An SVG that was made elsewhere, on white in a box that scrolls.
// Threads: functions of their arguments alone.
#pragma once

#include <string>

namespace reel::report {

struct Drawing {
  std::string title = {};
  std::string svg = {};  // embedded as it is, without what stands before and after the <svg> element: from trusted sources only
  std::string caption = {};
};

// InputError when there is no <svg> element.
void check(const Drawing& drawing);

std::string html(const Drawing& drawing);

}  // namespace reel::report
