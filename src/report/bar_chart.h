// Bars from 0, group by group, such as the share that is right of each class before and after training.
//
// A value that is not finite has no bar, is said to be missing, and is counted in the caption.
// Threads: functions of their arguments alone.
#pragma once

#include <string>
#include <vector>

#include <reel/report/line_chart.h>
#include <reel/report/point.h>

namespace reel::report {

struct BarGroup {
  std::string name = {};
  std::vector<double> values = {};  // one for each series
};

struct BarChart {
  std::string title = {}, label = {};    // label: of the values, such as "% right"
  std::vector<std::string> series = {};  // names; none: there is one, which needs no name
  std::vector<BarGroup> groups = {};
  std::vector<Level> levels = {};  // for reference, such as what chance gives
  std::string caption = {};
};

// InputError unless each group has one value for each series.
void check(const BarChart& chart);

std::string svg(const BarChart& chart, double width = kWide);
std::string html(const BarChart& chart);

}  // namespace reel::report
