// The frame of a section of a page: its heading, what it shows, its caption.
// Threads: functions of their arguments alone.
#pragma once

#include <string>
#include <string_view>

#include <reel/report/canvas.h>

namespace reel::report {

// `body` is HTML already, title and caption are text and may be empty.
std::string figure(std::string_view title, std::string_view body, std::string_view caption);

// A picture that is wider than the page can be scrolled sideways.
std::string scrolling(std::string_view body);

// The same chart for a desktop and for a phone; the page shows the one that fits.
template <class F>
std::string in_both_widths(F svg) {
  return "<div class=\"wide\">" + svg(kWide) + "</div><div class=\"narrow\">" + svg(kNarrow) + "</div>";
}

}  // namespace reel::report
