// A text on the colours of a unit's activation, character by character (after Karpathy, Johnson and Li, 2015): red for positive,
// blue for negative values. Spaces, tabs and line breaks are there and visible.
// Threads: functions of their arguments alone.
#pragma once

#include <string>
#include <vector>

namespace reel::report {

struct ColouredText {
  std::string title = {};
  std::string text = {};
  std::vector<float> activation = {};  // one per byte of the text, in [-1, 1]; a character of several bytes shows its first
  std::string caption = {};
};

// InputError unless there is one activation per byte.
void check(const ColouredText& coloured);

std::string html(const ColouredText& coloured);

}  // namespace reel::report
