// Curves over a common axis, such as losses over iterations.
//
// A point or a range that is not finite, or not positive on a logarithmic axis, is left out, with a gap in its curve, and the
// caption counts it. Long curves are thinned to what the eye can tell apart: the smallest and the largest value of each column of
// the picture. Threads: functions of their arguments alone.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <reel/report/point.h>

namespace reel::report {

enum class Best : std::uint8_t { none, smallest, largest };

struct Range {
  double x, low, high;
};

struct Curve {
  std::string name = {};
  std::vector<Point> points = {};
  Best best = Best::none;        // this y gets a mark with its value
  std::vector<Range> band = {};  // around the curve: such as the smallest and the largest of several runs
};

struct Level {  // a horizontal line for reference, such as a theoretical optimum
  std::string name = {};
  double y = 0;
};

struct Mark {  // a vertical line where something happened, such as an epoch's end
  std::string name = {};
  double x = 0;
};

struct LineChart {
  std::string title = {}, x_label = {}, y_label = {};
  bool log_x = false, log_y = false;
  bool dates = false;  // x is a time in seconds since the beginning of 1970, UTC; then log_x has no meaning
  std::vector<Curve> curves = {};
  std::vector<Level> levels = {};
  std::vector<Mark> marks = {};
  std::string caption = {};
};

std::string svg(const LineChart& chart, double width = kWide);
std::string html(const LineChart& chart);

// Of points on the canvas: the first, the last, and of each column one unit wide those with the smallest and the largest y, in
// their order. A point whose y is NaN is a gap; gaps within a column close.
std::vector<Point> thinned(std::span<const Point> points);

}  // namespace reel::report
