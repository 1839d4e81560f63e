// Labels step by step, one row above the other, such as true and predicted ones: a colour and a number for each label, a mark
// where a row differs from the first.
// Threads: functions of their arguments alone.
#pragma once

#include <string>
#include <vector>

#include <reel/report/point.h>

namespace reel::report {

struct LabelStrip {
  std::string title = {};
  std::vector<std::string> names = {};        // of the rows, such as "true" and "predicted"
  std::vector<std::vector<int>> labels = {};  // per row, per step; a negative one stands for no label
  std::string caption = {};
};

// InputError unless each row has a name and all have the same number of steps.
void check(const LabelStrip& strip);

std::string svg(const LabelStrip& strip, double width = kWide);
std::string html(const LabelStrip& strip);

}  // namespace reel::report
